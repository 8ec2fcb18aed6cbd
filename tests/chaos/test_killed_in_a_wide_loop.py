"""A worker that is killed in the middle of a wide loop: another goes on, and no iteration that was done runs again."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.crash_round import DEADLINE, completion_times, repeated_after_completion
from tests.chaos.effects import read_effects
from tests.chaos.lane import open_lane
from tests.polling import eventually
from tests.running import ended, histories


def looped(ledger: Path, iterations: int) -> dict[str, Any]:
    """One loop, all of its iterations side by side, each with a step in a branch."""
    work = {"id": "work", "handler": "ledger.work", "input": {"ledger": str(ledger), "seconds": 0}}
    number = {"id": "number", "handler": "ledger.number", "input": {"value": "${loop.current_item}"}, "local": True}
    route = {"id": "route", "branch": {"if": "${loop.current_item} >= 0", "then": [work]}}
    loop = {
        "iterate_over": "${workflow.input.items}",
        "max_iterations": iterations,
        "parallel": True,
        "steps": [route, {**number, "depends_on": ["route"]}],
    }
    return {"name": "wide", "steps": [{"id": "each", "loop": loop}]}


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("iterations", "events"), [(400, 2_000), pytest.param(2_500, 10_000, marks=pytest.mark.soak)])
async def test_no_iteration_that_was_completed_runs_again(tmp_path: Path, iterations: int, events: int) -> None:
    """In several histories, each of at most so many events."""
    async with open_lane(tmp_path, max_history_events=events) as lane:
        ledger = tmp_path / "ledger.jsonl"
        await lane.complete()
        stored = await lane.engine.definitions.save(looped(ledger, iterations))
        execution_id = await lane.engine.executions.start(stored, {"items": list(range(iterations))})

        async def half_way() -> bool:
            return ledger.exists() and ledger.read_bytes().count(b"\n") >= iterations

        await eventually(half_way, seconds=4 * DEADLINE)
        await lane.strike("worker", read_effects(ledger)[-1].pid)
        execution = await ended(lane.engine, execution_id)
        assert execution.status == "completed", execution.error
        assert execution.output == list(range(iterations))
        completed = await completion_times(lane.engine, execution_id)
        assert len(await histories(lane.engine, execution_id)) > 1
        inner = await lane.engine.executions.inner_steps(execution_id, limit=1)
    effects = read_effects(ledger)
    assert repeated_after_completion(effects, completed) == []
    assert {f"each[{n}].route.work" for n in range(iterations)} == {effect.step for effect in effects}
    assert inner.counts == {"completed": 3 * iterations}
    # What was in flight on the worker that was killed began again, and nothing else.
    begun = Counter(effect.step for effect in effects if effect.what == "start")
    assert sum(begun.values()) - iterations <= lane.settings.max_concurrent_steps
