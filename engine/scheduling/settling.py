"""What is done about runs of scheduled workflows beside running them: one that is over gives back what it had reserved,
gets its final cost, and is learned from; one whose cost has reached its budget is ended."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from definitions.errors import Conflict
from engine.scheduling.actual import Attempt, actual_cost, amounts_of
from engine.scheduling.booking import document_of
from engine.scheduling.learning import durations
from engine.scheduling.pools import PoolBook
from planner.costs import covers
from store import reservations, scheduled_workflows, step_durations, steps
from store.database import Session
from store.scheduled_workflows import Pair

if TYPE_CHECKING:
    from engine.core import Engine

OVER_BUDGET = "cost_limit_exceeded"
_AT_ONCE = 50
_log = structlog.get_logger()


async def settle(engine: Engine) -> int:
    """Settle what is over, and end what costs too much; returns how many. Raises `StoreUnavailable`."""
    pools = PoolBook(engine.database, engine.settings.pools_file)

    def write() -> int:
        with engine.database.read() as session:
            if not scheduled_workflows.unsettled(session, 1):
                return 0
        with engine.database.write() as session:
            reservations.open_book(session)
            found = scheduled_workflows.unsettled(session, _AT_ONCE)
            for row, run in found:
                ended = run.completed_at or datetime.now(UTC)
                reservations.release_from(session, row.id, ended)
                cost = cost_so_far(session, (row, run), pools, ended)
                scheduled_workflows.change_scheduled(session, row.id, actual_cost=cost)
                attempts = steps.list_steps(session, row.execution_id)
                step_durations.add_durations(session, durations(row, document_of(session, run), attempts))
            return len(found)

    def read() -> list[tuple[str, float, float]]:
        now = datetime.now(UTC)
        with engine.database.read() as session:
            running = scheduled_workflows.of_runs(session, ["running"])
            spent = [
                (row.execution_id, cost_so_far(session, (row, run), pools, now), row.plan["terms"]["budget"])
                for row, run in running
                if row.plan["terms"]["budget"] is not None
            ]
        return [each for each in spent if not covers(each[2], each[1])]

    done = await asyncio.to_thread(write)
    for execution_id, cost, budget in await asyncio.to_thread(read):
        reason = f"it has cost {cost:.2f}, and its budget is {budget:.2f}"
        _log.warning("a run has reached its budget", execution_id=execution_id, cost=cost, budget=budget)
        try:
            await engine.executions.cancel(execution_id, reason=reason, fails_as=OVER_BUDGET)
        except Conflict:  # it has ended meanwhile
            continue
        done += 1
    return done


def cost_so_far(session: Session, pair: Pair, pools: PoolBook, now: datetime) -> float:
    """What a run has cost until `now`, or until its end."""
    row, run = pair
    if row.actual_cost is not None:
        return row.actual_cost
    attempts = [each for each in map(Attempt.of, steps.list_steps(session, row.execution_id)) if each is not None]
    return actual_cost(attempts, amounts_of(row.plan), pools.read(session), run.completed_at or now)
