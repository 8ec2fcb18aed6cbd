"""What is recorded: one entry for each thing that a run can do. Add one here, then `make histories`."""

from __future__ import annotations

import time
from typing import Any

from tests.histories.control_flow import CONTROL_FLOW
from tests.histories.feature import Feature, echo, fail, give, wait
from tests.histories.steering import Run
from tests.polling import eventually


async def _cancel_in_a_loop_and_continue(run: Run) -> None:
    async def second_iteration_runs() -> bool:
        found = await run.engine.executions.attempts(run.execution_id)
        return any(each.step_id == "docs[1].slow" and each.status == "running" for each in found)

    await eventually(second_iteration_runs)
    await run.signal("cancel")
    await run.until_over()
    await run.go_on()


async def _change(run: Run) -> None:
    """By signal and by update, with refusals, while something runs and while nothing may start."""
    await run.until(first="running")
    await run.signal("change", {"skip": ["no_such_step"]})
    await run.signal("change", {"inject": [echo("new", "first", input={"n": 7})], "priority": 90, "by": "an operator"})
    await run.signal("pause")
    await run.until(first="completed")
    await run.signal("skip_step", "left_out")
    await run.change({"edit": {"last": {"input": {"n": "${new.result.n}"}, "depends_on": ["left_out", "new"]}}})
    await run.change({"inject": [give("wide_1", 1, "first"), give("wide_2", 2, "first")], "max_parallel_steps": 1})
    await run.signal("resume")


async def _change_a_loop(run: Run) -> None:
    await run.until_asked("each[1].ask")
    added = echo("each.added", "late", input={"item": "${loop.current_item}"})
    await run.signal(
        "change", {"edit": {"each.late": {"input": {"n": 2}}}, "inject": [added], "skip": ["each.left_out"]}
    )
    for path in ("each[1].ask", "each[2].ask"):
        await run.until_asked(path)
        await run.signal("approve", {"step": path, "approved": True})


async def _pause_and_resume(run: Run) -> None:
    await run.until(first="running")
    await run.signal("pause")
    await run.until(first="completed")
    await run.signal("resume")


async def _pause_past_the_timeout(run: Run) -> None:
    await run.until(first="running")
    await run.signal("pause")
    await run.until(first="completed")
    await run.lapse(2.5)
    await run.signal("resume")


async def _pause_twice_and_cancel(run: Run) -> None:
    await run.until(first="running")
    await run.signal("pause")
    await run.signal("pause", "again")
    await run.until(first="completed")
    await run.signal("cancel", {"reason": "no longer wanted"})


async def _cancel_gracefully(run: Run) -> None:
    await run.until(long="running")
    await run.signal("cancel", {"reason": "enough", "grace_seconds": 20})


async def _cancel_without_grace(run: Run) -> None:
    await run.until(deaf="running")
    await run.signal("cancel", {"reason": "at once", "grace_seconds": 0.3, "save_partial_results": False})


async def _cancel_through_temporal(run: Run) -> None:
    await run.until(long="running")
    await run.cancel_through_temporal()


async def _pause_and_resume_over_and_over(run: Run) -> None:
    for step in ("s4", "s12", "s20", "s28"):
        await run.until(**{step: "completed"})
        await run.signal("pause")
        await run.until_paused()
        await run.signal("resume")


async def _cancel_and_continue(run: Run) -> None:
    await run.until(long="running")
    await run.signal("cancel", {"reason": "not yet", "grace_seconds": 20})
    await run.until_over()
    await run.go_on()


_RETRY = {"max_attempts": 3, "initial_interval": 0.1, "backoff_coefficient": 1}
_FANNED = [f"f{number}" for number in range(12)]
_LINE = [give("s0", {"n": 7})] + [
    echo(f"s{number}", f"s{number - 1}", input={"n": "${s0.result.n}"}) for number in range(1, 36)
]
_GOES_ON: dict[str, Any] = {
    "steps": [
        *_LINE,
        fail("bad", "s30"),
        {"id": "mend", "handler": "steps.recover"},
        echo("last", "bad", "s35", input={"n": "${s0.result.n}", "was": "${bad.result.was}"}),
    ],
    "options": {"error_handlers": {"bad": "mend"}, "timeout": 120},
    "steer": _pause_and_resume_over_and_over,
}


async def _put_off_and_call_back(run: Run) -> None:
    await run.until(a="running")
    await run.handle.signal("reschedule", {"start": 0, "steps": {"b": time.time() + 3600}})
    await run.until(a="completed")
    await run.handle.signal("reschedule", {"start": 0, "steps": {"b": time.time() + 1}})


FEATURES = [
    Feature("reschedule", [wait("a", 1), echo("b", "a"), echo("c", "b")], steer=_put_off_and_call_back),
    Feature("chain", [give("a", 1), echo("b", "a"), echo("c", "b"), echo("d", "c"), echo("e", "d")]),
    Feature(
        "diamond",
        [
            echo("a"),
            echo("b", input={"n": "${a.result.n}"}),
            echo("c", input={"text": "n is ${a.result.n}"}),
            echo("d", input={"b": "${b.result}", "c": "${c.result.text}"}),
        ],
        run_input={"n": 7},
    ),
    Feature(
        "fan_out",
        [give("a", 1), *(echo(step, "a") for step in reversed(_FANNED)), echo("z", *_FANNED)],
        {"max_parallel_steps": 3},
    ),
    Feature("fan_out_unbounded", [give("a", 1), *(echo(step, "a") for step in _FANNED), echo("z", *_FANNED)]),
    Feature(
        "conditions",
        [
            give("check", {"ok": True, "score": 0.4}),
            echo("holds", condition="step_outputs['check']['ok'] == True"),
            echo("does_not", condition="step_outputs['check']['score'] > 0.5"),
            echo("after", "holds", "does_not"),
        ],
    ),
    Feature(
        "condition_error",
        [give("a", {}), echo("b", condition="step_outputs['a']['missing'] > 1"), echo("c", "b"), echo("d", "a")],
        status="failed",
    ),
    Feature(
        "reference_error",
        [give("a", {}), echo("b", input={"x": "${a.result.missing}"}), echo("c", "b"), echo("d", "a")],
        status="failed",
    ),
    Feature(
        "skip_cascade",
        [
            give("check", False),
            echo("a", condition="${check.result}", input={"x": 1}),
            echo("b", input={"x": "${a.result.x}"}),
            echo("c", input={"x": "${b.result.x}"}),
            echo("ordered_only", "c", input={"y": 1}),
        ],
    ),
    Feature(
        "sequential_siblings",
        [
            give("start", 1),
            *(echo(step, "start", execution_mode="sequential") for step in ("one", "two")),
            fail("three", "start", execution_mode="sequential"),
            *(echo(step, "start", execution_mode="sequential") for step in ("four", "five")),
            echo("side", "start"),
        ],
        status="failed",
    ),
    Feature(
        "milestone",
        [give("a", 1), give("b", 2), {"id": "both", "depends_on": ["a", "b"]}, echo("c", "both"), echo("d")],
    ),
    Feature(
        "retries",
        [
            {"id": "third", "handler": "steps.flaky", "input": {"succeeds_at": 3}, "retry": _RETRY},
            {"id": "never", "handler": "steps.flaky", "input": {"succeeds_at": 9}, "retry": _RETRY},
            echo("after", "third"),
        ],
        status="failed",
    ),
    Feature("step_timeout", [wait("slow", 60, timeout=0.3), echo("after", "slow"), echo("beside")], status="failed"),
    Feature(
        "handler_recovers",
        [
            fail("bad", input={"message": "boom"}),
            echo("after", input={"got": "${bad.result.was}"}),
            {"id": "mend", "handler": "steps.recover"},
        ],
        {"error_handlers": {"bad": "mend"}},
    ),
    Feature(
        "handler_notifies",
        [fail("bad"), echo("after", "bad"), {"id": "tell", "handler": "steps.notify"}],
        {"error_handlers": {"bad": "tell"}},
        status="failed",
    ),
    Feature(
        "handler_shared",
        [
            fail("bad"),
            fail("worse", "first"),
            give("first", 1),
            give("fine", 1, "bad"),
            {"id": "mend", "handler": "steps.recover"},
        ],
        {"error_handlers": {"bad": "mend", "worse": "mend", "fine": "mend"}},
    ),
    Feature(
        "handler_not_needed",
        [give("good", 1), {"id": "mend", "handler": "steps.recover"}],
        {"error_handlers": {"good": "mend"}},
    ),
    Feature(
        "fail_fast",
        [wait("long", 60), wait("a", 0.2), fail("bad", "a"), echo("never", "long")],
        {"fail_fast": True},
        status="failed",
    ),
    Feature("several_failures", [fail("a"), fail("b"), fail("c"), echo("d", "a", "b"), echo("e")], status="failed"),
    Feature(
        "context",
        [
            {"id": "a", "handler": "steps.remember", "input": {"colour": "blue"}},
            echo("b", "a", condition="context.colour == 'blue'", input={"colour": "${context.colour}"}),
            echo("c", "a", condition="context.colour == 'red'"),
        ],
        {"context": {"colour": "red"}},
    ),
    Feature(
        "large_values",
        [
            {"id": "big", "handler": "steps.big", "input": {"bytes": 3_000_000, "small": 5}},
            {
                "id": "count",
                "handler": "steps.length",
                "input": {"text": "<${big.result.text}>"},
                "condition": "${big.result.small} == 5",
            },
        ],
    ),
    Feature(
        "large_input",
        [{"id": "count", "handler": "steps.length", "input": {"text": "${workflow.input.text}"}}],
        run_input={"text": "y" * 3_000_000},
    ),
    Feature(
        "local_steps",
        [
            give("a", 1),
            *(echo(f"l{n}", f"l{n - 1}" if n else "a", local=True, input={"n": n}) for n in range(40)),
            {"id": "soon", "handler": "steps.flaky", "input": {"succeeds_at": 3}, "retry": _RETRY, "local": True},
            {
                "id": "later",
                "handler": "steps.flaky",
                "input": {"succeeds_at": 2},
                "retry": {"max_attempts": 2, "initial_interval": 1.5},
                "local": True,
            },
            {"id": "big", "handler": "steps.big", "input": {"bytes": 300_000}, "depends_on": ["l39"], "local": True},
            fail("bad", "big", local=True),
            echo("beside", "big"),
            echo("after", "bad", "later", local=True),
        ],
        status="failed",
    ),
    Feature(
        "changed_inside",
        [
            {
                "id": "each",
                "loop": {
                    "iterate_over": [0, 1, 2],
                    "steps": [
                        {"id": "ask", "approval": {"message": "Go?"}, "condition": "loop.index > 0"},
                        echo("late", "ask", input={"n": 1}),
                        echo("left_out", "ask"),
                    ],
                },
            }
        ],
        steer=_change_a_loop,
    ),
    Feature("local_chain", [echo(f"l{n}", *([f"l{n - 1}"] if n else []), local=True) for n in range(70)]),
    Feature("pause_and_resume", [wait("first", 0.5), echo("second", "first")], steer=_pause_and_resume),
    Feature(
        "pause_past_the_timeout",
        [wait("first", 0.5), wait("second", 0.1, "first")],
        {"timeout": 2},
        steer=_pause_past_the_timeout,
    ),
    Feature(
        "pause_and_cancel",
        [wait("first", 0.5), echo("second", "first")],
        steer=_pause_twice_and_cancel,
        status="cancelled",
    ),
    Feature(
        "cancel_gracefully",
        [give("done", 1), wait("long", 60, "done"), echo("never", "long")],
        steer=_cancel_gracefully,
        status="cancelled",
    ),
    Feature(
        "cancel_abandons",
        [{"id": "deaf", "handler": "steps.stubborn", "input": {"seconds": 4}}, echo("never", "deaf")],
        steer=_cancel_without_grace,
        status="cancelled",
    ),
    Feature(
        "cancel_through_temporal",
        [give("done", 1), wait("long", 60, "done"), echo("never", "long")],
        steer=_cancel_through_temporal,
        status="cancelled",
    ),
    Feature("run_timeout", [wait("long", 60), echo("never", "long")], {"timeout": 0.5}, status="timed_out"),
    Feature("continue_as_new", **_GOES_ON),
    # Recorded later: what has ended is in the store before a history ends, which an event of the server's own follows.
    Feature(
        "recorded_under_way",
        **{**_GOES_ON, "steps": [*_GOES_ON["steps"], echo("skipped", "s3", condition="False")]},
    ),
    Feature(
        # Recorded is what it does after it was continued.
        "continued",
        [
            {"id": "a", "handler": "steps.remember", "input": {"colour": "blue"}},
            {"id": "big", "handler": "steps.big", "input": {"bytes": 100_000, "small": 5}},
            fail("bad", input={"message": "boom"}),
            {"id": "mend", "handler": "steps.recover"},
            echo("skipped", "a", condition="context.colour == 'red'"),
            wait("long", 3, "a", "big", "bad"),
            echo(
                "last", "long", input={"n": "${big.result.small}", "was": "${bad.result.was}", "c": "${context.colour}"}
            ),
            {"id": "count", "handler": "steps.length", "input": {"text": "${big.result.text}"}, "depends_on": ["long"]},
        ],
        {"error_handlers": {"bad": "mend"}, "timeout": 120},
        steer=_cancel_and_continue,
    ),
    Feature(
        "changed",
        [wait("first", 1), give("left_out", 1, "first"), echo("last", "left_out"), give("after", 5, "last")],
        steer=_change,
    ),
    Feature(
        # Recorded is what it does after it was continued: with an iteration done, and steps of another.
        "continued_in_a_loop",
        [
            {
                "id": "docs",
                "loop": {
                    "iterate_over": "${workflow.input.items}",
                    "steps": [
                        echo("load", input={"n": "${loop.current_item.n}"}),
                        {
                            "id": "slow",
                            "handler": "steps.wait",
                            "input": {"seconds": "${loop.current_item.seconds}"},
                            "depends_on": ["load"],
                        },
                        echo("after", "slow", input={"n": "${load.result.n}"}),
                    ],
                },
            },
            echo("last", "docs", input={"all": "${docs.result}"}),
        ],
        run_input={"items": [{"n": 1, "seconds": 0}, {"n": 2, "seconds": 3}, {"n": 3, "seconds": 0}]},
        steer=_cancel_in_a_loop_and_continue,
    ),
    *CONTROL_FLOW,
]
