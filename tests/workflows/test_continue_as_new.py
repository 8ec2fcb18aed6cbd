"""Long runs go on in new histories, and nobody can tell: on a server that asks for it after 40 events.

The server ends a run whose history has 300 events, so a run that did not go on in time would not come to its end.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from temporal_dev.server import DevServer
from temporal_dev.temporary import temporary_server
from temporalio.client import WorkflowHistory

from definitions.by_reference import digest_of
from definitions.program import compile_definition
from definitions.run_state import RunState
from definitions.validation import load
from definitions.values import BlobRef
from engine.core import Engine
from tests.polling import eventually
from tests.running import begin, ended, histories, run, statuses
from workflows import attributes


@pytest.fixture(scope="module")
def temporal() -> Iterator[DevServer]:
    with temporary_server(
        search_attributes=attributes.TYPES,
        dynamic_config={"limit.historyCount.suggestContinueAsNew": 40, "limit.historyCount.error": 300},
    ) as server:
        yield server


def line(count: int, handler: str = "steps.give", **step_input: Any) -> list[dict[str, Any]]:
    """Steps one after the other: `s0`, `s1`, ..."""
    return [
        {
            "id": f"s{number}",
            "handler": handler,
            "input": step_input,
            "depends_on": [f"s{number - 1}"] if number else [],
        }
        for number in range(count)
    ]


def held_at(place: int, steps: list[dict[str, Any]], gate: Path) -> list[dict[str, Any]]:
    """The same, but that step lasts until the file is there."""
    held = {"handler": "steps.occupy", "input": {"parameters": {"until": str(gate)}}}
    return [*steps[:place], {**steps[place], **held}, *steps[place + 1 :]]


def run_input(history: WorkflowHistory) -> dict[str, Any]:
    """What a history begins with."""
    started = history.events[0].workflow_execution_started_event_attributes
    fields: dict[str, Any] = json.loads(started.input.payloads[0].data)
    return fields


def activities(history: WorkflowHistory) -> tuple[list[str], list[str]]:
    """The ids of activities that were started, and of those that completed."""
    scheduled = {
        event.event_id: event.activity_task_scheduled_event_attributes.activity_id
        for event in history.events
        if event.HasField("activity_task_scheduled_event_attributes")
    }
    completed = [
        scheduled[event.activity_task_completed_event_attributes.scheduled_event_id]
        for event in history.events
        if event.HasField("activity_task_completed_event_attributes")
    ]
    return list(scheduled.values()), completed


async def test_a_long_run_comes_out_as_if_it_had_one_history(service: Engine, tmp_path: Path) -> None:
    """References, a large value, the context, a failed step with its handler, a pause: all of them across cuts."""
    members = [f"m{number}" for number in range(10)]
    gate = tmp_path / "gate"
    document: dict[str, Any] = {
        "name": "long",
        "timeout": 300,
        "steps": [
            {"id": "first", "handler": "steps.give", "input": {"value": {"n": 7}}},
            {"id": "big", "handler": "steps.big", "input": {"bytes": 100_000}},
            {"id": "note", "handler": "steps.remember", "input": {"colour": "blue"}, "depends_on": ["big"]},
            *held_at(40, line(60), gate),
            {"id": "bad", "handler": "steps.fail", "input": {"message": "boom"}, "depends_on": ["s10"]},
            {"id": "mend", "handler": "steps.recover"},
            *({"id": member, "handler": "steps.echo", "depends_on": ["s30"], "input": {}} for member in members),
            {"id": "skipped", "handler": "steps.echo", "condition": "False", "depends_on": ["s5"]},
            {
                "id": "last",
                "handler": "steps.echo",
                "depends_on": ["s59", *members],
                "condition": "context.colour == 'blue' and ${first.result.n} == 7",
                "input": {
                    "n": "${first.result.n}",
                    "was": "${bad.result.was}",
                    "colour": "${context.colour}",
                    "skipped": "${skipped.result.x}",
                    "given": "${workflow.input.given}",
                },
            },
            {"id": "count", "handler": "steps.length", "depends_on": ["s59"], "input": {"text": "${big.result.text}"}},
        ],
        "error_handlers": {"bad": "mend"},
    }
    execution_id = await begin(service, document, {"given": "y" * 200_000})
    handle = service.client.get_workflow_handle(execution_id)

    async def under_way() -> bool:
        return statuses(await service.executions.get(execution_id))["s20"] == "completed"

    await eventually(under_way)
    await service.executions.pause(execution_id)
    gate.touch()
    paused_in = (await handle.describe()).run_id

    async def goes_on_in_another_history() -> bool:
        await handle.signal("pause")  # changes nothing, but is another event
        return (await handle.describe()).run_id != paused_in

    await eventually(goes_on_in_another_history)
    assert (await handle.query("progress"))["status"] == "paused"
    so_far = await service.executions.get(execution_id)
    assert so_far.status == "paused"
    assert statuses(so_far)["skipped"] == "skipped"  # recorded before its history ended
    await service.executions.resume(execution_id)
    execution = await ended(service, execution_id)

    assert execution.status == "completed", execution.error
    assert set(statuses(execution).values()) == {"completed", "skipped"}
    assert statuses(execution)["skipped"] == "skipped"
    assert execution.output["count"] == 100_000
    last = execution.output["last"]
    assert last == {"n": 7, "was": "ValueError: boom", "colour": "blue", "skipped": None, "given": "y" * 200_000}
    types = Counter(event.type for event in await service.executions.events(execution_id))
    assert (types["run.paused"], types["run.resumed"], types["step.recovered"], types["run.completed"]) == (1, 1, 1, 1)
    assert types["step.started"] == types["step.completed"] + 1 == len(document["steps"]) - 1

    found = await histories(service, execution_id)
    assert len(found) > 4
    started = Counter(activity_id for history in found for activity_id in activities(history)[0])
    assert set(started) == set(statuses(execution)) - {"skipped"}
    assert set(started.values()) == {1}
    assert set(Counter(each for history in found for each in activities(history)[1]).values()) == {1}


async def test_a_run_with_much_to_remember_goes_on_all_the_same(service: Engine) -> None:
    """More than Temporal takes as one input: outputs that are still needed, and the states of many steps."""
    large = [f"large{number}" for number in range(40)]
    small = [f"s{hashlib.sha256(str(number).encode()).hexdigest()[:50]}" for number in range(12_000)]
    document = {
        "name": "much",
        "max_parallel_steps": 10,
        "steps": [
            {"id": "skipped", "handler": "steps.give", "condition": "False"},
            *({"id": step, "handler": "steps.give", "input": {"value": "${skipped.result}"}} for step in small),
            # After them, so that they have been skipped before the first history is over.
            *({"id": step, "handler": "steps.big", "input": {"bytes": 60_000, "small": 5}} for step in large),
            {
                "id": "last",
                "handler": "steps.length",
                "condition": " and ".join(f"${{{step}.result.small}} == 5" for step in large[:10]),
                "input": {"text": "".join(f"${{{step}.result.text}}" for step in large)},
            },
        ],
    }
    execution = await run(service, document)
    assert execution.status == "completed", execution.error
    assert {step.step_id: step.output for step in execution.steps}["last"] == 40 * 60_000
    assert Counter(statuses(execution).values()) == {"completed": 41, "skipped": 12_001}
    found = await histories(service, execution.execution_id)
    assert len(found) > 2
    assert max(Counter(each for history in found for each in activities(history)[0]).values()) == 1
    # The names alone are more than should travel.
    first, *others = [digest_of(run_input(history).get("checkpoint")) for history in found]
    assert first is None
    assert all(others)


async def test_large_outputs_of_iterations_under_way_do_not_travel(service: Engine) -> None:
    """Thirty of them together are more than Temporal takes; what a condition looks into stays with the run."""
    count = 30
    read = {"id": "read", "handler": "steps.big", "input": {"bytes": 60_000}}
    looked_at = {"id": "looked_at", "handler": "steps.big", "input": {"bytes": 20_000}}
    size = {"id": "size", "handler": "steps.length", "input": {"text": "${read.result.text}"}}
    loop = {"iterate_over": list(range(count)), "parallel": True, "steps": [read, size]}
    last = {"id": "last", "handler": "steps.echo", "input": {"sizes": "${many.result}"}}
    document = {
        "name": "large inside",
        "steps": [
            looked_at,
            {"id": "many", "loop": loop},
            {**last, "condition": "${looked_at.result.text}.startswith('xx')"},
        ],
    }
    execution = await run(service, document)
    assert execution.status == "completed", execution.error
    assert execution.output == {"sizes": [60_000] * count}
    found = await histories(service, execution.execution_id)
    assert len(found) > 1
    root = compile_definition(load(document), "").root
    held = [
        output["text"]
        for history in found[1:]
        for opened in RunState.from_checkpoint(root, run_input(history)["checkpoint"]).open.values()
        for block in opened.blocks.values()
        for step_id, output in block.outputs.items()
        if step_id == "read"
    ]
    assert len(held) >= count
    assert {type(text) for text in held} == {BlobRef}
    assert max(Counter(each for history in found for each in activities(history)[0]).values()) == 1


async def test_the_server_never_ends_a_run_for_its_length(service: Engine) -> None:
    """As many steps at once as fit, again and again."""
    waves = 6
    document = {
        "name": "waves",
        "max_parallel_steps": 30,
        "steps": [
            step
            for wave in range(waves)
            for step in (
                *({"id": f"w{wave}_{n}", "handler": "steps.give", "depends_on": [f"g{wave - 1}"] if wave else []}
                  for n in range(40)),
                {"id": f"g{wave}", "depends_on": [f"w{wave}_{n}" for n in range(40)]},
            )
        ],
    }  # fmt: skip
    execution = await run(service, document)
    assert execution.status == "completed", execution.error
    found = await histories(service, execution.execution_id)
    assert max(len(history.events) for history in found) < 300
    assert max(Counter(each for history in found for each in activities(history)[0]).values()) == 1


@pytest.mark.parametrize("end", ["completed", "cancelled by signal", "cancelled through Temporal"])
async def test_no_signal_is_lost_whenever_it_comes(service: Engine, end: str) -> None:
    """Runs that go on in a new history every few steps are paused, resumed and ended at random moments."""
    document = {"name": "signalled", "steps": line(40, "steps.wait", seconds=0.06)}
    chance = random.Random(end)

    async def one(pauses: int) -> None:
        execution_id = await begin(service, document)
        handle = service.client.get_workflow_handle(execution_id)

        async def paused() -> bool:
            snapshot = await handle.query("progress")
            return snapshot["status"] == "paused" and not snapshot["running"]

        for _ in range(pauses):
            await asyncio.sleep(chance.uniform(0, 0.3))
            await handle.signal("pause")
            await eventually(paused)
            await handle.signal("resume")
        await asyncio.sleep(chance.uniform(0, 0.3))
        if end == "cancelled by signal":
            await handle.signal("cancel", {"reason": "enough"})
        elif end == "cancelled through Temporal":
            await handle.cancel()
        execution = await ended(service, execution_id)
        assert execution.status == end.partition(" ")[0], execution.error
        types = Counter(event.type for event in await service.executions.events(execution_id))
        assert types["run.paused"] == types["run.resumed"] == pauses
        found = await histories(service, execution_id)
        assert max(Counter(each for history in found for each in activities(history)[0]).values()) == 1

    await asyncio.gather(*(one(pauses) for pauses in (1, 2, 3, 2, 1)))


async def test_a_changed_run_goes_on_in_new_histories_as_changed(service: Engine, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    execution_id = await begin(service, {"name": "changed", "steps": held_at(0, line(30), gate)})
    await service.executions.pause(execution_id)
    gate.touch()
    late = {"id": "late", "handler": "steps.echo", "input": {"from": "${s28.result}"}, "depends_on": ["s29"]}
    changed = await service.executions.change(execution_id, {"inject": [late], "skip": ["s29"], "priority": 90})
    await service.executions.resume(execution_id)
    execution = await ended(service, execution_id)
    assert (execution.status, execution.priority) == ("completed", 90)
    assert statuses(execution) == {**{f"s{n}": "completed" for n in range(29)}, "s29": "skipped", "late": "completed"}
    found = await histories(service, execution_id)
    assert len(found) > 1
    begun = found[-1].events[0].workflow_execution_started_event_attributes
    (payload,) = begun.input.payloads
    told = await service.client.data_converter.decode([payload])
    assert (told[0]["digest"], told[0]["changes"], told[0]["priority"]) == (changed.digest, 1, 90)
