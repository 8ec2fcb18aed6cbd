"""One run of the mixed graph, one fault in the middle of it, and what became of both."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass

from definitions.calls import FINAL_RUN_STATUSES
from engine.core import Engine
from tests.chaos.effects import Effect, read_effects, starts
from tests.chaos.lane import Fault, Lane
from tests.chaos.mixed_graph import attempts_of, mixed_graph
from tests.polling import eventually
from tests.running import histories

DEADLINE = 120.0
EXIT_SECONDS = 90.0
ATTEMPTS = 3
"""How many runs a round may take until the fault comes in the middle of one."""


@dataclass(frozen=True)
class Round:
    """What became of it."""

    fault: Fault
    moment: float
    """When the fault came, in seconds after the first step began."""
    wrong: list[str]
    """What must not be, in words; empty when all is as promised."""
    in_flight: list[str]
    """Steps that were under way, by the history."""
    repeated: int
    """How many attempts were begun again."""
    recovery: float
    """Seconds from the fault until the last of the steps that were begun again was; until the next step began where
    there was none; until the end of the run where there was no step left to begin."""
    duration: float
    """Seconds from the first step to the end of the run."""


async def crash_round(lane: Lane, fault: Fault, moment: float, name: str) -> Round:
    """`moment` seconds after the first step of a run began, the fault hits the worker that began the last step, or the
    server; then all is looked at. A fault that came after the run says nothing: another run, an earlier fault."""
    for attempt in range(ATTEMPTS):
        found = await _struck(lane, fault, moment * (1 - attempt / ATTEMPTS), f"{name}-{attempt}")
        if found is not None:
            return found
    raise AssertionError(f"{ATTEMPTS} runs were over before the fault came")


async def _struck(lane: Lane, fault: Fault, moment: float, name: str) -> Round | None:
    """One run, one fault; None when it came after the run."""
    ledger = lane.folder / f"{name}.jsonl"
    engine = lane.engine
    await lane.complete()
    definition = mixed_graph(ledger)
    execution_id = await engine.executions.start(await engine.definitions.save(definition), {})

    async def begun() -> bool:
        return bool(starts(ledger))

    await eventually(begun, seconds=DEADLINE)
    first = starts(ledger)[0].at
    await asyncio.sleep(max(0.0, first + moment - time.time()))
    struck = time.time()
    killed = await lane.strike(fault, starts(ledger)[-1].pid)

    async def over() -> bool:
        return await engine.executions.status(execution_id) in FINAL_RUN_STATUSES

    await eventually(over, seconds=DEADLINE)
    await engine.executions.result(execution_id)
    exit_codes = await lane.exit_codes(EXIT_SECONDS)
    completed = await completion_times(engine, execution_id)
    if completed and struck > max(completed.values()):
        return None
    step_ids = [step["id"] for step in definition["steps"]]
    effects = read_effects(ledger)
    wrong = [
        *await _records_that_disagree(engine, execution_id),
        *repeated_after_completion(effects, completed),
        *_incomplete(step_ids, completed),
    ]
    in_flight = _in_flight(effects, completed, struck, killed)
    spared = step_ids if fault == "sigterm" else [step_id for step_id in step_ids if step_id not in in_flight]
    wrong += _not_begun_as_often_as_meant(effects, spared)
    wrong += [f"a worker told to stop ended with {code}" for code in exit_codes if code]
    begun_again = _begun_again(effects, struck)
    next_starts = [effect.at for effect in effects if effect.what == "start" and effect.at > struck]
    end = max(completed.values())
    return Round(
        fault=fault,
        moment=round(moment, 3),
        wrong=wrong,
        in_flight=in_flight,
        repeated=len(begun_again),
        recovery=round((max(begun_again) if begun_again else min(next_starts, default=end)) - struck, 3),
        duration=round(end - first, 3),
    )


async def completion_times(engine: Engine, execution_id: str) -> dict[str, float]:
    """When the histories say that each step completed, by activity id, in Unix time."""
    completed: dict[str, float] = {}
    for history in await histories(engine, execution_id):
        ids: dict[int, str] = {}
        for event in history.events:
            if event.HasField("activity_task_scheduled_event_attributes"):
                ids[event.event_id] = event.activity_task_scheduled_event_attributes.activity_id
            elif event.HasField("activity_task_completed_event_attributes"):
                step_id = ids[event.activity_task_completed_event_attributes.scheduled_event_id]
                completed.setdefault(step_id, event.event_time.ToNanoseconds() / 1e9)
    return completed


def repeated_after_completion(effects: list[Effect], completed: dict[str, float]) -> list[str]:
    """The promise: a step whose completion is in the history is never begun again."""
    return [
        f"{effect.step} began again {effect.at - completed[effect.step]:.3f} s after its completion"
        for effect in effects
        if effect.what == "start" and effect.at > completed.get(effect.step, float("inf"))
    ]


async def _records_that_disagree(engine: Engine, execution_id: str) -> list[str]:
    execution = await engine.executions.get(execution_id)
    wrong = [] if execution.status == "completed" else [f"the run is {execution.status}: {execution.error}"]
    return wrong + [f"{step.step_id} is {step.status}" for step in execution.steps if step.status != "completed"]


def _incomplete(step_ids: list[str], completed: dict[str, float]) -> list[str]:
    return [f"the history has no completion of {step_id}" for step_id in step_ids if step_id not in completed]


def _in_flight(effects: list[Effect], completed: dict[str, float], struck: float, killed: list[int]) -> list[str]:
    """Begun before the fault, or on a worker before it was dead, and not completed by the history when it came."""
    begun = dict.fromkeys(
        effect.step for effect in effects if effect.what == "start" and (effect.at <= struck or effect.pid in killed)
    )
    return [step_id for step_id in begun if completed.get(step_id, float("inf")) > struck]


def _not_begun_as_often_as_meant(effects: list[Effect], step_ids: list[str]) -> list[str]:
    begun: dict[str, list[int]] = {step_id: [] for step_id in step_ids}
    for effect in effects:
        if effect.what == "start" and effect.step in begun:
            begun[effect.step].append(effect.attempt)
    return [
        f"{step_id} was not in flight and began its attempts {numbers}"
        for step_id, numbers in begun.items()
        if numbers != attempts_of(step_id)
    ]


def _begun_again(effects: list[Effect], struck: float) -> list[float]:
    """When attempts that had begun before the fault began again."""
    before = {(effect.step, effect.attempt) for effect in effects if effect.at <= struck}
    return [
        effect.at
        for effect in effects
        if effect.what == "start" and effect.at > struck and (effect.step, effect.attempt) in before
    ]


def moments(fault: Fault, rounds: int, seed: int, length: float) -> list[float]:
    """When faults come: spread over the run, one in each of as many equal parts, at random within it."""
    chance = random.Random(f"{seed}/{fault}")
    return [length * (n + chance.random()) / rounds for n in range(rounds)]
