"""Expressions are compiled by several threads at once: requests, workers, the command line."""

from __future__ import annotations

import ast
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from definitions.errors import ExpressionRefused
from definitions.expressions import compile_expression
from definitions.expressions.python_syntax import past_parser_fault


def test_the_parser_is_asked_again_when_threads_got_into_each_others_way() -> None:
    faults = [SystemError("AST constructor recursion depth mismatch (before=141, after=159)")] * 3

    def parse() -> ast.Expression:
        if faults:
            raise faults.pop()
        return ast.parse("1 < 2", mode="eval")

    assert isinstance(past_parser_fault(parse).body, ast.Compare)


def test_what_is_wrong_with_a_source_is_told_at_once() -> None:
    with pytest.raises(SyntaxError):
        past_parser_fault(lambda: ast.parse("1 <", mode="eval"))


def test_threads_compile_side_by_side() -> None:
    together = threading.Barrier(4)

    def compile_many(thread: int) -> int:
        together.wait(90)
        refused = 0
        for number in range(100):
            assert compile_expression(f"{'(' * 30}{thread} + {number}{')' * 30} > 0") is not None
            try:
                compile_expression("(" * 500 + "1" + ")" * 500)
            except ExpressionRefused:
                refused += 1
        return refused

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(compile_many, range(4))) == [100] * 4
