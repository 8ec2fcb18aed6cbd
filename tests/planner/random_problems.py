"""Random planning problems with everything a problem can have."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

from hypothesis import strategies as st

from planner.prices import PriceBand, PricePeriod
from planner.problem import (
    Budget,
    Burst,
    CapacityBand,
    CapacityPeriod,
    Demand,
    MaxDuration,
    Mode,
    Objective,
    Pool,
    Precedence,
    Problem,
    Reservation,
    Tariff,
    Task,
)

CLOCKS_GO_FORWARD = datetime(2025, 3, 30, tzinfo=UTC)
"""An hour before it is three o'clock at once in Berlin."""
STEP = 30
PARTS = ("duration", "cost", "completion", "lateness", "balance", "quality", "preference")


def _often(draw: st.DrawFn, percent: int) -> bool:
    return draw(st.integers(0, 99)) < percent


@st.composite
def pools(draw: st.DrawFn, number: int, *, bursts: bool = True) -> Pool:
    """A pool of 2 to 6 units, some with a calendar, a burst, a price."""
    capacity = draw(st.integers(2, 6))
    calendar: list[CapacityPeriod | CapacityBand] = []
    if _often(draw, 30):
        start = draw(st.integers(0, 20)) * STEP
        length = draw(st.integers(1, 20)) * STEP
        calendar.append(CapacityPeriod(start, start + length, draw(st.integers(0, capacity))))
    if _often(draw, 10):
        calendar.append(CapacityBand(draw(st.integers(1, capacity)), time(2), time(5)))
    burst = None
    if bursts and _often(draw, 25):
        burst = Burst(0.5, draw(st.sampled_from([60, 120, 300])), draw(st.sampled_from([1, 2])))
    price = None
    if _often(draw, 50):
        periods = (PricePeriod(300, 600, draw(st.sampled_from([0.25, 5]))),) if _often(draw, 60) else ()
        bands = (PriceBand(0.1, time(22), time(6)),) if _often(draw, 20) else ()
        price = Tariff(draw(st.sampled_from([0.5, 1, 3.25])), periods, bands)
    zone = draw(st.sampled_from(["UTC", "Europe/Berlin"]))
    return Pool(f"p{number}", capacity, tuple(calendar), burst, price, zone)


@st.composite
def modes(draw: st.DrawFn, held: tuple[Pool, ...]) -> Mode:
    """A mode of up to five minutes."""
    demands = []
    for pool in held:
        if _often(draw, 60):
            amount = draw(st.integers(1, int(pool.capacity)))
            if _often(draw, 15):
                most = min(amount * 2, int(pool.capacity))
                demands.append(Demand(pool.id, amount, max(1, amount // 2), most, draw(st.sampled_from([0, 0.5, 1]))))
            else:
                demands.append(Demand(pool.id, amount))
    cost, quality = draw(st.sampled_from([0, 0, 2.5])), draw(st.sampled_from([1, 0.5]))
    return Mode(draw(st.integers(0, 10)) * STEP, tuple(demands), cost, quality)


@st.composite
def tasks(draw: st.DrawFn, number: int, held: tuple[Pool, ...]) -> Task:
    """A task with one or two modes and sometimes limits."""
    given: dict[str, Any] = {}
    if _often(draw, 20):
        given["release"] = draw(st.integers(0, 10)) * STEP
    if _often(draw, 20):
        given["due"] = draw(st.integers(5, 30)) * STEP
    if _often(draw, 15):
        given["deadline"] = draw(st.integers(20, 100)) * STEP
    if _often(draw, 15):
        given["window"] = (draw(st.integers(0, 5)) * STEP, draw(st.integers(10, 60)) * STEP)
    if _often(draw, 20):
        given["preferred_start"] = draw(st.integers(0, 40)) * STEP
    if _often(draw, 20):
        given.update(splittable=True, max_parts=draw(st.integers(1, 4)), min_part=draw(st.sampled_from([1, 30, 45])))
    if _often(draw, 50):
        given["group"] = draw(st.sampled_from("ab"))
    ways = draw(st.lists(modes(held), min_size=1, max_size=2))
    return Task(f"t{number}", tuple(ways), priority=draw(st.integers(0, 100)), **given)


@st.composite
def objectives(draw: st.DrawFn) -> Objective:
    """One part, several with weights, or several in order."""
    kind = draw(st.integers(0, 3))
    if kind == 0:
        return Objective()
    if kind == 1:
        return Objective(cost=1)
    chosen = draw(st.permutations(PARTS))[: draw(st.integers(1, 3))]
    if kind == 2:
        return Objective(lexicographic=tuple(chosen))
    return Objective(**{name: draw(st.sampled_from([0.2, 0.5, 1.0])) for name in chosen})


@st.composite
def problems(draw: st.DrawFn, *, most: int = 8, bursts: bool = True, objective: Objective | None = None) -> Problem:
    """A whole problem with 1 to `most` tasks."""
    held = tuple(draw(pools(number, bursts=bursts)) for number in range(draw(st.integers(1, 3))))
    count = draw(st.integers(1, most))
    arcs = [
        Precedence(f"t{before}", f"t{after}", draw(st.sampled_from([0, 0, 0, STEP, -STEP])))
        for before in range(count)
        for after in range(before + 1, count)
        if _often(draw, 15)
    ]
    reservations = []
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        pool = draw(st.sampled_from(held))
        start, length = draw(st.integers(0, 20)) * STEP, draw(st.integers(1, 8)) * STEP
        amount = draw(st.integers(1, int(pool.capacity)))
        movable, penalty = draw(st.booleans()), draw(st.sampled_from([0, 3]))
        reservations.append(Reservation(pool.id, start, start + length, amount, movable, penalty))
    budgets = (Budget(draw(st.integers(1, 20))),) if _often(draw, 15) else ()
    given = tuple(draw(tasks(number, held)) for number in range(count))
    groups = sorted({task.group for task in given if task.group is not None})
    longest = tuple(
        MaxDuration(draw(st.integers(2, 30)) * STEP, group) for group in (None, *groups) if _often(draw, 15)
    )
    return Problem(
        given,
        tuple(arcs),
        held,
        tuple(reservations),
        budgets,
        draw(objectives()) if objective is None else objective,
        origin=CLOCKS_GO_FORWARD,
        max_durations=longest,
    )
