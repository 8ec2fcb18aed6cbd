"""A worker that is killed in the middle of a large run: another one goes on, and does nothing again that was done."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.crash_round import DEADLINE, completion_times, repeated_after_completion
from tests.chaos.effects import read_effects
from tests.chaos.lane import Lane, open_lane
from tests.polling import eventually
from tests.running import ended, histories, statuses

LAYER = 200


def layered(ledger: Path, steps: int) -> dict[str, Any]:
    """Layers of 200 steps, each after one of the layer before."""
    return {
        "name": "large",
        "steps": [
            {
                "id": f"s{n}",
                "handler": "ledger.work",
                "input": {"ledger": str(ledger), "seconds": 0},
                "depends_on": [f"s{n - LAYER}"] if n >= LAYER else [],
            }
            for n in range(steps)
        ],
    }


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("steps", "events"), [(800, 2_000), pytest.param(10_000, 10_000, marks=pytest.mark.soak)])
async def test_no_step_of_a_large_run_that_was_completed_runs_again(tmp_path: Path, steps: int, events: int) -> None:
    """In several histories, each of at most so many events."""
    async with open_lane(tmp_path, max_history_events=events) as lane:
        ledger = tmp_path / "ledger.jsonl"
        await lane.complete()
        execution_id = await begin_and_kill(lane, ledger, steps)
        execution = await ended(lane.engine, execution_id)
        assert execution.status == "completed", execution.error
        assert Counter(statuses(execution).values()) == {"completed": steps}
        completed = await completion_times(lane.engine, execution_id)
        assert len(completed) == steps
        assert len(await histories(lane.engine, execution_id)) > 1
    effects = read_effects(ledger)
    assert repeated_after_completion(effects, completed) == []
    assert {effect.step for effect in effects} == set(completed)
    # What was in flight on the worker that was killed began again, and nothing else.
    begun = Counter(effect.step for effect in effects if effect.what == "start")
    assert sum(begun.values()) - steps <= lane.settings.max_concurrent_steps


async def begin_and_kill(lane: Lane, ledger: Path, steps: int) -> str:
    """The run whose worker is killed when half of it is done."""
    stored = await lane.engine.definitions.save(layered(ledger, steps))
    execution_id = await lane.engine.executions.start(stored, {})

    async def half_way() -> bool:
        return ledger.exists() and ledger.read_bytes().count(b"\n") >= steps

    await eventually(half_way, seconds=4 * DEADLINE)
    await lane.strike("worker", read_effects(ledger)[-1].pid)
    return execution_id
