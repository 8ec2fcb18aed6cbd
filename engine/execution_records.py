"""Reading runs: what the records say, in the core's words. Needs only the store: it answers while Temporal is down."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from copy import copy
from datetime import datetime
from typing import Any, Self, TypeVar

from activities.outputs import load
from definitions.ids import workflow_id
from definitions.values import resolve_deferred, unpack
from engine.access.identity import Identity
from engine.views import AttemptView, Event, Execution, InnerSteps, LogLine, StepView
from store import events, instances, logs, steps
from store.blobs import BlobStore
from store.database import Database, Session
from store.instances import InstanceFilter, Statistics
from store.prepared import is_prepared
from store.run_definitions import definition_of
from store.steps import StepFilter
from store.tables import WorkflowInstance, WorkflowStepExecution

T = TypeVar("T")


class ExecutionRecords:
    """Reads of runs. Blocking database work runs in threads."""

    _viewer: Identity | None = None
    """They see and touch only their own (admins all), and own what they start; None: the operator."""

    def __init__(self, database: Database, blobs: BlobStore) -> None:
        self._database = database
        self._blobs = blobs

    def seen_by(self, viewer: Identity) -> Self:
        """The same for a caller: what is another's is not found."""
        seen = copy(self)
        seen._viewer = viewer
        return seen

    @property
    def _owner(self) -> str | None:
        return self._viewer.sees_owner if self._viewer is not None else None

    async def get(self, execution_id: str) -> Execution:
        """A run with its steps and its whole output. Raises `ExecutionNotFound`."""

        def read() -> Execution:
            with self._database.read() as session:
                row = instances.get_instance(session, execution_id, owner=self._owner)
                attempts = steps.list_steps(session, execution_id, last_only=True, wanted=StepFilter(inner=False))
                definition = definition_of(session, row).document
            return self._execution(row, definition, self._steps(definition, attempts))

        return await asyncio.to_thread(read)

    async def inner_steps(
        self,
        execution_id: str,
        *,
        within: str | None = None,
        statuses: Collection[str] | None = None,
        limit: int = 200,
        offset: int = 0,
    ) -> InnerSteps:
        """One page of the steps inside of a run's control steps that have begun, in the order in which they did.
        `within`: only of those inside of the step with this path. Raises `ExecutionNotFound`."""
        wanted = StepFilter(inner=True, within=within, statuses=statuses)

        def read() -> InnerSteps:
            with self._database.read() as session:
                instances.get_status(session, execution_id, owner=self._owner)
                rows = steps.list_steps(
                    session, execution_id, last_only=True, wanted=wanted, limit=limit, offset=offset
                )
                counts = steps.count_steps(session, execution_id, wanted)
                return InnerSteps(tuple(self._step_view(row, row.step_id) for row in rows), counts)

        return await asyncio.to_thread(read)

    async def inner_step(self, execution_id: str, path: str) -> StepView | None:
        """The step inside of a run's control steps that has this path; None where none has begun.

        Raises `ExecutionNotFound`."""

        def read() -> StepView | None:
            with self._database.read() as session:
                instances.get_status(session, execution_id, owner=self._owner)
                wanted = StepFilter(inner=True, path=path)
                rows = steps.list_steps(session, execution_id, last_only=True, wanted=wanted)
                return self._step_view(rows[0], path) if rows else None

        return await asyncio.to_thread(read)

    async def status(self, execution_id: str) -> str:
        """A run's status alone. Raises `ExecutionNotFound`."""

        def read() -> str:
            with self._database.read() as session:
                return instances.get_status(session, execution_id, owner=self._owner)

        return await asyncio.to_thread(read)

    async def find(
        self,
        *,
        statuses: Sequence[str] = (),
        name: str | None = None,
        owner: str | None = None,
        workflow_id: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        priority_min: int | None = None,
        priority_max: int | None = None,
        tags: Sequence[str] = (),
        parent: str | None = None,
        top_level: bool = False,
        limit: int = 50,
        offset: int = 0,
        whole: bool = False,
    ) -> tuple[list[Execution], int]:
        """One page of runs, newest first and without steps, and how many there are in all. `name`: of the definition;
        `tags`: all of them; `parent`: those that are a step of that run; `top_level`: those that are no step of
        another; `whole`: with input and output."""
        wanted = InstanceFilter(
            statuses=tuple(statuses) or None,
            template_name=name,
            owner=self._owner or owner,
            workflow_id=workflow_id,
            created_after=created_after,
            created_before=created_before,
            priority_min=priority_min,
            priority_max=priority_max,
            tags=tuple(tags),
            parent=parent,
            top_level=top_level,
        )

        def read() -> tuple[list[Execution], int]:
            with self._database.read() as session:
                rows, total = instances.query_instances(session, wanted, limit=limit, offset=offset)
                return [self._execution(row, {"version": ""}, (), whole=whole) for row in rows], total

        return await asyncio.to_thread(read)

    async def statistics(self, *, workflow_id: str | None = None, name: str | None = None) -> Statistics:
        """Counts over the runs of one definition, of all versions of a name, or over all."""

        def read() -> Statistics:
            with self._database.read() as session:
                wanted = InstanceFilter(workflow_id=workflow_id, template_name=name, owner=self._owner)
                return instances.statistics(session, wanted)

        return await asyncio.to_thread(read)

    async def attempts(self, execution_id: str) -> list[AttemptView]:
        """Every attempt of a run's steps in the order they began, those of steps that never ran at the end.

        Raises `ExecutionNotFound`."""

        def read() -> list[AttemptView]:
            with self._database.read() as session:
                instances.get_status(session, execution_id, owner=self._owner)
                return [self._attempt(row) for row in steps.list_steps(session, execution_id)]

        return await asyncio.to_thread(read)

    async def events(
        self, execution_id: str, *, after: int = 0, types: Collection[str] = (), limit: int = 500
    ) -> list[Event]:
        """Events after a sequence number, in order; `types`: only of these. Raises `ExecutionNotFound` to viewers of
        another's run."""

        def read() -> list[Event]:
            with self._database.read() as session:
                self._require_own(session, execution_id)
                rows = events.since(session, execution_id, after, types=types, limit=limit)
                return [Event(row.sequence, row.type, row.at, row.step_id, row.data) for row in rows]

        return await asyncio.to_thread(read)

    async def logs(
        self,
        execution_id: str,
        *,
        step_id: str | None = None,
        levels: Sequence[str] | None = None,
        after: int = 0,
        limit: int = 1000,
    ) -> list[LogLine]:
        """Log lines after an id, in the order in which they were stored. Raises as `events`."""

        def read() -> list[LogLine]:
            with self._database.read() as session:
                self._require_own(session, execution_id)
                page = logs.query(session, execution_id, step_id=step_id, levels=levels, cursor=after, limit=limit)
                return [
                    LogLine(line.id or 0, line.at, line.level, line.step_id, line.attempt, line.message, line.details)
                    for line in page.lines
                ]

        return await asyncio.to_thread(read)

    def _require_own(self, session: Session, execution_id: str) -> None:
        if self._owner is not None:
            instances.get_status(session, execution_id, owner=self._owner)

    def _execution(
        self, row: WorkflowInstance, definition: Mapping[str, Any], views: tuple[StepView, ...], *, whole: bool = True
    ) -> Execution:
        return Execution(
            execution_id=row.execution_id,
            workflow_id=workflow_id(row.template_id),
            name=row.name,
            version=str(definition.get("version", "1")),
            revision=row.revision,
            status=row.status,
            owner=row.owner,
            priority=row.priority,
            created_at=row.created_at,
            started_at=row.started_at,
            completed_at=row.completed_at,
            duration_seconds=row.duration_seconds,
            input=row.input_data if whole else None,
            output=self._whole(row.output_data, row.output_slots) if whole else None,
            error=row.error,
            tags=tuple(row.tags),
            steps=views,
            timeout_at=row.timeout_at,
            context=(row.execution_state or {}).get("context"),
            prepared=is_prepared(row),
            parent_execution_id=row.parent_execution_id,
            parent_step=row.parent_step,
            forked_from=row.forked_from_id,
        )

    def _attempt(self, row: WorkflowStepExecution) -> AttemptView:
        return AttemptView(
            id=row.id,
            step_id=row.step_id,
            status=row.status,
            start=row.start,
            attempt=row.attempt_number,
            max_attempts=row.max_attempts,
            input=self._whole(row.input_data, row.input_slots),
            output=self._whole(row.output_data, row.output_slots),
            error_message=row.error_message,
            error_class=row.error_class,
            error_traceback=row.error_traceback,
            will_retry=row.will_retry,
            started_at=row.started_at,
            completed_at=row.completed_at,
            duration_seconds=row.duration_seconds,
            reason=row.reason,
        )

    def _steps(self, definition: Mapping[str, Any], rows: Sequence[WorkflowStepExecution]) -> tuple[StepView, ...]:
        """Every step of the definition, in its order; those without a record yet are pending."""
        last = {row.step_id: row for row in rows}
        return tuple(self._step(step, last.get(step["id"])) for step in definition["steps"])

    def _step(self, step: Mapping[str, Any], row: WorkflowStepExecution | None) -> StepView:
        title = step.get("name") or step["id"]
        if row is None or (row.settled and row.will_retry):  # the run was continued, and begins it again
            return StepView(step["id"], title, "pending")
        return self._step_view(row, title)

    def _step_view(self, row: WorkflowStepExecution, title: str) -> StepView:
        return StepView(
            step_id=row.step_id,
            title=title,
            status=row.status,
            attempts=row.attempt_number,
            max_attempts=row.max_attempts,
            started_at=row.started_at,
            completed_at=row.completed_at,
            duration_seconds=row.duration_seconds,
            error_message=row.error_message,
            error_class=row.error_class,
            reason=row.reason,
            progress=row.progress,
            progress_label=row.progress_label,
            usage=row.usage,
            measured=row.measured or {},
            artifacts=tuple(row.artifacts),
            output=self._whole(row.output_data, row.output_slots),
        )

    def _whole(self, value: Any, slots: list[Any] | None) -> Any:
        return resolve_deferred(unpack(value, slots or []), lambda digest: load(digest, self._blobs))
