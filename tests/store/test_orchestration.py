"""Workflows with what their runs have come to, how runs were begun, and templates: on both databases."""

from __future__ import annotations

import threading
from uuid import uuid4

import pytest
from rows import Rows, at, attempt

from definitions.errors import Conflict, DefinitionNotFound
from definitions.ids import to_uuid
from store import blueprints, instances, orchestration, run_definitions, steps, templates
from store.database import Database
from store.orchestration import Tally, WorkflowFilter
from store.orchestration_tables import Blueprint, ExecutionOrigin


def origin(run: str, workflow: str, name: str | None) -> ExecutionOrigin:
    return ExecutionOrigin(
        instance_id=to_uuid(run), template_id=to_uuid(workflow), name=name, correlation_id="c", trace_id="t"
    )


def finish(database: Database, run: str, status: str, seconds: float) -> None:
    with database.write() as session:
        instances.finish(session, run, status=status, started_at=at(0), completed_at=at(seconds))


class TestLists:
    def test_filters_and_what_runs_have_come_to(self, database: Database, rows: Rows) -> None:
        good = rows.template("good", owner="ann", tags=["x", "y"])
        bad = rows.template("bad", owner="ann", tags=["x"], is_active=False)
        none = rows.template("none", owner="bob")
        for workflow, status, seconds in ((good, "completed", 10), (good, "completed", 30), (bad, "completed", 5)):
            finish(database, rows.run(workflow_id=workflow.workflow_id), status, seconds)
        last = rows.run(workflow_id=bad.workflow_id)
        finish(database, last, "timed_out", 7)

        def listed(**wanted: object) -> list[str]:
            with database.read() as session:
                found, total = orchestration.list_workflows(session, WorkflowFilter(**wanted), limit=10, offset=0)  # type: ignore[arg-type]
            assert total == len(found)
            return [each.name for each in found]

        assert listed() == ["none", "bad", "good"]
        assert listed(owner="ann", created_by="bob") == []
        assert listed(last_statuses=("completed",)) == ["good"]
        assert listed(last_statuses=("failed", "timed_out")) == ["bad"]
        assert (listed(activation="draft"), listed(activation="active")) == (["bad"], ["none", "good"])
        assert listed(tags=["y", "x"]) == ["good"]
        with database.write() as session:
            templates.set_active(session, good.workflow_id, False)
        assert listed(activation="paused") == ["good"]
        ids = [good.id, bad.id, none.id]
        with database.read() as session:
            tallies, newest = orchestration.tallies(session, ids), orchestration.last_runs(session, ids)
        assert tallies == {good.id: Tally(2, 2, 0, 20.0), bad.id: Tally(2, 1, 1, 5.0)}
        assert newest[bad.id].execution_id == last
        assert newest.keys() == {good.id, bad.id}

    def test_what_is_deleted_is_found_nowhere(self, database: Database, rows: Rows) -> None:
        gone = rows.template("gone", owner="ann")
        run = rows.run(workflow_id=gone.workflow_id)
        with pytest.raises(Conflict), database.write() as session:
            templates.delete_template(session, gone.workflow_id)
        finish(database, run, "completed", 1)
        with database.write() as session:
            templates.delete_template(session, gone.workflow_id)
        with database.read() as session:
            assert templates.find_template(session, "gone") is None
            assert templates.list_templates(session)[1] == 0
            assert orchestration.list_workflows(session, WorkflowFilter(), limit=1, offset=0)[1] == 0
            with pytest.raises(DefinitionNotFound):
                templates.get_template(session, gone.workflow_id)
            assert instances.get_instance(session, run).status == "completed"
        assert rows.template("gone", owner="ann").version == 2


class TestOrigins:
    def test_a_name_is_one_runs_of_a_workflow(self, database: Database, rows: Rows) -> None:
        workflow, other = rows.template().workflow_id, rows.template().workflow_id
        first, second, third = (rows.run(workflow_id=each) for each in (workflow, workflow, other))
        with database.write() as session:
            for run, of, name in ((first, workflow, "one"), (first, workflow, "one"), (third, other, "one")):
                orchestration.add_origin(session, origin(run, of, name))
        with pytest.raises(Conflict) as refused, database.write() as session:
            orchestration.add_origin(session, origin(second, workflow, "one"))
        assert refused.value.code == "execution_name_taken"
        with database.write() as session:
            orchestration.add_origin(session, origin(second, workflow, None))
        with database.read() as session:
            found = orchestration.origin_of(session, first)
            assert found is not None
            assert found.name == "one"

    def test_racing_runs_of_one_name_are_one(self, database: Database, rows: Rows) -> None:
        workflow = rows.template().workflow_id
        runs = [rows.run(workflow_id=workflow) for _ in range(6)]
        taken: list[str] = []

        def begin(run: str) -> None:
            try:
                with database.write() as session:
                    orchestration.add_origin(session, origin(run, workflow, "one"))
            except Conflict as refused:
                taken.append(refused.code)

        threads = [threading.Thread(target=begin, args=(run,)) for run in runs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert taken == ["execution_name_taken"] * 5

    def test_past_durations_are_those_that_completed(self, database: Database, rows: Rows) -> None:
        workflow = rows.template().workflow_id
        run = rows.run(workflow_id=workflow)
        with database.write() as session:
            ended = {"status": "completed", "completed_at": at(4)}
            records = [attempt(run, "a", **ended), attempt(run, "b", status="failed", completed_at=at(9))]
            steps.record_attempts(session, records)
        with database.read() as session:
            assert orchestration.past_durations(session, workflow, limit=10) == {"a": [4.0]}

    def test_a_run_goes_by_what_it_was_begun_with(self, database: Database, rows: Rows) -> None:
        run = rows.run()
        with database.write() as session:
            for steps_given in ([1], [2]):  # the first time counts
                row = instances.get_instance(session, run)
                run_definitions.begin_with(session, row, {"steps": steps_given}, "sha256:1")
        with database.read() as session:
            found = run_definitions.definition_of(session, instances.get_instance(session, run))
        assert found == ({"steps": [1]}, "sha256:1", 0)


def test_blueprints_are_their_owners(database: Database) -> None:
    made = Blueprint(id=uuid4(), owner="ann", name="n", description="", category="c", parameters={}, document={"a": 1})
    with database.write() as session:
        blueprints.add_blueprint(session, made.model_copy())
        assert blueprints.add_blueprint(session, made.model_copy()).document == {"a": 1}
    with database.read() as session:
        assert blueprints.get_blueprint(session, made.id, owner="bob") is None
        assert [each.id for each in blueprints.list_blueprints(session, owner="ann", limit=5)] == [made.id]
        assert blueprints.list_blueprints(session, owner="bob", limit=5) == []
