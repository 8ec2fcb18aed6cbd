"""Scheduling: workflows planned, priced, reserved for, started at their hour, steered and planned anew."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import structlog

from activities.parcel import parcel_of
from definitions.errors import Conflict, DefinitionInvalid
from definitions.ids import execution_id, workflow_id
from definitions.pools import PoolsDocument
from engine.access.identity import LOCAL, Identity
from engine.dispatch import Dispatch
from engine.outgoing import dispatch_of, row_of
from engine.scheduling.advice import recommendations, side_by_side
from engine.scheduling.announcing import announce
from engine.scheduling.booking import Booked, Booking, enter_plan, enter_workflow, wish_of
from engine.scheduling.calibration import Calibration, calibration
from engine.scheduling.learning import learned
from engine.scheduling.optimizing import Goals, Optimized, optimize
from engine.scheduling.pools import PoolBook
from engine.scheduling.proposing import Proposal
from engine.scheduling.reading import ScheduledRecords, view_of
from engine.scheduling.refusals import DependencyCycle, InvalidWorkflowStatus
from engine.scheduling.statistics import SystemStatistics, system_statistics
from engine.scheduling.views import Scheduled, ScheduledView
from engine.scheduling.what_if import WhatIf, what_if
from engine.scheduling.wish import StartWindow, Wish
from store import reservations, scheduled_workflows
from store.database import Session
from store.reservations import Taken
from store.scheduled_workflows import Pair
from store.scheduling_tables import ScheduledWorkflow

if TYPE_CHECKING:
    from engine.core import Engine

_log = structlog.get_logger()
_OPTIMIZE_SECONDS = 1.0
"""What a request that asks for a better plan spends on searching for one."""


class Scheduling:
    """All that can be done with scheduled workflows, for a viewer; None: the operator."""

    def __init__(self, engine: Engine, viewer: Identity | None = None) -> None:
        self._engine = engine
        self._viewer = viewer
        self.pools = PoolBook(engine.database, engine.settings.pools_file)
        self.records = ScheduledRecords(engine.database, self.pools, viewer)
        self._booking = Booking(engine.database, self.pools, engine.settings.planning_seconds)

    async def schedule(
        self,
        wish: Wish,
        *,
        description: str = "",
        tags: Sequence[str] = (),
        source: Mapping[str, Any] | None = None,
        workflow_uuid: UUID | None = None,
        run_uuid: UUID | None = None,
    ) -> Scheduled:
        """Plan a workflow, reserve what it needs, and let its run begin at its hour; again with the same ids it is
        the same one.

        Raises `DefinitionInvalid`, `DependencyCycle`, `WindowExpired`, `ResourceConflict`, `CostLimitExceeded`,
        `StoreUnavailable`. A Temporal that does not answer is no error: the relay brings the run there.
        """
        row_id, run_id = workflow_uuid or uuid4(), execution_id(run_uuid or uuid4())
        document = {**wish.document, "priority": wish.rank}
        try:
            stored = await self._engine.definitions.save(
                document, surface="scheduling", source=None if source is None else dict(source)
            )
        except DefinitionInvalid as error:
            raise _told(error) from None
        wish = replace(wish, document=stored.document)
        owner = self._viewer.subject if self._viewer is not None else LOCAL
        run = row_of(stored, {}, execution_id=run_id, owner=owner, priority=wish.rank, tags=tags)

        def write() -> tuple[Booked, Pair, Dispatch] | None:
            with self._engine.database.read() as session:
                if session.get(ScheduledWorkflow, row_id) is not None:
                    return None  # the request has come before
                known = learned(session, owner, wish)
            parcel = parcel_of(stored.document, run["input_data"], self._engine.blobs)
            entered: list[Pair] = []

            def enter(session: Session, booked: Booked) -> None:
                entered.append(enter_workflow(session, known, booked, run=run, row_id=row_id, description=description))

            booked = self._booking.book(known, row_id, enter)
            return booked, entered[-1], dispatch_of(entered[-1][1], stored.document, parcel)

        made = await asyncio.to_thread(write)
        if made is None:
            await self._engine.executions.bring(run_id)
            return _scheduled(await self.records.get(workflow_id(row_id)), None)
        booked, pair, dispatch = made
        await self._engine.executions.bring_prepared(dispatch)
        if booked.moved:
            await self._announce()
        return _scheduled(view_of(pair, 0.0, pair[0].plan), booked)

    async def execute(self, workflow_id: str) -> Scheduled:
        """Start a scheduled workflow now, planned anew from this moment.

        Raises `WorkflowNotFound`, `InvalidWorkflowStatus`, `ResourceConflict`, `CostLimitExceeded`."""
        view = await self._require(workflow_id, "executed", ("scheduled",))

        def write() -> Booked:
            row, before = self._wished(workflow_id)
            now = datetime.now(UTC)
            window = StartWindow(latest=now, longest_seconds=before.window.longest_seconds, split=before.window.split)
            wish = replace(before, window=window, cost_optimization=False)

            def enter(session: Session, booked: Booked) -> None:
                enter_plan(session, row, booked.proposal, wish)

            return self._booking.book(wish, row.id, enter, now=now)

        booked = await asyncio.to_thread(write)
        await self._announce()
        _log.info("a scheduled workflow was started before its hour", workflow_id=workflow_id)
        return _scheduled(await self.records.get(view.workflow_id), booked)

    async def optimize(self, workflow_id: str, goals: Goals, *, apply: bool) -> tuple[ScheduledView, Optimized]:
        """The best plan for these goals, and with `apply` in force from now on; the view is that of before.

        Raises `WorkflowNotFound`, `InvalidWorkflowStatus`, `ResourceConflict`, `CostLimitExceeded`."""
        view = await self._require(workflow_id, "optimized", ("scheduled",))

        def work() -> Optimized:
            row, wish = self._wished(workflow_id)
            made: list[Optimized] = []

            def choose(pools: PoolsDocument, held: Sequence[Taken], now: datetime, *, seconds: float = 0.0) -> Proposal:
                made.append(optimize(wish, pools, held, now, row.plan, goals, max(seconds, _OPTIMIZE_SECONDS)))
                return made[-1].proposal

            def enter(session: Session, booked: Booked) -> None:
                enter_plan(session, row, booked.proposal, wish)

            if apply:
                self._booking.book(wish, row.id, enter, choose=choose)
            else:
                page = self._booking.look(row.id, wish)
                choose(page.pools, page.taken, datetime.now(UTC))
            return made[-1]

        optimized = await asyncio.to_thread(work)
        if apply:
            await self._announce()
        return view, optimized

    async def what_if(self, workflow_id: str, text: str) -> WhatIf:
        """The plan that a scheduled workflow would have with something changed; nothing is done about it.

        Raises `WorkflowNotFound`, `InvalidWorkflowStatus`, `ScenarioInvalid`, and as `propose`."""
        view = await self._require(workflow_id, "planned anew", ("scheduled",))

        def work() -> WhatIf:
            with self._engine.database.read() as session:
                pair = scheduled_workflows.get_scheduled(session, workflow_id)
                wish, document = wish_of(session, pair), self.pools.document(session)
            return what_if(view, wish, document, self._booking.look(pair[0].id).taken, datetime.now(UTC), text)

        return await asyncio.to_thread(work)

    async def statistics(self, now: datetime | None = None) -> SystemStatistics:
        """Figures over the workflows of everybody, at `now`; None: this moment."""
        return await system_statistics(self._engine.database, self.pools, now or datetime.now(UTC))

    async def calibration(self) -> Calibration:
        """How good past estimates of the viewer's workflows were."""
        return await calibration(self._engine.database, self._viewer)

    async def pause(self, workflow_id: str) -> ScheduledView:
        """Running steps end, nothing new starts, and the run does not begin.

        Raises `WorkflowNotFound`, `InvalidWorkflowStatus`; so do `resume` and `cancel`."""
        view = await self._require(workflow_id, "paused", ("scheduled", "running"))
        await self._signal(view, "paused", self._engine.executions.pause(view.execution_id))
        return view

    async def resume(self, workflow_id: str) -> ScheduledView:
        """Go on after a pause."""
        view = await self._require(workflow_id, "resumed", ("paused",))
        await self._signal(view, "resumed", self._engine.executions.resume(view.execution_id))
        return view

    async def cancel(self, workflow_id: str, *, reason: str = "cancelled") -> ScheduledView:
        """End it; what it has reserved from now on is free again. Running steps get a grace period."""
        view = await self._require(workflow_id, "cancelled", ("scheduled", "pending", "running", "paused"))
        await self._signal(view, "cancelled", self._engine.executions.cancel(view.execution_id, reason=reason))

        def write() -> None:
            with self._engine.database.write() as session:
                reservations.open_book(session)
                row, _ = scheduled_workflows.get_scheduled(session, workflow_id)
                reservations.release_from(session, row.id, datetime.now(UTC))

        await asyncio.to_thread(write)
        return view

    def _wished(self, workflow_id: str) -> tuple[ScheduledWorkflow, Wish]:
        with self._engine.database.read() as session:
            pair = scheduled_workflows.get_scheduled(session, workflow_id)
            return pair[0], wish_of(session, pair)

    async def _require(self, workflow_id: str, wish: str, statuses: tuple[str, ...]) -> ScheduledView:
        view = await self.records.get(workflow_id)
        if view.status not in statuses:
            raise _wrong_status(view, wish)
        return view

    async def _signal(self, view: ScheduledView, wish: str, call: Any) -> None:
        try:
            await call
        except Conflict as error:
            now = await self.records.get(view.workflow_id)
            raise _wrong_status(now, wish) if now.status != view.status else error from None

    async def _announce(self) -> None:
        """Tell runs their hours now; where that fails, it is told again and again until it holds."""
        await announce(self._engine)


def _scheduled(view: ScheduledView, booked: Booked | None) -> Scheduled:
    if booked is None:
        return Scheduled(view, 0, ())
    pairs = side_by_side(booked.proposal)
    advice = tuple(recommendations(booked.proposal, pairs, len(booked.moved)))
    return Scheduled(view, len(pairs), advice, booked.moved)


def _wrong_status(view: ScheduledView, wish: str) -> InvalidWorkflowStatus:
    return InvalidWorkflowStatus(f"Workflow cannot be {wish} in {view.status} state", remedy="")


def _told(error: DefinitionInvalid) -> Exception:
    cycles = [problem for problem in error.problems if problem.code == "cycle"]
    if not cycles:
        return error
    return DependencyCycle("; ".join(problem.message for problem in cycles), remedy="remove one of these dependencies")
