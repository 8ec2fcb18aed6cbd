"""The definition that crash rounds run: a chain with a retried step, a fan-out, a join and a chain again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

LENGTH = 4.3
"""How long a run takes when nothing happens to it, about, in seconds."""
RETRIED = "retried"
_FAN_OUT = (0.5, 0.7, 0.9, 1.2, 1.5)


def mixed_graph(ledger: Path) -> dict[str, Any]:
    """The definition; its steps write to the ledger."""

    def step(step_id: str, handler: str, seconds: float, after: list[str], **more: Any) -> dict[str, Any]:
        given = {"ledger": str(ledger), "seconds": seconds, **more.pop("given", {})}
        return {"id": step_id, "handler": f"ledger.{handler}", "input": given, "depends_on": after, **more}

    wide = [f"wide{n}" for n in range(len(_FAN_OUT))]
    retry = {"max_attempts": 3, "initial_interval": 0.3, "backoff_coefficient": 1}
    return {
        "name": "mixed",
        "steps": [
            step("first", "work", 0.3, []),
            step("second", "plain_work", 0.4, ["first"]),
            step(RETRIED, "work", 0.2, ["second"], retry=retry, given={"fails": 1}),
            *(
                step(name, "plain_work" if n % 2 else "work", seconds, [RETRIED])
                for n, (name, seconds) in enumerate(zip(wide, _FAN_OUT, strict=True))
            ),
            step("join", "work", 0.3, wide),
            step("after", "plain_work", 0.5, ["join"]),
            step("last", "work", 0.2, ["after"]),
        ],
    }


def attempts_of(step_id: str) -> list[int]:
    """The numbers of the attempts that a step makes when nothing happens to it."""
    return [1, 2] if step_id == RETRIED else [1]
