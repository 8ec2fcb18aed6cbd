"""What an expression asks `loop` for, as far as it is written out."""

from __future__ import annotations

import ast

from definitions.expressions.parsing import Parsed
from definitions.values import Path


def loop_paths(parsed: Parsed) -> tuple[Path, ...]:
    """`("parent", "index")` for `loop.parent['index']`; each path once, none that is the beginning of another."""
    found = {path: None for node in ast.walk(parsed.tree) if (path := _path(parsed, node)) is not None}
    beginnings = {path[:length] for path in found for length in range(len(path))}
    return tuple(path for path in found if path not in beginnings)


def _path(parsed: Parsed, node: ast.AST) -> Path | None:
    keys: list[str | int] = []
    while True:
        match node:
            case ast.Attribute(value=holder, attr=key):
                keys.append(key)
            case ast.Subscript(value=holder, slice=ast.Constant(value=key)) if isinstance(key, str | int):
                keys.append(key)
            case ast.Name(id="loop"):
                return tuple(reversed(keys))
            case ast.Name(id=name) if name in parsed.references and parsed.references[name].root == "loop":
                return (*parsed.references[name].path, *reversed(keys))
            case _:
                return None
        node = holder
