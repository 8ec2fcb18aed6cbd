"""Plan and reservations in one transaction: of two that race for the last unit, one gets it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol
from uuid import UUID

from definitions.ids import to_uuid, workflow_id
from definitions.pools import PoolsDocument
from engine.scheduling.following import follow_steps
from engine.scheduling.learning import learned
from engine.scheduling.plan_record import holdings, plan_record
from engine.scheduling.pools import PoolBook
from engine.scheduling.preemption import Movable, make_room
from engine.scheduling.proposing import Proposal, propose
from engine.scheduling.refusals import ResourceConflict
from engine.scheduling.wish import Wish
from store import events, instances, reservations, templates
from store.database import Database, Session
from store.records import EventRecord
from store.reservations import Taken
from store.scheduled_workflows import Pair, add_scheduled, change_scheduled, of_runs, set_start
from store.scheduling_tables import ScheduledWorkflow
from store.tables import WorkflowInstance

RESCHEDULED = "run.rescheduled"


@dataclass(frozen=True)
class Booked:
    """A plan that is in force. `moved`: the ids of those that made room."""

    proposal: Proposal
    conflicts_resolved: int
    moved: tuple[str, ...]


class Choose(Protocol):
    """Makes a plan on pools where others hold something, and may search for so many seconds."""

    def __call__(
        self, pools: PoolsDocument, held: Sequence[Taken], now: datetime, *, seconds: float = 0.0
    ) -> Proposal: ...


@dataclass(frozen=True)
class Page:
    """What the book says at an edition."""

    edition: int
    pools: PoolsDocument
    taken: list[Taken]


class Booking:
    """Makes plans and enters them. Everything here blocks."""

    def __init__(self, database: Database, pools: PoolBook, seconds: float) -> None:
        """`seconds` may be spent on searching, before anything is locked."""
        self._database = database
        self._pools = pools
        self._seconds = seconds

    def book(
        self,
        wish: Wish,
        own: UUID,
        enter: Callable[[Session, Booked], None],
        *,
        now: datetime | None = None,
        choose: Choose | None = None,
    ) -> Booked:
        """Plan `wish` as the workflow `own`, whose reservations so far don't count, and enter it with `enter`.

        `now`: the earliest moment of the plan; None: this one. `choose` plans instead of `propose`. Raises what that
        raises, and `StoreUnavailable`."""
        plan = choose or partial(propose, wish)
        draft, edition = self._draft(plan, wish, own, now)
        with self._database.write() as session:
            moment = now or datetime.now(UTC)
            newer = reservations.open_book(session) != edition + 1
            # What runs longer than it was booked for is not to be had, whenever that was noticed last.
            if follow_steps(session, moment) or newer:
                draft = None
            moved: tuple[tuple[Movable, Proposal], ...] = ()
            if draft is None:
                page = self._page(session, moment, own, wish)
                try:
                    draft = plan(page.pools, page.taken, moment)
                except ResourceConflict:
                    if not wish.may_preempt:
                        raise
                    held = [each for each in reservations.list_held(session, moment) if each.workflow_id != own]
                    room = make_room(wish, own, page.pools, held, self._movable(session, wish, own), moment)
                    draft, moved = room.proposal, room.moved
            booked = Booked(draft, draft.disturbed + len(moved), tuple(workflow_id(each.id) for each, _ in moved))
            for victim, again in moved:
                self._move(session, victim, again, by=workflow_id(own))
            enter(session, booked)
            reservations.release(session, own)
            reservations.reserve(session, holdings(draft, own))
            return booked

    def _draft(self, plan: Choose, wish: Wish, own: UUID, now: datetime | None) -> tuple[Proposal | None, int]:
        """A plan made on what can be read without locking anybody out; it counts if nothing has changed by then."""
        page = self.look(own, wish, now)
        try:
            found = plan(page.pools, page.taken, now or datetime.now(UTC), seconds=self._seconds)
        except ResourceConflict:
            return None, page.edition
        _ = found.forecast  # kept in it: worked out while nobody waits for the book
        return found, page.edition

    def look(self, own: UUID, wish: Wish | None = None, now: datetime | None = None) -> Page:
        """What the book says now, without what `own` holds; with a wish no more than what matters to that."""
        with self._database.read() as session:
            return self._page(session, now or datetime.now(UTC), own, wish)

    def _page(self, session: Session, moment: datetime, own: UUID, wish: Wish | None) -> Page:
        edition, after, names = reservations.current_edition(session), moment, None
        if wish is not None:
            # What is over before it may start is in nobody's way.
            after, names = max(moment, wish.window.earliest or moment), wish.pools
        taken = reservations.list_taken(session, after, pools=names, except_by=own)
        return Page(edition, self._pools.read(session), taken)

    def _movable(self, session: Session, wish: Wish, own: UUID) -> list[Movable]:
        found = []
        for row, run in of_runs(session, ["scheduled"]):
            if not row.preemptible or row.id == own or row.planned_start <= datetime.now(UTC):
                continue
            other = wish_of(session, (row, run))
            if other.rank < wish.rank:
                found.append(Movable(row.id, other, row.planned_start))
        return found

    def _move(self, session: Session, victim: Movable, again: Proposal, *, by: str) -> None:
        row = session.get(ScheduledWorkflow, victim.id)
        assert row is not None  # noqa: S101  # it was read in this transaction
        enter_plan(session, row, again, victim.wish, times_moved=row.times_moved + 1)
        reservations.release(session, victim.id)
        reservations.reserve(session, holdings(again, victim.id))
        told = {"from": victim.planned_start.isoformat(), "to": again.start.isoformat(), "by": by}
        events.append(session, [EventRecord(row.execution_id, RESCHEDULED, datetime.now(UTC), data=told)])


def wish_of(session: Session, pair: Pair) -> Wish:
    """What was wished when a workflow was scheduled, with what is known by now of how long its steps take."""
    row, run = pair
    return learned(session, row.owner, Wish.on_terms(document_of(session, run), row.plan["terms"]))


def document_of(session: Session, run: WorkflowInstance) -> dict[str, Any]:
    """The core definition that a run goes by."""
    return templates.get_revision(session, workflow_id(run.template_id), run.revision).definition


def plan_columns(proposal: Proposal, wish: Wish) -> dict[str, Any]:
    """The columns of a scheduled workflow that its plan decides."""
    return {
        "planned_start": proposal.start,
        "planned_end": proposal.end,
        "plan": plan_record(proposal, wish),
        "critical_seconds": proposal.critical_seconds,
        "estimated_cost": proposal.cost,
        "cost_savings": proposal.savings,
        "efficiency": proposal.efficiency,
    }


def enter_plan(session: Session, row: ScheduledWorkflow, proposal: Proposal, wish: Wish, **more: Any) -> None:
    """Another plan for a workflow that is there."""
    change_scheduled(session, row.id, **plan_columns(proposal, wish), **more)
    set_start(session, row, proposal.start)


def enter_workflow(
    session: Session, wish: Wish, booked: Booked, *, run: dict[str, Any], row_id: UUID, description: str
) -> Pair:
    """A new workflow and its run, which begins at its hour. `run`: as `create_instance` takes it."""
    proposal = booked.proposal
    instance = instances.create_instance(session, **run, status="scheduled", scheduled_start=proposal.start)
    row = ScheduledWorkflow(
        id=row_id,
        instance_id=to_uuid(run["execution_id"]),
        owner=run["owner"],
        name=run["name"],
        description=description,
        priority=wish.priority,
        cost_optimization=wish.cost_optimization,
        may_preempt=wish.may_preempt,
        preemptible=wish.preemptible,
        step_count=len(wish.document["steps"]),
        conflicts_resolved=booked.conflicts_resolved,
        **plan_columns(proposal, wish),
    )
    add_scheduled(session, row)
    return row, instance
