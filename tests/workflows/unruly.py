"""Workflows that do what no workflow may, and one that evaluates conditions: for the sandbox to run.

In a module of their own, as the sandbox imports it anew for each run.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from definitions.errors import LongpoleError
    from definitions.expressions import compile_expression
    from definitions.scope import Scope

FORBIDDEN: dict[str, Callable[[], Any]] = {
    "datetime.now": lambda: datetime.now(),  # noqa: DTZ005
    "datetime.today": lambda: datetime.today(),  # noqa: DTZ002
    "time.time": lambda: time.time(),
    "time.sleep": lambda: time.sleep(0),
    "random.random": lambda: random.random(),
    "random.choice": lambda: random.choice([1, 2]),
    "open": lambda: open(__file__),  # noqa: SIM115
    "input": lambda: input(),
}


@workflow.defn(failure_exception_types=[Exception])
class Unruly:
    """Does one thing that would make it another run each time."""

    @workflow.run
    async def run(self, what: str) -> None:
        FORBIDDEN[what]()


@workflow.defn(failure_exception_types=[Exception])
class Conditions:
    """Evaluates expressions as steps' conditions are."""

    @workflow.run
    async def run(self, expressions: list[str], scope: dict[str, Any]) -> list[Any]:
        return [evaluated(each, scope) for each in expressions]


def evaluated(expression: str, scope: dict[str, Any]) -> Any:
    """What an expression yields, or the error it fails with, as JSON."""
    scope = {**scope, "skipped": set(scope["skipped"])}
    try:
        return ["value", compile_expression(expression).evaluate(Scope(**scope))]
    except LongpoleError as error:
        return [error.code, str(error)]
