"""What a run goes on from: the records of a run that was stopped anywhere lead to the end that it would have had."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from definitions.errors import CheckpointInvalid, Conflict
from definitions.model import Definition
from definitions.values import json_size
from engine.done_steps import DoneSteps, done_steps, refuse_repeats
from store import continuing
from store.database import Database
from tests.engine.recorded_runs import RecordedRuns
from tests.workflows.driving import Behaviour, Driver, scripted
from tests.workflows.generating import RUN_INPUT, Case, cases
from tests.workflows.reference import reference
from tests.workflows.workflow_documents import breaks, gives, step, workflow

BY_TEST = settings(
    max_examples=75,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)


class Recorded(RecordedRuns):
    """Ends of runs in the tables, and what they say is done."""

    def ended(self, execution_id: str, driver: Driver) -> DoneSteps:
        """Record how it ended, and read what it goes on from."""
        self.record(driver, execution_id)
        with self.database.read() as session:
            attempts = continuing.last_attempts(session, execution_id)
        context = driver.runner.state.context
        return done_steps(driver.program, attempts, run_input=RUN_INPUT, context=context, started_at=1.0)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('done') / 'store.db'}")
    database.migrate()
    yield Recorded(database)
    database.dispose()


@BY_TEST
@given(case=cases(), stops=st.lists(st.floats(0, 15), max_size=3))
def test_a_run_that_was_stopped_and_continued_ends_as_if_it_had_not_been(
    recorded: Recorded, case: Case, stops: list[float]
) -> None:
    told = reference(case.definition, case.act, RUN_INPUT)
    shared = {step_id for step_id, runs in told.handled.items() if len(runs) > 1}
    execution_id = recorded.run()
    driver = Driver(case.definition, case.behave, run_input=RUN_INPUT)
    completed: set[str] = set()
    activities: list[str] = []
    for number, at in enumerate([*stops, None]):
        if at is not None:
            driver.at(at, lambda driver=driver: driver.stop(reason="enough"))
        ending = driver.run()
        activities += [started.activity_id for started in driver.started]
        again = {started.call.step_id for started in driver.started}
        assert not again & completed - shared, "what was done ran again"
        if at is None or ending.status == "completed":
            break
        done = recorded.ended(execution_id, driver)
        event(f"continued {number + 1} times, {len(done.reused) > 0}")
        assert sorted([*done.reused, *done.run_again, *done.decided_again]) == sorted(driver.program.order)
        completed = set(done.reused)
        checkpoint = json.loads(json.dumps(done.state.checkpoint()))
        driver = Driver(case.definition, case.behave, checkpoint=checkpoint)
    state = driver.runner.state
    assert driver.ending is not None
    assert (driver.ending.status, driver.ending.output) == (told.status, told.result)
    for step_id, expected in told.steps.items():
        assert (state.steps[step_id].status, state.steps[step_id].reason) == (expected.status, expected.reason), step_id
        if step_id not in shared:
            assert state.outputs.get(step_id) == told.outputs.get(step_id), step_id
    assert len(set(activities)) == len(activities), "an attempt would be recorded over an earlier one"


def done_after(recorded: Recorded, definition: Definition, behaviours: dict[str, Behaviour]) -> DoneSteps:
    driver = Driver(definition, scripted(behaviours))
    driver.run()
    return recorded.ended(recorded.run(), driver)


def test_what_only_notified_is_decided_again_and_what_recovered_is_done(recorded: Recorded) -> None:
    definition = workflow(
        step("bad"),
        step("worse"),
        step("after", "bad"),
        step("mend"),
        step("tell"),
        error_handlers={"bad": "mend", "worse": "tell"},
    )
    broken = {"bad": breaks(), "worse": breaks(), "mend": gives({"recovered": True, "n": 1}), "tell": gives("told")}
    done = done_after(recorded, definition, broken)
    assert (done.reused, done.run_again, done.decided_again) == (("bad", "after", "mend"), ("worse",), ("tell",))
    assert done.state.outputs["bad"] == {"recovered": True, "n": 1}
    error = done.state.steps["bad"].error
    assert error is not None
    assert error["error_class"] == "broken"


def test_a_handler_that_recovered_one_step_is_kept_for_another_that_runs_again(recorded: Recorded) -> None:
    handlers = {"bad": "mend", "worse": "mend"}
    definition = workflow(step("bad"), step("worse"), step("end"), step("mend"), error_handlers=handlers)

    def script(call: Any) -> Behaviour:
        if call.step_id == "mend":
            return gives({"recovered": call.input["error"]["step_id"] == "bad"})
        return gives("end", seconds=99) if call.step_id == "end" else breaks()

    driver = Driver(definition, script)
    driver.at(50, driver.stop)
    driver.run()
    done = recorded.ended(recorded.run(), driver)
    assert (done.reused, done.run_again, done.decided_again) == (("bad",), ("worse", "end"), ("mend",))
    checkpoint = json.loads(json.dumps(done.state.checkpoint()))
    mended = Driver(definition, scripted({}, gives("ok")), checkpoint=checkpoint)
    assert mended.run().status == "completed"
    assert [started.activity_id for started in mended.started] == ["worse#2", "end#2"]
    assert mended.told()["mend"] == ("completed", "")


def test_only_what_is_needed_of_large_outputs_is_taken_along(recorded: Recorded) -> None:
    steps = [step(f"s{n}") for n in range(20)]
    last = step("last", *(f"s{n}" for n in range(20)), input={"x": "${s3.result}"})
    done = done_after(
        recorded, workflow(*steps, last), {"last": breaks(), **{f"s{n}": gives("x" * 60_000) for n in range(20)}}
    )
    assert done.state.outputs["s3"] == "x" * 60_000
    assert json_size(done.state.outputs) < 300_000
    assert done.needed == {"s3"}
    assert len(done.reused) == 20


def test_an_output_that_the_workflow_dropped_is_gone_on_from_what_is_recorded(recorded: Recorded) -> None:
    """A milestone, which no attempt records, is made again; for what a handler gave, the handler's output stands."""
    definition = workflow(
        step("s0"),
        {"id": "both", "input": {"x": "${s0.result}"}},
        step("bad"),
        step("mend"),
        step("last", input={"x": "${both.result.x}", "y": "${bad.result.y}"}),
        error_handlers={"bad": "mend"},
    )
    driver = Driver(
        definition,
        scripted(
            {
                "last": breaks(),
                "bad": breaks(),
                "mend": gives({"recovered": True, "y": 2}),
            }
        ),
    )
    driver.run()
    for step_id in ("both", "bad"):
        driver.runner.state.outputs.pop(step_id, None)
    done = recorded.ended(recorded.run(), driver)
    assert done.state.outputs["bad"] == {"recovered": True, "y": 2}
    assert done.run_again == ("both", "last")
    assert done.needed >= {"s0", "bad"}
    driver.runner.state.outputs.pop("mend")
    with pytest.raises(CheckpointInvalid, match="'bad' is not recorded any more") as caught:
        recorded.ended(recorded.run(), driver)
    assert caught.value.code == "output_lost"


def test_what_may_run_once_does_not_begin_again_unless_it_is_named(recorded: Recorded) -> None:
    once = {"at_most_once": True}
    definition = workflow(
        step("charge", **once), step("ship", "charge", **once), step("odd", condition="input_data.missing", **once)
    )
    driver = Driver(definition, scripted({"charge": breaks()}), run_input={})
    driver.run()
    execution_id = recorded.run()
    done = recorded.ended(execution_id, driver)
    assert done.run_again == ("charge", "ship", "odd")
    with recorded.database.read() as session:
        attempts = continuing.last_attempts(session, execution_id)
    with pytest.raises(Conflict, match=r"has begun: charge \(") as caught:
        refuse_repeats(driver.program, attempts, done.run_again, ())
    assert caught.value.code == "at_most_once"
    refuse_repeats(driver.program, attempts, done.run_again, ("charge",))
