"""The documents of what is measured."""

from __future__ import annotations

from typing import Any


def chain(steps: int, *, local: bool = False) -> dict[str, Any]:
    """A definition of steps one after the other."""
    return {
        "name": f"chain-{steps}",
        "steps": [_step(f"s{n}", n, [f"s{n - 1}"] if n else [], local=local) for n in range(steps)],
    }


def fan_out(steps: int, *, local: bool = False) -> dict[str, Any]:
    """A definition of steps side by side, and one that waits for all."""
    wide = [_step(f"s{n}", n, [], local=local) for n in range(steps)]
    join = _step("join", steps, [step["id"] for step in wide], local=local)
    return {"name": f"fan-out-{steps}", "steps": [*wide, join]}


def _step(step_id: str, n: int, depends_on: list[str], *, local: bool) -> dict[str, Any]:
    return {"id": step_id, "handler": "bench_steps.no_op", "input": {"n": n}, "depends_on": depends_on, "local": local}
