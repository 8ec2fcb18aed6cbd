"""Control steps: one feature a kind, and all of them open when a history ends."""

from __future__ import annotations

from typing import Any

from tests.histories.feature import Feature, echo, fail, give
from tests.histories.steering import Run


def loop(step_id: str, items: Any, *steps: dict[str, Any], at_once: int = 1, **fields: Any) -> dict[str, Any]:
    if at_once > 1:
        fields |= {"parallel": True, "max_parallel": at_once}
    return {"id": step_id, "loop": {"iterate_over": items, "max_iterations": 100, **fields, "steps": list(steps)}}


def ask(step_id: str, *depends_on: str, **fields: Any) -> dict[str, Any]:
    return {"id": step_id, "approval": {"message": "Go?", **fields}, "depends_on": list(depends_on)}


async def _send_and_decide(run: Run) -> None:
    await run.signal("event", {"name": "early", "data": 1, "id": "e1"})
    await run.until_asked("first")
    await run.signal("approve", {"step": "first", "approved": True, "by": "eve"})
    await run.engine.executions.decide(run.execution_id, "first", True, by="ann", values={"limit": 7})
    await run.until_asked("second")
    await run.signal("approve", {"step": "second", "approved": False, "by": "bob", "comment": "no"})
    await run.engine.executions.send_event(run.execution_id, "late", {"n": 2})


async def _pause_with_a_child(run: Run) -> None:
    child = await run.child_of("part")
    await run.signal("pause")
    await child.until_paused()
    await run.signal("resume")
    await run.engine.executions.send_event(child.execution_id, "go", {"n": 1})


async def _cancel_with_a_child(run: Run) -> None:
    await (await run.child_of("part")).until(w="running")
    await run.signal("cancel", {"reason": "enough", "grace_seconds": 20})


async def _answer_in_a_later_history(run: Run) -> None:
    await run.until(many="completed")
    await run.engine.executions.decide(run.execution_id, "ask", True, by="ann")
    child = await run.child_of("part")
    await run.engine.executions.send_event(child.execution_id, "go", {"n": 1})


_PART = {
    "name": "recorded_part",
    "steps": [{"id": "w", "wait": {"event": "go"}}, echo("same", "w", input={"n": "${w.result.n}"})],
}
_CALL = {"id": "part", "workflow": {"name": "recorded_part"}, "input": {"n": 1}}
_INNER_FAILS = {
    "id": "check",
    "branch": {
        "if": "${loop.current_item} == 2",
        "then": [fail("bad", input={"message": "two"})],
        "else": [give("fine", "${loop.current_item}")],
    },
}

CONTROL_FLOW = [
    Feature(
        "branch",
        [
            give("n", 7),
            {
                "id": "route",
                "branch": {
                    "if": "${n.result} > 5",
                    "then": [echo("large"), echo("more", "large")],
                    "else": [echo("s")],
                },
            },
            {"id": "empty", "branch": {"if": "${n.result} > 9", "then": [echo("never")]}},
            echo("last", "route", "empty"),
        ],
    ),
    Feature("loop", [loop("each", [1, 2, 3], echo("a"), echo("b", "a", input={"n": "${loop.current_item}"}))]),
    Feature(
        "loop_parallel",
        [
            loop("each", "${workflow.input.items}", give("same", "${loop.current_item}"), at_once=4),
            echo("last", input={"all": "${each.result}"}),
        ],
        run_input={"items": list(range(12))},
    ),
    Feature(
        "loop_while",
        [
            {
                "id": "count",
                "loop": {
                    "while": "loop.previous is None or loop.previous < 3",
                    "max_iterations": 10,
                    "steps": [give("next", "${loop.index}")],
                },
            }
        ],
    ),
    Feature("loop_fails", [loop("each", [1, 2, 3], _INNER_FAILS), echo("never", "each")], status="failed"),
    Feature("loop_goes_on", [loop("each", [1, 2, 3], _INNER_FAILS, on_failure="continue"), echo("last", "each")]),
    Feature(
        "loop_of_large_values",
        [
            {"id": "list", "handler": "steps.numbered", "input": {"count": 30, "padding": 5_000}},
            loop("each", "${list.result}", give("same", "${loop.current_item}"), at_once=10),
            {"id": "count", "handler": "steps.length", "input": {"text": "${each.result}"}},
        ],
    ),
    Feature(
        "large_inside",
        [
            loop(
                "each",
                list(range(26)),
                {"id": "big", "handler": "steps.big", "input": {"bytes": 12_000}},
                {"id": "nap", "wait": 2, "depends_on": ["big"]},
                {
                    "id": "size",
                    "handler": "steps.length",
                    "depends_on": ["nap"],
                    "input": {"text": "${big.result.text}"},
                },
                at_once=26,
            )
        ],
    ),
    Feature(
        "parallel",
        [{"id": "all", "parallel": {"max_parallel": 2, "steps": [echo("a"), echo("b"), echo("c"), echo("d", "a")]}}],
    ),
    Feature(
        "waits",
        [
            {"id": "nap", "wait": {"for": 0.5}},
            {"id": "none", "wait": {"event": "never", "timeout": 0.3, "on_timeout": "continue"}},
            {"id": "late", "wait": {"event": "lost", "timeout": 0.5}, "depends_on": ["none"]},
            echo("last", "nap"),
        ],
        status="failed",
    ),
    Feature(
        "events_and_approvals",
        [
            {
                "id": "first",
                "approval": {"message": "Go?", "approvers": ["ann"], "values": {"limit": 5}, "timeout": 600},
            },
            {
                "id": "second",
                "approval": {"message": "On?", "on_reject": "continue"},
                "depends_on": ["first"],
            },
            {"id": "early", "wait": {"event": "early"}, "depends_on": ["second"]},
            {"id": "late", "wait": {"event": "late"}, "depends_on": ["early"]},
            echo("last", "late", input={"limit": "${first.result.values.limit}"}),
        ],
        steer=_send_and_decide,
    ),
    Feature("child", [_CALL, echo("last", "part")], steer=_pause_with_a_child, others=(_PART,)),
    Feature(
        "child_cancelled",
        [_CALL, echo("never", "part")],
        steer=_cancel_with_a_child,
        others=(_PART,),
        status="cancelled",
    ),
    Feature("child_unknown", [{"id": "part", "workflow": {"name": "nowhere"}}], status="failed"),
    Feature(
        "control_steps_go_on",
        [
            loop("many", "${workflow.input.items}", give("same", "${loop.current_item}"), at_once=2),
            _CALL,
            ask("ask", timeout=600),
            {"id": "nap", "wait": {"for": 2}},
            echo("last", "many", "part", "ask", "nap"),
        ],
        run_input={"items": list(range(60))},
        steer=_answer_in_a_later_history,
        others=(_PART,),
    ),
]
