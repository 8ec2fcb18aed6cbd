"""Ends of simulated runs in real tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import update

from definitions.ids import new_execution_id, to_uuid
from store import instances, templates
from store.database import Database
from store.locks import locked_runs
from store.outcomes import record_outcome_steps
from store.tables import STEPS
from tests.workflows.driving import Driver


class RecordedRuns:
    """Rows of runs of one template, and how their steps ended."""

    def __init__(self, database: Database) -> None:
        self.database = database
        with database.write() as session:
            self._workflow_id = templates.create_template(
                session, name="any", definition={"steps": []}, source={}, digest="sha256:0"
            ).workflow_id

    def run(self) -> str:
        """The row of a new run."""
        execution_id = new_execution_id()
        with self.database.write() as session:
            instances.create_instance(
                session,
                execution_id=execution_id,
                workflow_id=self._workflow_id,
                name="any",
                revision=1,
                digest="sha256:0",
                input_data={},
            )
        return execution_id

    def record(
        self, driver: Driver, execution_id: str | None = None, *, contexts: Mapping[str, Any] | None = None
    ) -> str:
        """Record how the run ended, as the end of a run does. `contexts`: what attempts told that steps added."""
        execution_id = execution_id or self.run()
        told = [*driver.settled_inside, *map(driver.outcome, driver.program.order)]
        outcomes = json.loads(json.dumps(told))
        with self.database.write() as session, locked_runs(session, [execution_id]) as runs:
            record_outcome_steps(session, runs[execution_id], outcomes)
            for step_id, added in (contexts or {}).items():
                session.execute(
                    update(STEPS)
                    .where(STEPS.c.workflow_instance_id == to_uuid(execution_id), STEPS.c.step_id == step_id)
                    .values(context_data=added)
                )
        return execution_id
