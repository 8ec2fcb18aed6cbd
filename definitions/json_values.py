"""What makes a value JSON that every store keeps as it is, and the limits of what is taken."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from definitions.errors import Problem
from definitions.values import Path, path_text

MAX_DEPTH = 64
MAX_BYTES = 64 * 1024 * 1024

_MAX_PROBLEMS = 100
_WIDEST = 2_000_000
"""Values on one level that are looked at side by side; of more, which shared parts may make of little, one by one."""


def json_problems(value: Any, *, max_bytes: int = MAX_BYTES) -> list[Problem]:
    """Everything in a value that JSON can't hold (codes `not_json`), and limits it exceeds (`too_deep`, `too_large`).

    Looks at no more of it than the limits allow, so that shared parts (YAML aliases) can't blow it up.
    """
    if _is_plain(value, max_bytes):
        return []
    problems: list[Problem] = []
    size = 0
    stack: list[tuple[Any, Path]] = [(value, ())]
    while stack and len(problems) < _MAX_PROBLEMS:
        item, path = stack.pop()
        if isinstance(item, Mapping):
            size += 2
            for key in item:
                size += 4 + (len(key) if isinstance(key, str) else 0)
                if problem := _key_problem(key):
                    problems.append(
                        Problem("not_json", field_path(path), problem, "keys are strings: put it in quotes")
                    )
            stack.extend((part, (*path, key)) for key, part in reversed(list(item.items())) if isinstance(key, str))
        elif isinstance(item, list | tuple):
            size += 2 + len(item)
            stack.extend((part, (*path, index)) for index, part in reversed(list(enumerate(item))))
        else:
            size += len(item) + 2 if isinstance(item, str) else 4
            if problem := _leaf_problem(item):
                problems.append(Problem("not_json", field_path(path), problem))
        if len(path) > MAX_DEPTH:
            remedy = "move the data into the run's input, or make it flatter"
            return [
                *problems,
                Problem("too_deep", field_path(path[:3]), f"nested deeper than {MAX_DEPTH} levels", remedy),
            ]
        if size > max_bytes:
            remedy = "move data into the run's input, or split the workflow"
            return [*problems, Problem("too_large", "", f"larger than {max_bytes} bytes", remedy)]
    return problems


def _is_plain(value: Any, max_bytes: int) -> bool:
    """Whether nothing is wrong, seen level by level without noting where anything is, which takes a fifth of the time.
    False: look closer."""
    size = 0
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        below: list[Any] = []
        for item in level:
            kind = type(item)
            if kind is str:
                size += len(item) + 2
                if _text_problem(item):
                    return False
            elif kind is dict:
                size += 2
                for key in item:
                    if type(key) is not str or _text_problem(key):
                        return False
                    size += 4 + len(key)
                below += item.values()
            elif kind is list or kind is tuple:
                size += 2 + len(item)
                below += item
            elif item is None or kind is bool or kind is int or (kind is float and math.isfinite(item)):
                size += 4
            else:
                return False
            if size > max_bytes or len(below) > _WIDEST:
                return False
        if not below:
            return True
        level = below
    return False


def field_path(path: Path) -> str:
    """`steps[2].depends_on[0]`; empty for the whole."""
    return path_text("", path).removeprefix(".")


def _key_problem(key: object) -> str:
    if not isinstance(key, str):
        return f"the key {str(key)[:80]!r} is not a string"
    return _text_problem(key)


def _leaf_problem(item: object) -> str:
    if item is None or isinstance(item, bool | int):
        return ""
    if isinstance(item, float):
        return "" if math.isfinite(item) else f"{item} is not a number that JSON knows"
    if isinstance(item, str):
        return _text_problem(item)
    return f"a {type(item).__name__} is not JSON"


def _text_problem(text: str) -> str:
    if "\x00" in text:
        return "holds a NUL character, which PostgreSQL can't keep"
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        return "holds half of a surrogate pair, which is no text"
    return ""
