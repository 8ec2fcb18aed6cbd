"""Scheduled workflows as they are told. Only reads; blocking database work runs in threads."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from engine.access.identity import Identity
from engine.scheduling.pools import PoolBook
from engine.scheduling.settling import cost_so_far, costs_so_far
from engine.scheduling.views import Progress, RunningStep, ScheduledView, Summary
from store import events, scheduled_workflows, steps
from store.database import Database, Session
from store.scheduled_workflows import Pair
from store.tables import WorkflowStepExecution

ACTIVE = ("scheduled", "pending", "running", "paused", "cancelling")
_EVENTS = 10_000


class ScheduledRecords:
    """What a viewer may see of scheduled workflows; None: the operator, who sees all."""

    def __init__(self, database: Database, pools: PoolBook, viewer: Identity | None) -> None:
        self._database = database
        self._pools = pools
        self._owner = viewer.sees_owner if viewer is not None else None

    async def get(self, workflow_id: str) -> ScheduledView:
        """A workflow. Raises `WorkflowNotFound`."""

        def read() -> ScheduledView:
            with self._database.read() as session:
                pair = scheduled_workflows.get_scheduled(session, workflow_id, owner=self._owner)
                return self._view(session, pair, datetime.now(UTC))

        return await asyncio.to_thread(read)

    async def page(
        self, *, statuses: Collection[str] | None, limit: int, offset: int
    ) -> tuple[list[ScheduledView], int, Summary]:
        """One page, newest first, how many there are in all, and a summary over all of any status."""

        def read() -> tuple[list[ScheduledView], int, Summary]:
            now = datetime.now(UTC)
            with self._database.read() as session:
                pairs, total = scheduled_workflows.list_scheduled(
                    session, owner=self._owner, statuses=statuses, limit=limit, offset=offset
                )
                costs = costs_so_far(session, pairs, self._pools, now)
                views = [view_of(pair, cost, {}) for pair, cost in zip(pairs, costs, strict=True)]
                tallies = scheduled_workflows.tally(session, self._owner)
            summary = Summary(
                total=sum(each.count for each in tallies.values()),
                active=sum(each.count for status, each in tallies.items() if status in ACTIVE),
                completed=tallies["completed"].count if "completed" in tallies else 0,
                # What is cancelled or fails has saved nothing.
                savings=sum(each.savings for status, each in tallies.items() if status == "completed"),
            )
            return views, total, summary

        return await asyncio.to_thread(read)

    async def progress(self, workflow_id: str) -> Progress:
        """How far a workflow is. Raises `WorkflowNotFound`."""

        def read() -> Progress:
            now = datetime.now(UTC)
            with self._database.read() as session:
                pair = scheduled_workflows.get_scheduled(session, workflow_id, owner=self._owner)
                view = self._view(session, pair, now)
                last = steps.list_steps(session, view.execution_id, last_only=True)
                told = events.since(session, view.execution_id, limit=_EVENTS)
            planned = {step["step_id"]: step for step in view.plan["steps"]}
            running = [row for row in last if row.status == "running" and row.step_id in planned]
            completed = {row.step_id: row.completed_at or now for row in last if row.status == "completed"}
            # Milestones have no attempts; they are told as events.
            completed |= {
                event.step_id: event.at
                for event in told
                if event.type == "step.completed" and event.step_id is not None and event.step_id in planned
            }
            in_use = {pool: 0.0 for step in planned.values() for pool in step["amounts"]}
            for row in running:
                for pool, amount in planned[row.step_id]["amounts"].items():
                    in_use[pool] += amount
            return Progress(
                view,
                attempts=0 if view.started_at is None else 1 + sum(event.type == "run.reopened" for event in told),
                running=tuple(_running(row, planned[row.step_id], now) for row in running),
                completed=tuple(planned[each]["title"] for each in sorted(completed, key=lambda each: completed[each])),
                in_use=in_use,
            )

        return await asyncio.to_thread(read)

    def _view(self, session: Session, pair: Pair, now: datetime) -> ScheduledView:
        return view_of(pair, cost_so_far(session, pair, self._pools, now), pair[0].plan)


def view_of(pair: Pair, cost: float, plan: Mapping[str, Any]) -> ScheduledView:
    """What is told of a workflow that has cost so much and goes by that plan."""
    row, run = pair
    return ScheduledView(
        workflow_id=row.workflow_id,
        execution_id=row.execution_id,
        owner=row.owner,
        name=row.name,
        description=row.description,
        priority=row.priority,
        status=run.status,
        tags=tuple(run.tags),
        created_at=row.created_at,
        planned_start=row.planned_start,
        planned_end=row.planned_end,
        started_at=run.started_at,
        ended_at=run.completed_at,
        step_count=row.step_count,
        critical_seconds=row.critical_seconds,
        estimated_cost=row.estimated_cost,
        actual_cost=cost,
        cost_savings=row.cost_savings,
        efficiency=row.efficiency,
        conflicts_resolved=row.conflicts_resolved,
        times_moved=row.times_moved,
        plan=plan,
        error=run.error,
    )


def _running(row: WorkflowStepExecution, planned: dict[str, object], now: datetime) -> RunningStep:
    seconds = float(str(planned["seconds"]))
    began = row.started_at or now
    elapsed = (now - began).total_seconds()
    share = row.progress if row.progress is not None else min(1.0, elapsed / seconds) if seconds else 0.0
    left = max(0.0, seconds - elapsed) if row.progress is None else seconds * (1 - row.progress)
    return RunningStep(row.step_id, str(planned["title"]), share, datetime.fromtimestamp(now.timestamp() + left, UTC))
