"""Code blocks of Markdown documents, run as they stand; `await` may be used outside of functions."""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import dataclass
from types import CodeType
from typing import Any

_FENCED = re.compile(r"^```(?P<language>\w+)(?: file=(?P<file>\S+))?\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: its text, the line of the document that it starts at, and the file that it is meant to be."""

    code: str
    line: int
    file: str | None


def blocks(document: str, language: str = "python") -> list[Block]:
    """The blocks of a language, in order."""
    return [
        Block(match["code"], document.count("\n", 0, match.start("code")) + 1, match["file"])
        for match in _FENCED.finditer(document)
        if match["language"] == language
    ]


async def run_block(block: Block, namespace: dict[str, Any], *, name: str) -> None:
    """Run a block of Python; `namespace` is what it finds and what it leaves. Errors tell the document's line."""
    tree = ast.parse(block.code, name)
    ast.increment_lineno(tree, block.line - 1)
    code: CodeType = compile(tree, name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    outcome = eval(code, namespace)
    if inspect.isawaitable(outcome):
        await outcome
