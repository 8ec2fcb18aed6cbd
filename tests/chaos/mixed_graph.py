"""The definition that crash rounds run: a chain with a retried step, a fan-out, a join and a chain again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

RETRIED = "retried"
_FAN_OUT = (0.5, 0.7, 0.9, 1.2, 1.5)
_RETRY_AFTER = 0.3
_CHAIN = {"first": 0.3, "second": 0.4, RETRIED: 0.2, "join": 0.3, "after": 0.5, "last": 0.2}
SHORTEST = sum(_CHAIN.values()) + _CHAIN[RETRIED] + _RETRY_AFTER + max(_FAN_OUT)
"""Seconds that a run takes if nothing but its steps takes any."""


def mixed_graph(ledger: Path) -> dict[str, Any]:
    """The definition; its steps write to the ledger."""

    def step(step_id: str, handler: str, after: list[str], seconds: float | None = None, **more: Any) -> dict[str, Any]:
        took = _CHAIN[step_id] if seconds is None else seconds
        given = {"ledger": str(ledger), "seconds": took, **more.pop("given", {})}
        return {"id": step_id, "handler": f"ledger.{handler}", "input": given, "depends_on": after, **more}

    wide = [f"wide{n}" for n in range(len(_FAN_OUT))]
    retry = {"max_attempts": 3, "initial_interval": _RETRY_AFTER, "backoff_coefficient": 1}
    return {
        "name": "mixed",
        "steps": [
            step("first", "work", []),
            step("second", "plain_work", ["first"]),
            step(RETRIED, "work", ["second"], retry=retry, given={"fails": 1}),
            *(
                step(name, "plain_work" if n % 2 else "work", [RETRIED], seconds)
                for n, (name, seconds) in enumerate(zip(wide, _FAN_OUT, strict=True))
            ),
            step("join", "work", wide),
            step("after", "plain_work", ["join"]),
            step("last", "work", ["after"]),
        ],
    }


def attempts_of(step_id: str) -> list[int]:
    """The numbers of the attempts that a step makes when nothing happens to it."""
    return [1, 2] if step_id == RETRIED else [1]
