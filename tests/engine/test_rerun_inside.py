"""What a rerun reuses inside of loops, branches and parallel blocks: what is not concerned, iteration by iteration."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from definitions.calls import StepCall
from definitions.errors import LongpoleError
from definitions.model import Definition
from definitions.program import compile_definition
from engine.begun_steps import with_starts
from engine.done_steps import done_steps
from engine.rerun_plan import RerunPlan, RunAsItWas, rerun_plan
from store import continuing
from store.database import Database
from tests.engine.recorded_runs import RecordedRuns
from tests.workflows.driving import Behaviour, Driver
from tests.workflows.workflow_documents import step, workflow

BY_TEST = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
LOADED = "${loop.current_item.text}"
BODY = [
    step("load", input={"text": LOADED}),
    step("words", input={"of": "${load.result}", "by": "${workflow.input.by}"}),
    step("score", input={"of": "${load.result}", "scale": "${prepare.result.seen}"}),
    {"id": "both", "input": {"words": "${words.result.seen}", "score": "${score.result.seen}"}},
]
DOCS = {"id": "docs", "loop": {"iterate_over": "${workflow.input.docs}", "parallel": True, "steps": BODY}}
STEPS = [step("prepare", input={"n": "${workflow.input.n}"}), DOCS, step("report", input={"all": "${docs.result}"})]
INPUT = {"n": 1, "by": "space", "docs": [{"text": f"text {number}"} for number in range(5)]}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordedRuns]:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('inside') / 'store.db'}")
    database.migrate()
    yield RecordedRuns(database)
    database.dispose()


def act(call: StepCall) -> Behaviour:
    """The output tells exactly what the input was; inputs that say so fail."""
    text = json.dumps(call.input, sort_keys=True)
    if "breaks" in text:
        return Behaviour(error="broken")
    return Behaviour({"seen": zlib.crc32(f"{call.handler} {text}".encode()), "n": len(text)})


class Rerun:
    """A run, and a rerun of it, which is checked against a run from the beginning."""

    def __init__(
        self,
        recorded: RecordedRuns,
        before: Definition,
        run_input: Any,
        after: Definition | None = None,
        *,
        change: Any = None,
        chosen: tuple[str, ...] = (),
    ) -> None:
        self.first = Driver(before, act, run_input=run_input)
        self.first.run()
        execution_id = recorded.record(self.first)
        with recorded.database.read() as session:
            attempts = continuing.last_attempts(session, execution_id)
        program = compile_definition(after or before, "sha256:again")
        new_input = run_input if change is None else {**run_input, **change}
        was = RunAsItWas(execution_id, self.first.program, attempts, run_input, self.first.runner.state.context)
        self.plan: RerunPlan = rerun_plan(was, program, new_input, chosen)
        done = done_steps(program, self.plan.reused, run_input=new_input, context=self.plan.context, started_at=0.0)
        done.state.begun = dict(self.plan.begun)
        checkpoint = json.loads(json.dumps(done.state.checkpoint()))
        self.again = Driver(program.definition, act, checkpoint=checkpoint)
        self.again.run()
        whole = Driver(program.definition, act, run_input=new_input)
        whole.run()
        assert self.again.ending == whole.ending
        assert self.again.told().keys() == whole.told().keys()
        assert {each: status for each, (status, _) in self.again.told().items()} == {
            each: status for each, (status, _) in whole.told().items()
        }
        assert self.again.runner.state.begun == {}

    @property
    def ran(self) -> list[str]:
        return sorted(each.call.step_id for each in self.again.started)


def test_one_edited_item_runs_its_iteration_and_what_depends_on_it(recorded: RecordedRuns) -> None:
    edited = [*INPUT["docs"][:3], {"text": "another"}, *INPUT["docs"][4:]]
    rerun = Rerun(recorded, workflow(*STEPS), INPUT, change={"docs": edited})
    assert rerun.ran == ["docs[3].load", "docs[3].score", "docs[3].words", "report"]
    assert rerun.plan.why == {
        "docs": "1 of 5 iterations", "report": "downstream of docs", "docs[3]": "input changed",
    }  # fmt: skip
    assert {"prepare", "docs[0].load", "docs[4].both"} <= set(rerun.plan.reused)


def test_an_inner_step_that_is_chosen_runs_with_what_follows_in_its_iteration(recorded: RecordedRuns) -> None:
    rerun = Rerun(recorded, workflow(*STEPS), INPUT, chosen=("docs[3].words",))
    assert rerun.ran == ["docs[3].words", "report"]
    assert dict(rerun.plan.why) == {
        "docs": "1 of 5 iterations",
        "report": "downstream of docs",
        "docs[3].words": "chosen",
        "docs[3].both": "downstream of docs[3].words",
    }
    assert Rerun(recorded, workflow(*STEPS), INPUT, chosen=("docs[1]",)).ran == [
        "docs[1].load", "docs[1].score", "docs[1].words", "report",
    ]  # fmt: skip
    assert len(Rerun(recorded, workflow(*STEPS), INPUT, chosen=("docs",)).ran) == 16


def test_only_what_reads_a_changed_input_runs_in_each_iteration(recorded: RecordedRuns) -> None:
    rerun = Rerun(recorded, workflow(*STEPS), INPUT, change={"by": "comma"})
    assert rerun.ran == [*(f"docs[{number}].words" for number in range(5)), "report"]
    # Where a step around the loop runs, what it gives is not known: the loop runs as a whole.
    assert len(Rerun(recorded, workflow(*STEPS), INPUT, change={"n": 2}).ran) == 17


def test_items_come_and_go(recorded: RecordedRuns) -> None:
    more = Rerun(recorded, workflow(*STEPS), INPUT, change={"docs": [*INPUT["docs"], {"text": "new"}]})
    assert more.ran == ["docs[5].load", "docs[5].score", "docs[5].words", "report"]
    fewer = Rerun(recorded, workflow(*STEPS), INPUT, change={"docs": INPUT["docs"][:2]})
    assert fewer.ran == ["report"]
    assert Rerun(recorded, workflow(*STEPS), INPUT, change={"docs": []}).ran == ["report"]


def test_another_version_of_an_inner_step(recorded: RecordedRuns) -> None:
    body = [*BODY[:2], {**BODY[2], "handler": "test.other"}, BODY[3], step("extra", "load", input={})]
    after = workflow(STEPS[0], {**DOCS, "loop": {**DOCS["loop"], "steps": body}}, STEPS[2])
    rerun = Rerun(recorded, workflow(*STEPS), INPUT, after)
    assert rerun.ran == sorted([*(f"docs[{n}].{each}" for n in range(5) for each in ("score", "extra")), "report"])
    assert rerun.plan.why["docs[2].score"] == "definition changed"


def test_a_failed_loop_keeps_the_iterations_that_ended(recorded: RecordedRuns) -> None:
    docs = [*INPUT["docs"][:2], {"text": "breaks"}, *INPUT["docs"][3:]]
    rerun = Rerun(recorded, workflow(*STEPS), {**INPUT, "docs": docs}, change={"docs": INPUT["docs"]})
    assert rerun.first.told()["docs"][0] == "failed"
    assert "docs[0].load" not in rerun.ran
    assert {"docs[2].load", "docs[2].words", "report"} <= set(rerun.ran)


def test_a_while_loop_runs_again_from_the_iteration_that_is_concerned(recorded: RecordedRuns) -> None:
    body = [step("ask", input={"was": "${loop.previous}", "n": "${loop.index}"}), step("note", "ask", input={"k": 1})]
    loop = {"while": "loop.index < input_data.most", "max_iterations": 10, "steps": body}
    definition = workflow({"id": "chat", "loop": loop}, step("end", input={"all": "${chat.result}"}))
    rerun = Rerun(recorded, definition, {"most": 5}, chosen=("chat[3].note",))
    assert rerun.ran == ["chat[3].note", "chat[4].ask", "chat[4].note", "end"]
    assert rerun.plan.why["chat"] == "from iteration 3 on"
    assert Rerun(recorded, definition, {"most": 5}, change={"most": 7}).ran == [
        "chat[5].ask", "chat[5].note", "chat[6].ask", "chat[6].note", "end",
    ]  # fmt: skip
    assert Rerun(recorded, definition, {"most": 5}, change={"most": 2}).ran == ["end"]


def test_branches_and_parallel_blocks_keep_what_is_not_concerned(recorded: RecordedRuns) -> None:
    inner = [step("x", input={"a": "${workflow.input.a}"}), step("y", input={"b": "${workflow.input.b}"})]
    definition = workflow(
        {"id": "side", "parallel": {"steps": inner}},
        {"id": "route", "branch": {"if": "input_data.a > 0", "then": [step("p", input={"b": "${workflow.input.b}"}),
                                   step("q", input={"c": "${workflow.input.c}"})], "else": [step("r", input={})]}},
        step("end", input={"side": "${side.result}", "route": "${route.result}"}),
    )  # fmt: skip
    given = {"a": 1, "b": 1, "c": 1}
    assert Rerun(recorded, definition, given, change={"b": 2}).ran == ["end", "route.p", "side.y"]
    assert Rerun(recorded, definition, given, change={"c": 2}).ran == ["end", "route.q"]
    assert Rerun(recorded, definition, given, change={"a": 0}).ran == ["end", "route.r", "side.x"]
    assert Rerun(recorded, definition, given, change={"other": 0}).ran == []


def test_blocks_in_blocks(recorded: RecordedRuns) -> None:
    pages = {"iterate_over": "${loop.current_item.pages}", "steps": [
        {"id": "route", "branch": {"if": "len(loop.current_item) > 1", "then": [
            step("read", input={"text": "${loop.current_item}", "of": "${open.result.seen}"})]}},
    ]}  # fmt: skip
    books = {"iterate_over": "${workflow.input.books}", "steps": [
        step("open", input={"title": "${loop.current_item.title}"}), {"id": "pages", "loop": pages}]}  # fmt: skip
    definition = workflow({"id": "books", "loop": books}, step("end", input={"all": "${books.result}"}))
    shelf = [{"title": f"t{n}", "pages": ["aa", "b", "cc"]} for n in range(3)]
    changed = [shelf[0], {"title": "t1", "pages": ["aa", "bb", "cc"]}, shelf[2]]
    rerun = Rerun(recorded, definition, {"books": shelf}, change={"books": changed})
    assert rerun.ran == ["books[1].pages[1].route.read", "end"]
    assert Rerun(recorded, definition, {"books": shelf}, chosen=("books[2].pages[0].route.read",)).ran == [
        "books[2].pages[0].route.read", "end",
    ]  # fmt: skip
    renamed = [shelf[0], {**shelf[1], "title": "other"}, shelf[2]]
    assert Rerun(recorded, definition, {"books": shelf}, change={"books": renamed}).ran == [
        "books[1].open", "books[1].pages[0].route.read", "books[1].pages[2].route.read", "end",
    ]  # fmt: skip


@pytest.mark.parametrize("chosen", ["docs.load", "docs[1].nope", "docs[9]", "docs[9].load", "prepare[1]", "docs[x]"])
def test_what_is_not_there_can_not_be_chosen(recorded: RecordedRuns, chosen: str) -> None:
    with pytest.raises(LongpoleError) as caught:
        Rerun(recorded, workflow(*STEPS), INPUT, chosen=(chosen,))
    assert caught.value.code == "unknown_step"


@BY_TEST
@given(data=st.data())
def test_whatever_is_changed_a_rerun_ends_as_a_run_from_the_beginning(
    recorded: RecordedRuns, data: st.DataObject
) -> None:
    texts = st.sampled_from(("a", "b", "breaks"))
    docs = st.lists(st.fixed_dictionaries({"text": texts, "k": st.integers(0, 1)}), max_size=4)
    one, two = [step("one", input={"of": "${load.result.seen}"})], [step("two", input={"n": "${workflow.input.n}"})]
    body = [
        step("load", input={"text": LOADED}),
        {"id": "route", "branch": {"if": "loop.current_item.k > input_data.k", "then": one, "else": two}},
        {"id": "mark", "input": {"k": "${loop.current_item.k}", "was": "${route.result}"}},
        step("last", "mark", condition="loop.index > 0", input={"i": "${loop.index}"}),
    ]  # fmt: skip
    goes_on = data.draw(st.sampled_from(("fail", "continue")))
    loop = {"iterate_over": "${workflow.input.docs}", "parallel": data.draw(st.booleans()), "on_failure": goes_on}
    before = workflow({"id": "docs", "loop": {**loop, "steps": body}}, step("end", input={"all": "${docs.result}"}))
    edited = [
        {**each, "handler": "test.other"} if each["id"] == "last" and data.draw(st.booleans()) else each
        for each in body
    ]
    after = workflow({"id": "docs", "loop": {**loop, "steps": edited}}, step("end", input={"all": "${docs.result}"}))
    given_input = {"docs": data.draw(docs), "n": 1, "k": 0}
    change = {"docs": data.draw(st.just(given_input["docs"]) | docs), "n": data.draw(st.integers(1, 2))}
    Rerun(recorded, before, given_input, after, change=change)


@BY_TEST
@given(moment=st.floats(0.5, 9), parallel=st.booleans(), inner=st.booleans())
def test_a_run_that_was_stopped_goes_on_inside_of_its_loops(
    recorded: RecordedRuns, moment: float, *, parallel: bool, inner: bool
) -> None:
    """What was done is kept; what begins again has a start of its own."""
    body = [
        step("load", input={"text": LOADED}),
        {"id": "side", "parallel": {"steps": [step("x", input={}), step("y", "x", input={"of": "${load.result}"})]}},
        step("last", "side", input={"i": "${loop.index}"}),
    ]
    pages = {"id": "pages", "loop": {"iterate_over": "[1, 2]", "steps": [step("page", input={"n": "${loop.index}"})]}}
    body += [pages] if inner else []
    loop = {"iterate_over": "${workflow.input.docs}", "parallel": parallel, "steps": body}
    definition = workflow({"id": "docs", "loop": loop}, step("end", input={"all": "${docs.result}"}))
    whole = Driver(definition, act, run_input=INPUT)
    whole.run()
    first = Driver(definition, act, run_input=INPUT)
    first.at(moment, first.stop)
    if first.run().status == "completed":
        return
    execution_id = recorded.record(first)
    with recorded.database.read() as session:
        attempts = continuing.last_attempts(session, execution_id)
    program = first.program
    done = done_steps(program, attempts, run_input=INPUT, context={}, started_at=1.0)
    plan = rerun_plan(RunAsItWas(execution_id, program, attempts, INPUT, {}), program, INPUT)
    done.state.begun = with_starts(program.root, plan.begun, attempts, done.reused)
    again = Driver(definition, act, checkpoint=json.loads(json.dumps(done.state.checkpoint())))
    again.run()
    assert again.ending == whole.ending
    ended = {each["step_id"] for each in first.settled_inside if each["status"] == "completed"}
    ran = {each.call.step_id for each in again.started}
    assert not ended & ran
    assert not {each.activity_id for each in first.started} & {each.activity_id for each in again.started}
    assert ended | ran >= {each.call.step_id for each in whole.started}
