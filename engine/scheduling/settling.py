"""What is done about runs of scheduled workflows beside running them: one that is over gives back what it had reserved,
gets its final cost, and is learned from; one whose cost has reached its budget is ended."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

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
            limited = [pair for pair in running if pair[0].plan["terms"]["budget"] is not None]
            costs = costs_so_far(session, limited, pools, now)
            spent = [
                (row.execution_id, cost, row.plan["terms"]["budget"])
                for (row, _), cost in zip(limited, costs, strict=True)
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
    return costs_so_far(session, [pair], pools, now)[0]


def costs_so_far(session: Session, pairs: Sequence[Pair], pools: PoolBook, now: datetime) -> list[float]:
    """The same of several."""
    unknown = [row.instance_id for row, run in pairs if row.actual_cost is None and run.status != "scheduled"]
    attempts: dict[UUID, list[Attempt]] = {run_id: [] for run_id in unknown}
    for each in steps.begun_attempts(session, unknown) if unknown else ():
        if (attempt := Attempt.of(each)) is not None:
            attempts[each.run_id].append(attempt)
    document = pools.read(session) if any(attempts.values()) else None
    costs = []
    for row, run in pairs:
        begun = attempts.get(row.instance_id)
        if begun and document is not None:
            costs.append(actual_cost(begun, amounts_of(row.plan), document, run.completed_at or now))
        else:
            costs.append(row.actual_cost or 0.0)
    return costs
