"""Templates and runs for the tests of the store."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from definitions.ids import new_execution_id, to_uuid
from store import instances, templates
from store.database import Database
from store.records import AttemptRecord
from store.scheduling_tables import ScheduledWorkflow
from store.tables import WorkflowInstance, WorkflowTemplate

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def attempt(execution_id: str, step_id: str = "train", number: int = 1, **fields: Any) -> AttemptRecord:
    given: dict[str, Any] = {"start": 1, "max_attempts": 3, "status": "running", "started_at": NOON} | fields
    return AttemptRecord(execution_id, step_id, attempt=number, **given)


def scheduled_workflow(execution_id: str, **fields: Any) -> ScheduledWorkflow:
    """The row of a run's schedule, planned from noon on; not stored."""
    given: dict[str, Any] = {
        "owner": "ann",
        "name": "etl",
        "description": "",
        "priority": "normal",
        "cost_optimization": False,
        "may_preempt": False,
        "preemptible": True,
        "planned_start": NOON,
        "plan": {},
        "estimated_cost": 1.0,
        "cost_savings": 0.0,
        "efficiency": 1.0,
    } | fields
    return ScheduledWorkflow(instance_id=to_uuid(execution_id), **given)


@dataclass
class Rows:
    database: Database
    _default: str | None = field(default=None, init=False)

    def template(self, name: str = "etl", **fields: Any) -> WorkflowTemplate:
        given: dict[str, Any] = {"definition": {"steps": []}, "source": {"name": name}, "digest": "sha256:0"} | fields
        with self.database.write() as session:
            return templates.create_template(session, name=name, **given)

    def run(self, **fields: Any) -> str:
        if "workflow_id" not in fields:
            self._default = self._default or self.template().workflow_id
            fields["workflow_id"] = self._default
        given: dict[str, Any] = {
            "execution_id": new_execution_id(),
            "name": "etl",
            "revision": 1,
            "digest": "sha256:0",
            "input_data": {},
        } | fields
        with self.database.write() as session:
            return instances.create_instance(session, **given).execution_id

    def read(self, execution_id: str) -> WorkflowInstance:
        with self.database.read() as session:
            return instances.get_instance(session, execution_id)
