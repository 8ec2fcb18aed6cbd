"""Traces of real scientific workflows, run: every task after all of its parents."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from definitions.wfformat import from_wfformat
from engine.core import Engine
from tests.running import begin, ended

TRACES = Path(os.environ.get("LONGPOLE_WFINSTANCES", Path(__file__).parents[3] / "shared" / "wfinstances"))
SMALL = 200
"""Tasks of a trace that is run beside others."""
SECONDS = 4.0
"""How long the longest path of such a run sleeps."""
SPEEDUP = 1000
"""Of larger ones."""


def traces() -> dict[str, dict[str, Any]]:
    """All that are there, by name."""
    read = {path.stem: json.loads(path.read_text()) for path in sorted(TRACES.glob("*.json"))}
    if not read:
        pytest.skip(f"no WfFormat traces in {TRACES}: set LONGPOLE_WFINSTANCES")
    return read


def parents_of(trace: dict[str, Any]) -> dict[str, list[str]]:
    return {task["id"]: task["parents"] for task in trace["workflow"]["specification"]["tasks"]}


def longest_path(trace: dict[str, Any]) -> float:
    """The seconds that the trace would take if nothing had to wait but for its parents."""
    runtimes = {task["id"]: task["runtimeInSeconds"] for task in trace["workflow"]["execution"]["tasks"]}
    parents = parents_of(trace)
    done: dict[str, float] = {}
    while len(done) < len(parents):
        for task, before in parents.items():
            if task not in done and all(parent in done for parent in before):
                done[task] = runtimes[task] + max((done[parent] for parent in before), default=0.0)
    return max(done.values())


@pytest.mark.long
async def test_traces_run_in_the_order_of_their_dependencies(service: Engine) -> None:
    small = [trace for trace in traces().values() if len(parents_of(trace)) <= SMALL]
    await asyncio.gather(*(runs_in_order(service, trace, max(longest_path(trace) / SECONDS, 1e-3)) for trace in small))


@pytest.mark.long
async def test_large_traces_do_too(service: Engine) -> None:
    for trace in traces().values():
        if len(parents_of(trace)) > SMALL:
            await runs_in_order(service, trace, SPEEDUP)


async def runs_in_order(engine: Engine, trace: dict[str, Any], speedup: float) -> None:
    document = from_wfformat(trace, speedup=speedup)
    execution = await ended(engine, await begin(engine, document))
    assert execution.status == "completed"
    steps = {step.title: step for step in execution.steps}
    parents = parents_of(trace)
    assert steps.keys() == parents.keys()
    for task, before in parents.items():
        started = steps[task].started_at
        # Not in how many attempts: one whose worker hears nothing of the processor for seconds is made once more.
        assert steps[task].status == "completed"
        assert started is not None
        for parent in before:
            completed = steps[parent].completed_at
            assert completed is not None
            assert completed <= started, f"{task} of {execution.name} began before {parent} had ended"
