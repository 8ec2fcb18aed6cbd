"""The modules of `workflows` that the sandbox does not execute anew: read for what the sandbox would have caught."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Collection
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest

from definitions.expressions.python_syntax import past_parser_fault
from engine.sandbox import HANDLERS, PURE

STANDARD_LIBRARY = {
    *("__future__", "collections", "collections.abc", "dataclasses", "datetime", "heapq", "itertools", "json", "types"),
    "typing",
}
IMPURE_NAMES = {
    *("open", "input", "print", "id", "hash", "globals", "locals", "vars", "eval", "exec", "__import__"),
    *("now", "utcnow", "today", "time", "monotonic", "random", "uuid4", "environ", "getenv"),
}
"""What is called nowhere in them."""


def _imports(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found |= {node.module or "."} if node.module != "workflows" else {f"workflows.{n.name}" for n in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def impurities(source: str, also: Collection[str] = ()) -> list[str]:
    """What in a module's source makes it unfit to be shared between runs, or to be replayed.

    `also`: what else it may import."""
    tree = past_parser_fault(lambda: ast.parse(source))
    found = [
        f"imports {name}"
        for name in sorted(_imports(tree))
        if name not in STANDARD_LIBRARY
        and name not in (*PURE, *also, "temporalio.common")
        and name.partition(".")[0] != "definitions"
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in IMPURE_NAMES:
                found.append(f"calls {name} in line {node.lineno}")
        elif isinstance(node, ast.Global | ast.Nonlocal):
            found.append(f"changes outer names in line {node.lineno}")
        elif isinstance(node, ast.For | ast.comprehension) and _has_no_order(node.iter):
            found.append(f"goes through a set in line {node.iter.lineno}")
    return found


def _has_no_order(node: ast.expr) -> bool:
    made = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
    return isinstance(node, ast.Set | ast.SetComp) or made in ("set", "frozenset")


def _own_state(module: ModuleType) -> list[str]:
    def changeable(value: Any) -> bool:
        return isinstance(value, list | dict | set | bytearray) or (
            isinstance(value, FunctionType) and hasattr(value, "cache_clear")
        )

    return [name for name, value in vars(module).items() if not name.startswith("__") and changeable(value)]


@pytest.mark.parametrize("name", PURE)
def test_it_is_pure(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__file__ is not None
    assert impurities(Path(module.__file__).read_text()) == []
    assert _own_state(module) == []


def test_what_temporal_sees_hands_on_all_that_it_is_told() -> None:
    module = importlib.import_module(HANDLERS)
    assert module.__file__ is not None
    assert impurities(Path(module.__file__).read_text(), also=("temporalio", "workflows.driver")) == []
    assert _own_state(module) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("import random", "imports random"),
        ("from time import monotonic", "imports time"),
        ("from workflows import dag", "imports workflows.dag"),
        ("import datetime\ndatetime.datetime.now()", "calls now in line 2"),
        ("for each in set(x): pass", "goes through a set in line 1"),
        ("def f():\n    global x\n    x = 1", "changes outer names in line 2"),
    ],
)
def test_what_is_not_is_found(line: str, said: str) -> None:
    assert impurities(line) == [said]
