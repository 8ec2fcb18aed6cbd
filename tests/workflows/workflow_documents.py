"""Definitions, and runs of them, in one line each."""

from __future__ import annotations

from typing import Any

from definitions.model import Definition
from definitions.validation import load
from tests.workflows.driving import Behaviour, Driver, scripted


def step(step_id: str, *depends_on: str, **fields: Any) -> dict[str, Any]:
    """A step with a handler."""
    return {"id": step_id, "handler": "test.handler", "depends_on": list(depends_on), **fields}


def workflow(*steps: dict[str, Any], **fields: Any) -> Definition:
    """A checked definition."""
    return load({"name": "example", "steps": list(steps), **fields})


def drive(
    definition: Definition, behaviours: dict[str, Behaviour] | None = None, *, run_input: Any = None, **options: Any
) -> Driver:
    """The run, driven to its end."""
    driver = Driver(definition, scripted(behaviours or {}), run_input=run_input, **options)
    driver.run()
    return driver


def gives(output: Any, seconds: float = 1.0, **fields: Any) -> Behaviour:
    return Behaviour(output=output, seconds=seconds, **fields)


def breaks(error_class: str = "broken", seconds: float = 1.0) -> Behaviour:
    return Behaviour(error=error_class, seconds=seconds)
