"""What a plan takes of each pool over time, next to what is there and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from planner import Plan
from planner.calendars import Steps, capacity_steps
from planner.occupancy import segments, usage
from planner.prices import Spend

NEAR = 1e-9


@dataclass(frozen=True, slots=True)
class Span:
    """Seconds from the start in which nothing changes."""

    start: float
    end: float
    used: float
    capacity: float
    price: float
    """Money for a unit and hour."""


@dataclass(frozen=True, slots=True)
class PoolUse:
    """One pool under a plan."""

    name: str
    capacity: float
    """Its usual one."""
    peak: float
    """The most that is used at once."""
    busy: float
    """Used unit-hours by those that are there, from the plan's start to its end."""
    cost: float
    """Without what bursts add."""
    spans: tuple[Span, ...]
    """From the plan's start to its end, without gaps."""

    @property
    def priced(self) -> bool:
        """Whether its price changes in the plan's time."""
        return len({span.price for span in self.spans}) > 1


def pool_uses(plan: Plan) -> tuple[PoolUse, ...]:
    """Each pool of the problem, in its order; empty without a schedule."""
    return tuple(_pool_use(plan, number) for number in range(len(plan.problem.pools))) if plan.schedule else ()


def _pool_use(plan: Plan, number: int) -> PoolUse:
    problem, until = plan.problem, plan.makespan
    pool, schedule = problem.pools[number], plan.schedule
    assert schedule is not None  # noqa: S101 - `pool_uses` has looked
    capacity = capacity_steps(pool, problem.origin, until)
    price = Steps([0.0], [0.0]) if pool.price is None else pool.price.steps(pool.zone, problem.origin, until)
    held = usage(problem, schedule, number)
    level = _level(held)
    edges = sorted({0.0, until, *(t for steps in (capacity, price, level) for t in steps.times if 0 < t < until)})
    spans = tuple(
        Span(start, end, level.at(start), capacity.at(start), price.at(start)) for start, end in pairwise(edges)
    )
    spend = Spend(price)
    there = sum(span.capacity * (span.end - span.start) for span in spans)
    used = sum(span.used * (span.end - span.start) for span in spans)
    return PoolUse(
        pool.id,
        pool.capacity,
        peak=max((span.used for span in spans), default=0.0),
        busy=used / there if there > NEAR else 0.0,
        cost=sum(amount * spend.between(start, end) for start, end, amount in held),
        spans=spans,
    )


def _level(held: list[tuple[float, float, float]]) -> Steps:
    """What is held in all, over time."""
    pieces = segments(held, Steps([0.0], [0.0]))
    if not pieces:
        return Steps([0.0], [0.0])
    times = [0.0, *(start for start, _, _ in pieces), pieces[-1][1]]
    return Steps(times, [0.0, *(used if abs(used) > NEAR else 0.0 for _, _, used in pieces), 0.0])
