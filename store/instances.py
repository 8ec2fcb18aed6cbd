"""Runs: their rows from the first word about them to the last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import CursorResult, Select, bindparam, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlmodel import col

from definitions.calls import FINAL_RUN_STATUSES, RunStatus
from definitions.errors import Conflict, DefinitionNotFound, ExecutionNotFound
from definitions.ids import is_id, to_uuid
from store import events
from store.columns import now
from store.continuing import is_superseded, time_taken
from store.dialects import Insert, has_tags, insert_class, is_postgres
from store.locks import LockedRun, locked_runs
from store.records import EventRecord
from store.tables import INSTANCES, STEPS, TEMPLATES, WorkflowInstance

RUN_ENDED = "run_ended"
"""The reason of an attempt that nobody reported the end of before the run was over."""


@dataclass(frozen=True)
class Parent:
    """What a run is a step of."""

    execution_id: str
    step: str
    """The step's path, e.g. `docs[3].analyse`."""


def create_instance(
    session: Session,
    *,
    execution_id: str,
    workflow_id: str,
    name: str,
    revision: int,
    digest: str,
    input_data: Any,
    owner: str = "",
    priority: int = 50,
    tags: list[str] | None = None,
    status: RunStatus = "pending",
    scheduled_start: datetime | None = None,
    timeout_at: datetime | None = None,
    parent: Parent | None = None,
) -> WorkflowInstance:
    """The row of a new run; again with the same id, workflow and digest it is the row that is there.

    Raises `DefinitionNotFound`, and `Conflict` (`execution_exists`) when the id is another run's."""
    run_id, template_id, moment = to_uuid(execution_id), to_uuid(workflow_id), now()
    row = {
        "id": run_id,
        "template_id": template_id,
        "status": status,
        "input_data": input_data,
        "priority": priority,
        "name": name,
        "revision": revision,
        "digest": digest,
        "owner": owner,
        "created_at": moment,
        "updated_at": moment,
        "scheduled_start": scheduled_start,
        "timeout_at": timeout_at,
        "event_sequence": 0,
        "tags": tags or [],
        # A run of another's is brought to Temporal by that one, and is no business of the relay's.
        "dispatched_at": moment if parent is not None else None,
        "parent_id": to_uuid(parent.execution_id) if parent is not None else None,
        "parent_step": parent.step if parent is not None else None,
    }
    try:
        inserted = cast("CursorResult[Any]", session.execute(_create(is_postgres(session)), row)).rowcount == 1
    except IntegrityError as error:
        raise DefinitionNotFound(f"there is no workflow {workflow_id}", remedy="store it before it is run") from error
    if inserted:
        return WorkflowInstance(**row)
    instance = get_instance(session, execution_id)
    if (instance.template_id, instance.digest, instance.owner) != (template_id, digest, owner):
        raise Conflict(
            f"{execution_id} is the id of another execution", code="execution_exists", remedy="leave the id to Longpole"
        )
    return instance


# Made once: to make such a statement takes as long as to execute it.
@cache
def _create(for_postgres: bool) -> Insert:
    return insert_class(for_postgres)(INSTANCES).on_conflict_do_nothing(index_elements=[INSTANCES.c.id])


def get_status(session: Session, execution_id: str, *, owner: str | None = None) -> str:
    """A run's status alone; another owner's is not found. Raises `ExecutionNotFound`."""
    row = session.execute(_STATUS, {"run": to_uuid(execution_id)}).first()
    if row is None or owner not in (None, row.owner):
        raise _unknown(execution_id, foreign=row is not None)
    return str(row.status)


_STATUS = select(INSTANCES.c.status, INSTANCES.c.owner).where(INSTANCES.c.id == bindparam("run"))


def _unknown(execution_id: str, *, foreign: bool = False) -> ExecutionNotFound:
    remedy = "list the executions to see their ids"
    return ExecutionNotFound(f"there is no execution {execution_id}", remedy=remedy, foreign=foreign)


def get_instance(session: Session, execution_id: str, *, owner: str | None = None) -> WorkflowInstance:
    """By `exec_...`, as it is now; another owner's is not found. Raises `ExecutionNotFound`."""
    instance = session.get(WorkflowInstance, to_uuid(execution_id), populate_existing=True)
    if instance is None or owner not in (None, instance.owner):
        raise _unknown(execution_id, foreign=instance is not None)
    return instance


@dataclass(frozen=True)
class InstanceFilter:
    """Which runs; None leaves a field out. `created_after <= created_at < created_before`; `tags`: all of them.
    `parent`: those that are a step of that run; `top_level`: those that are no step of another."""

    status: str | None = None
    statuses: tuple[str, ...] | None = None
    workflow_id: str | None = None
    template_name: str | None = None
    owner: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    priority_min: int | None = None
    priority_max: int | None = None
    tags: tuple[str, ...] = ()
    parent: str | None = None
    top_level: bool = False

    def narrow(self, session: Session, statement: Select[Any]) -> Select[Any]:
        """The statement over `workflow_instances` with these conditions."""
        columns = INSTANCES.c
        if self.status is not None:
            statement = statement.where(columns.status == self.status)
        if self.statuses is not None:
            statement = statement.where(columns.status.in_(self.statuses))
        if self.workflow_id is not None:
            statement = statement.where(columns.template_id == to_uuid(self.workflow_id))
        if self.template_name is not None:
            named = select(TEMPLATES.c.id).where(TEMPLATES.c.name == self.template_name)
            statement = statement.where(columns.template_id.in_(named))
        if self.owner is not None:
            statement = statement.where(columns.owner == self.owner)
        if self.created_after is not None:
            statement = statement.where(columns.created_at >= self.created_after)
        if self.created_before is not None:
            statement = statement.where(columns.created_at < self.created_before)
        if self.priority_min is not None:
            statement = statement.where(columns.priority >= self.priority_min)
        if self.priority_max is not None:
            statement = statement.where(columns.priority <= self.priority_max)
        if self.parent is not None:
            statement = statement.where(columns.parent_id == to_uuid(self.parent))
        if self.top_level:
            statement = statement.where(columns.parent_id.is_(None))
        if self.tags:
            statement = statement.where(has_tags(session, columns.tags, list(self.tags)))
        return statement


def query_instances(
    session: Session, wanted: InstanceFilter, *, limit: int = 50, offset: int = 0
) -> tuple[list[WorkflowInstance], int]:
    """One page of runs, newest first, and how many there are in all."""
    total = session.scalar(wanted.narrow(session, select(func.count()).select_from(INSTANCES)))
    statement = wanted.narrow(session, select(WorkflowInstance))
    newest_first = (col(WorkflowInstance.created_at).desc(), col(WorkflowInstance.id).desc())
    return list(session.scalars(statement.order_by(*newest_first).limit(limit).offset(offset))), total or 0


@dataclass(frozen=True)
class Statistics:
    """`success_rate`: percent of those that completed or failed, 0 without any; durations: of completed runs."""

    total_instances: int
    running_instances: int
    completed_instances: int
    failed_instances: int
    cancelled_instances: int
    success_rate: float
    avg_duration_seconds: float


def statistics(session: Session, wanted: InstanceFilter) -> Statistics:
    """Counts over the runs: running includes paused and cancelling ones, failed those that timed out."""
    status = INSTANCES.c.status
    row = session.execute(
        wanted.narrow(
            session,
            select(
                func.count(),
                func.count().filter(status.in_(("running", "paused", "cancelling"))),
                func.count().filter(status == "completed"),
                func.count().filter(status.in_(("failed", "timed_out"))),
                func.count().filter(status == "cancelled"),
                func.avg(INSTANCES.c.duration_seconds).filter(status == "completed"),
            ).select_from(INSTANCES),
        )
    ).one()
    total, running, completed, failed, cancelled, average = row
    ended = completed + failed
    rate = 100.0 * completed / ended if ended else 0.0
    return Statistics(total, running, completed, failed, cancelled, rate, average or 0.0)


def set_status(session: Session, execution_id: str, status: RunStatus) -> bool:
    """Sets an open run's status; False: there is no such run, or it is over. Ends are set by `finish`."""
    if status in FINAL_RUN_STATUSES:
        raise ValueError(f"{status} ends a run; use finish")
    changed = session.execute(
        update(INSTANCES)
        .where(INSTANCES.c.id == to_uuid(execution_id), INSTANCES.c.closed_at.is_(None))
        .values(updated_at=now(), status=status)
        .returning(INSTANCES.c.id)
    )
    return changed.first() is not None


def mark_dispatched(session: Session, taken: Mapping[str, str]) -> int:
    """Notes that Temporal took these runs, each as that run of its own; the first time counts. Returns how many there
    are of them: not those that are over, or wait to go on from that very Temporal run."""
    moment = now()
    rows = [{"run": to_uuid(run), "taken_as": taken_as, "moment": moment} for run, taken_as in taken.items()]
    return cast("CursorResult[Any]", session.execute(_MARK_DISPATCHED, rows)).rowcount if rows else 0


_MARK_DISPATCHED = (
    update(INSTANCES)
    .where(
        INSTANCES.c.id == bindparam("run"),
        INSTANCES.c.closed_at.is_(None),
        or_(
            INSTANCES.c.dispatched_at.is_not(None), INSTANCES.c.temporal_run_id.is_distinct_from(bindparam("taken_as"))
        ),
    )
    .values(
        dispatched_at=func.coalesce(INSTANCES.c.dispatched_at, bindparam("moment")),
        temporal_run_id=bindparam("taken_as"),
        updated_at=bindparam("moment"),
    )
)


def undispatched(
    session: Session, older_than: datetime, *, limit: int = 100, claim: bool = False
) -> list[WorkflowInstance]:
    """Open runs that Temporal has not taken, created and changed before that moment, oldest first.

    `claim`, in a write block only: on PostgreSQL the rows are this caller's until the block ends, others are given
    other ones. Without it two relays may start the same run, which Temporal makes one of."""
    rows = WorkflowInstance
    statement = (
        select(rows)
        .where(col(rows.dispatched_at).is_(None), col(rows.closed_at).is_(None), col(rows.created_at) < older_than)
        # One that is to go on was created long ago: whoever opened it gets the same time to start it.
        .where(col(rows.updated_at) < older_than)
        .order_by(col(rows.created_at))
        .limit(limit)
    )
    if claim:
        statement = statement.with_for_update(skip_locked=True, key_share=True)
    return list(session.scalars(statement))


def open_instances(session: Session, *, after: str | None = None, limit: int = 500) -> list[WorkflowInstance]:
    """A page of the runs that Temporal has and that are not over, by id; `after`: the last id of the page before."""
    rows = WorkflowInstance
    statement = select(rows).where(col(rows.closed_at).is_(None), col(rows.dispatched_at).is_not(None))
    if after is not None:
        statement = statement.where(col(rows.id) > to_uuid(after))
    return list(session.scalars(statement.order_by(col(rows.id)).limit(limit)))


def finish(session: Session, execution_id: str, **how: Any) -> bool:
    """`end_run` for a run that is not locked yet; takes the same arguments.

    False, with nothing changed: there is no such run, or it is over, or was continued since that end."""
    with locked_runs(session, [execution_id]) as runs:
        run = runs.get(execution_id)
        if run is None or run.closed or is_superseded(session, run, how.get("temporal_run_id")):
            return False
        events.append(session, [end_run(session, run, execution_id, **how)], runs=runs)
        return True


def end_run(
    session: Session,
    run: LockedRun,
    execution_id: str,
    *,
    status: RunStatus,
    completed_at: datetime,
    started_at: datetime | None = None,
    output: Any = None,
    slots: list[Any] | None = None,
    error: dict[str, Any] | None = None,
    execution_state: Any = None,
    event_data: dict[str, Any] | None = None,
    temporal_run_id: str | None = None,
    all_settled: bool = False,
) -> EventRecord:
    """Ends an open run, as that Temporal run; returns its last event (`run.completed`, ...), which is yet to append.

    Steps that are still called running end with it, unless `all_settled` says that there are none."""
    if status not in FINAL_RUN_STATUSES:
        raise ValueError(f"{status} does not end a run; use set_status")
    begun = run.started_at or started_at
    duration = time_taken(session, run, begun, completed_at)
    if execution_state is not None or run.duration_seconds is None:
        run.change(execution_state=execution_state)
    # else it was continued, ends without an account, and is known as it was when it went on
    run.change(
        status=status,
        output_data=output,
        output_slots=slots or None,
        error=error,
        started_at=begun,
        completed_at=completed_at,
        duration_seconds=duration,
        temporal_run_id=temporal_run_id or run.temporal_run_id,
        # A run that is over was never, or no longer is, the relay's business.
        closed_at=now(),
    )
    if not all_settled:
        session.execute(
            update(STEPS)
            .where(STEPS.c.workflow_instance_id == run.id, STEPS.c.status == "running")
            .values(status="cancelled", reason=RUN_ENDED)
        )
    data = {"duration_seconds": duration} | ({"error": error} if error else {}) | (event_data or {})
    return EventRecord(execution_id, f"run.{status}", completed_at, data=data)


def reopen(session: Session, execution_id: str, temporal_run_id: str) -> bool:
    """`reopen_run` for a run that is not locked yet. False: there is no such run, or nothing to reopen."""
    with locked_runs(session, [execution_id]) as runs:
        run = runs.get(execution_id)
        event = reopen_run(session, run, execution_id, temporal_run_id) if run is not None else None
        if event is None:
            return False
        events.append(session, [event], runs=runs)
        return True


def reopen_run(
    session: Session,
    run: LockedRun,
    execution_id: str,
    temporal_run_id: str,
    *,
    ended_before: datetime | None = None,
) -> EventRecord | None:
    """Opens a run that was over, because it was reset in Temporal and goes on as another Temporal run; returns the
    event `run.reopened`, which is yet to append.

    None: it is not over, or it ended as that very Temporal run, or not before that moment."""
    if not run.closed or run.temporal_run_id == temporal_run_id:
        return None
    if ended_before is not None and (run.completed_at is None or run.completed_at >= ended_before):
        return None
    run.change(
        status="running",
        temporal_run_id=temporal_run_id,
        output_data=None,
        output_slots=None,
        error=None,
        completed_at=None,
        duration_seconds=None,
        execution_state=None,
        closed_at=None,
    )
    session.execute(
        update(INSTANCES)
        .where(INSTANCES.c.id == run.id, INSTANCES.c.dispatched_at.is_(None))
        .values(dispatched_at=now())
    )
    # What the steps that run again record counts again, until this run's end settles it.
    session.execute(update(STEPS).where(STEPS.c.workflow_instance_id == run.id).values(settled=False))
    told = {"temporal_run_id": temporal_run_id}
    return EventRecord(execution_id, "run.reopened", now(), data=told, key=f"reopened/{temporal_run_id}")


def by_ids(session: Session, execution_ids: Sequence[str]) -> list[WorkflowInstance]:
    """The rows of these runs, those that there are, in no order. What is no id has none."""
    ids = [to_uuid(execution_id) for execution_id in execution_ids if is_id(execution_id)]
    return list(session.scalars(select(WorkflowInstance).where(col(WorkflowInstance.id).in_(ids))))
