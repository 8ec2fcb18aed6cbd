"""Each kind of control step, from a stored definition to its records, on a real server."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from definitions.errors import Conflict, LongpoleError
from engine.core import Engine
from tests.polling import eventually
from tests.running import begin, ended, run, statuses


def echo(step_id: str, given: Any = None, **fields: Any) -> dict[str, Any]:
    return {"id": step_id, "handler": "steps.echo", "input": {} if given is None else given, **fields}


def document(*steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"name": "controlled", **fields, "steps": list(steps)}


async def asked(engine: Engine, execution_id: str, count: int = 1) -> list[Any]:
    """The open approvals, once there are so many."""
    found: list[Any] = []

    async def so_many() -> bool:
        found[:] = await engine.executions.approvals(execution_id)
        return len(found) >= count

    await eventually(so_many)
    return found


async def told(engine: Engine, execution_id: str, event_type: str, count: int = 1) -> None:
    """Return once the run has so many events of the type."""

    async def so_many() -> bool:
        events = await engine.executions.events(execution_id)
        return sum(event.type == event_type for event in events) >= count

    await eventually(so_many)


async def test_a_branch_runs_the_block_that_its_condition_takes(service: Engine) -> None:
    steps = [
        {"id": "n", "handler": "steps.give", "input": {"value": 7}},
        {
            "id": "route",
            "branch": {
                "if": "${n.result} > 5",
                "then": [echo("large", {"n": "${n.result}"})],
                "else": [echo("small")],
            },
        },
        echo("after", {"took": "${route.result.n}"}),
    ]
    execution = await run(service, document(*steps))

    assert execution.status == "completed", execution.error
    assert execution.output == {"took": 7}
    assert [each.step_id for each in await inner(service, execution.execution_id)] == ["route.large"]


async def inner(engine: Engine, execution_id: str, **wanted: Any) -> list[Any]:
    return list((await engine.executions.inner_steps(execution_id, **wanted)).steps)


async def test_loops_give_their_results_in_order_and_parallel_ones_too(service: Engine) -> None:
    steps = [
        {
            "id": "docs",
            "loop": {
                "iterate_over": "${workflow.input.docs}",
                "max_iterations": 50,
                "parallel": True,
                "max_parallel": 3,
                "steps": [
                    echo("read", {"doc": "${loop.current_item}", "at": "${loop.index}"}),
                    {"id": "pick", "handler": "steps.give", "input": {"value": "${read.result.doc}"}},
                ],
            },
        },
        {
            "id": "count",
            "depends_on": ["docs"],
            "loop": {
                "while": "loop.previous is None or loop.previous < 3",
                "max_iterations": 10,
                "steps": [{"id": "next", "handler": "steps.give", "input": {"value": "${loop.index}"}}],
            },
        },
        echo("last", {"docs": "${docs.result}", "count": "${count.result}"}),
    ]
    names = [f"d{number}" for number in range(12)]
    execution = await run(service, document(*steps), {"docs": names})

    assert execution.status == "completed", execution.error
    assert execution.output == {"docs": names, "count": [0, 1, 2, 3]}
    nested = await inner(service, execution.execution_id)
    assert len(nested) == 12 * 2 + 4
    assert {each.status for each in nested} == {"completed"}
    assert {each.step_id for each in nested} >= {"docs[11].pick", "count[3].next"}
    assert statuses(execution) == {"docs": "completed", "count": "completed", "last": "completed"}


async def test_a_failing_iteration_fails_its_loop_unless_it_is_to_continue(service: Engine) -> None:
    def loop(step_id: str, **more: Any) -> dict[str, Any]:
        body = {
            "id": "check",
            "branch": {
                "if": "${loop.current_item} == 2",
                "then": [{"id": "bad", "handler": "steps.fail", "input": {"message": "two"}}],
                "else": [{"id": "fine", "handler": "steps.give", "input": {"value": "${loop.current_item}"}}],
            },
        }
        return {"id": step_id, "loop": {"iterate_over": [1, 2, 3], "max_iterations": 3, "steps": [body], **more}}

    strict = await run(service, document(loop("docs")))
    lenient = await run(service, document(loop("docs", on_failure="continue")))

    assert strict.status == "failed"
    assert strict.error is not None
    assert "docs[1].check.bad" in strict.error["message"]
    failed = {each.step_id: each.status for each in await inner(service, strict.execution_id)}
    assert failed == {
        "docs[0].check": "completed",
        "docs[0].check.fine": "completed",
        "docs[1].check": "failed",
        "docs[1].check.bad": "failed",
    }
    assert lenient.status == "completed", lenient.error
    assert lenient.output == [1, None, 3]


async def test_a_large_list_is_read_in_parts_and_large_results_are_put_together(service: Engine) -> None:
    steps = [
        {"id": "list", "handler": "steps.numbered", "input": {"count": 450, "padding": 300}},
        {
            "id": "each",
            "loop": {
                "iterate_over": "${list.result}",
                "max_iterations": 500,
                "parallel": True,
                "steps": [{"id": "same", "handler": "steps.give", "input": {"value": "${loop.current_item}"}}],
            },
        },
        {"id": "sum", "handler": "steps.length", "input": {"text": "${each.result}"}},
    ]
    execution = await run(service, document(*steps))

    assert execution.status == "completed", execution.error
    assert execution.output == 450
    [results] = [each.output for each in execution.steps if each.step_id == "each"]
    assert [item["n"] for item in results] == list(range(450))


async def test_waits_last_and_events_are_taken_in_their_order_even_before_they_are_waited_for(service: Engine) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    steps = [
        {"id": "nap", "wait": {"for": 0.3}},
        {"id": "moment", "wait": {"until": soon}},
        {"id": "early", "wait": {"event": "paid"}, "depends_on": ["nap", "moment"]},
        {"id": "late", "wait": {"event": "paid"}, "depends_on": ["early"]},
        {"id": "never", "wait": {"event": "lost", "timeout": 0.2, "on_timeout": "continue"}},
        echo("sum", {"early": "${early.result.n}", "late": "${late.result.n}", "never": "${never.result}"}),
    ]
    execution_id = await begin(service, document(*steps))
    await service.executions.send_event(execution_id, "paid", {"n": 1}, event_id="a")
    await service.executions.send_event(execution_id, "paid", {"n": 1}, event_id="a")
    handle = service.client.get_workflow_handle(execution_id)
    await handle.signal("event", {"name": "paid", "data": {"n": 2}})
    execution = await ended(service, execution_id)

    assert execution.status == "completed", execution.error
    assert execution.output == {"early": 1, "late": 2, "never": None}


async def test_an_event_that_makes_no_sense_is_refused(service: Engine) -> None:
    execution_id = await begin(service, document({"id": "w", "wait": {"event": "go"}}))
    with pytest.raises(LongpoleError) as refused:
        await service.executions.send_event(execution_id, "", {})
    assert refused.value.code == "event_invalid"
    too_much = {"list": ["x" * 5_000_000]}  # more than gRPC takes
    for said, named in ((too_much, "larger than 65536 bytes"), ({"at": float("nan")}, "`data.at`: nan is not")):
        with pytest.raises(LongpoleError, match=named) as refused:
            await service.executions.send_event(execution_id, "go", said)
        assert refused.value.code == "event_invalid"
    with pytest.raises(LongpoleError, match="`values`: larger than 65536 bytes"):
        await service.executions.decide(execution_id, "w", True, values=too_much)
    handle = service.client.get_workflow_handle(execution_id)
    await handle.signal("event", ["no", "event"])
    await told(service, execution_id, "signal.refused")
    await service.executions.send_event(execution_id, "go", 5)
    execution = await ended(service, execution_id)
    assert (execution.status, execution.output) == ("completed", 5)
    with pytest.raises(Conflict) as over:
        await service.executions.send_event(execution_id, "go")
    assert over.value.code == "invalid_status"


async def test_an_approval_is_answered_by_those_who_may_with_values_that_fit(service: Engine) -> None:
    form = {"type": "object", "properties": {"limit": {"type": "integer", "maximum": 10}}}
    approval = {
        "message": "Spend ${workflow.input.sum}?",
        "approvers": ["ann", "bob"],
        "values": {"limit": 5},
        "form": form,
        "timeout": 300,
    }
    steps = [
        {"id": "ask", "approval": approval},
        {"id": "no", "approval": {"message": "Really?", "on_reject": "continue"}, "depends_on": ["ask"]},
        echo("sum", {"ask": "${ask.result.values.limit}", "by": "${ask.result.by}", "no": "${no.result.approved}"}),
    ]
    execution_id = await begin(service, document(*steps), {"sum": 100})
    [shown] = await asked(service, execution_id)
    assert (shown["step"], shown["message"], shown["values"]) == ("ask", "Spend 100?", {"limit": 5})
    assert shown["approvers"] == ["ann", "bob"]
    assert shown["form"] == form
    assert shown["expires_at"] - shown["requested_at"] == pytest.approx(300, abs=1)
    executions = service.executions

    async def refusal(step: str, by: str, values: dict[str, Any] | None = None) -> str:
        with pytest.raises(LongpoleError) as refused:
            await executions.decide(execution_id, step, True, by=by, values=values)
        return refused.value.code

    assert await refusal("ask", "eve") == "not_an_approver"
    assert await refusal("ask", "ann", {"limit": 11}) == "values_invalid"
    assert await refusal("sum", "ann") == "not_an_approval"
    await executions.decide(execution_id, "ask", True, by="ann", comment="fine", values={"limit": 7})
    assert [each["step"] for each in await asked(service, execution_id)] == ["no"]
    handle = service.client.get_workflow_handle(execution_id)
    await handle.signal("approve", {"step": "no", "approved": False, "by": "bob"})
    execution = await ended(service, execution_id)

    assert execution.status == "completed", execution.error
    assert execution.output == {"ask": 7, "by": "ann", "no": False}
    types = Counter(event.type for event in await executions.events(execution_id))
    assert types["approval.requested"] == types["approval.decided"] == 2
    assert await executions.approvals(execution_id) == []


async def test_a_pause_holds_what_a_timer_would_start_and_a_cancellation_ends_what_waits(service: Engine) -> None:
    steps = [
        # Long enough for the pause to come first on a busy machine.
        {"id": "nap", "wait": {"for": 5}},
        echo("after", depends_on=["nap"]),
        {
            "id": "many",
            "loop": {
                "iterate_over": [1, 2],
                "max_iterations": 2,
                "parallel": True,
                "steps": [{"id": "w", "wait": {"event": "never"}}],
            },
        },
    ]
    execution_id = await begin(service, document(*steps))
    await told(service, execution_id, "step.started", 4)
    await service.executions.pause(execution_id)
    await told(service, execution_id, "run.paused")

    async def nap_is_over() -> bool:
        return statuses(await service.executions.get(execution_id))["nap"] == "completed"

    await eventually(nap_is_over)
    assert statuses(await service.executions.get(execution_id))["after"] == "pending"
    await service.executions.resume(execution_id)
    await told(service, execution_id, "step.completed", 2)
    await service.executions.cancel(execution_id, reason="enough")
    execution = await ended(service, execution_id)

    assert execution.status == "cancelled"
    assert statuses(execution) == {"nap": "completed", "after": "completed", "many": "cancelled"}
    assert {each.status for each in await inner(service, execution_id)} == {"cancelled"}
