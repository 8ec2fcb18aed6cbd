"""What is recorded of a run that is to be replayed, and the steps that such runs are made of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from tests.histories.steering import Run

Steer = Callable[[Run], Awaitable[None]]


@dataclass(frozen=True)
class Feature:
    """A definition, a run of it, and what somebody does to that run meanwhile."""

    name: str
    steps: list[dict[str, Any]]
    options: dict[str, Any] = field(default_factory=dict)
    """The other fields of the definition."""
    run_input: Any = None
    steer: Steer | None = None
    status: str = "completed"
    """How the run ends."""
    others: tuple[dict[str, Any], ...] = ()
    """Definitions that it starts runs of."""

    @property
    def document(self) -> dict[str, Any]:
        return {"name": self.name, **self.options, "steps": self.steps}


def echo(step_id: str, *depends_on: str, **fields: Any) -> dict[str, Any]:
    return {"id": step_id, "handler": "steps.echo", "depends_on": list(depends_on), **fields}


def give(step_id: str, value: Any, *depends_on: str) -> dict[str, Any]:
    return {"id": step_id, "handler": "steps.give", "input": {"value": value}, "depends_on": list(depends_on)}


def fail(step_id: str, *depends_on: str, **fields: Any) -> dict[str, Any]:
    return {"id": step_id, "handler": "steps.fail", "depends_on": list(depends_on), **fields}


def wait(step_id: str, seconds: float, *depends_on: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": step_id,
        "handler": "steps.wait",
        "input": {"seconds": seconds},
        "depends_on": list(depends_on),
        **fields,
    }
