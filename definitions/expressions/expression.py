"""A compiled condition, and the one way to make it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from definitions.errors import ConditionError, ReferenceUnresolved
from definitions.expressions.compiling import Closure, compile_parsed
from definitions.expressions.loop_paths import loop_paths
from definitions.expressions.operations import Frame, result_checked, truth
from definitions.expressions.parsing import parse
from definitions.scope import Scope
from definitions.values import Path


class Expression:
    """`text` as it was written; `step_ids`, the steps it looks at, in order of appearance; `loop_paths`, what it asks
    `loop` for."""

    __slots__ = ("_run", "loop_paths", "step_ids", "text")

    def __init__(self, text: str, run: Closure, step_ids: tuple[str, ...], loop_paths: tuple[Path, ...]) -> None:
        self.text = text
        self.step_ids = step_ids
        self.loop_paths = loop_paths
        self._run = run

    def evaluate(self, scope: Scope) -> Any:
        """The value, at most 64 KiB of JSON. Raises `ConditionError` and nothing else."""
        frame = Frame(scope)
        try:
            return result_checked(self._run(frame))
        except (ConditionError, ReferenceUnresolved) as error:
            raise self._failed(error) from None

    def test(self, scope: Scope) -> bool:
        """Whether the value counts as true (null, 0 and what is empty do not). Raises `ConditionError` only."""
        frame = Frame(scope)
        try:
            return truth(self._run(frame))
        except (ConditionError, ReferenceUnresolved) as error:
            raise self._failed(error) from None

    def _failed(self, error: ConditionError | ReferenceUnresolved) -> ConditionError:
        shown = self.text if len(self.text) <= 200 else f"{self.text[:200]}..."
        return ConditionError(f"condition `{shown}` failed: {error.message}", remedy=error.remedy)

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"


@lru_cache(maxsize=4096)
def compile_expression(text: str) -> Expression:
    """Compile an `expr_v1` expression; the same text gives the same (immutable) object.

    Raises `ExpressionRefused`, which quotes the offending text, for everything that is not allowed.
    """
    parsed = parse(text)
    run, step_ids = compile_parsed(parsed)
    return Expression(text, run, step_ids, loop_paths(parsed))
