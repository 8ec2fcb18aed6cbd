from __future__ import annotations

import random
from datetime import UTC, datetime, time
from typing import Any

import pytest

from planner import (
    CapacityBand,
    CapacityPeriod,
    Demand,
    Limits,
    MaxDuration,
    Mode,
    Objective,
    Plan,
    Pool,
    PriceBand,
    PricePeriod,
    Problem,
    Status,
    Tariff,
    Task,
    solve,
)
from planner.calendars import capacity_steps
from planner.costs import Costs
from planner.price_arrays import shifted_prices
from planner.prices import Spend
from planner.schedule import Schedule
from tests.planner.checking import faults

HOUR = 3600.0
LITTLE = Limits(seconds=None, work=0.3)
BERLIN = "Europe/Berlin"
FORWARD = datetime(2025, 3, 30, tzinfo=UTC)
"""In Berlin it is 01:00; at 02:00 the clock is put forward to 03:00."""
BACK = datetime(2025, 10, 26, tzinfo=UTC)
"""In Berlin it is 02:00; at 03:00 the clock is put back to 02:00."""


def night(value: float, begins: int, ends: int, **given: Any) -> CapacityBand:
    return CapacityBand(value, time(begins), time(ends), **given)


def capacities(pool: Pool, origin: datetime, hours: int) -> list[float]:
    """At half past each hour from the origin."""
    steps = capacity_steps(pool, origin, hours * HOUR)
    return [steps.at((hour + 0.5) * HOUR) for hour in range(hours)]


def test_a_band_over_midnight_belongs_to_the_day_it_begins_on() -> None:
    saturday = datetime(2025, 1, 4, 20, tzinfo=UTC)
    pool = Pool("p", 8, (night(2, 22, 6, days=(5,)),))
    assert capacities(pool, saturday, 36) == [8] * 2 + [2] * 8 + [8] * 26


def test_a_whole_day_of_the_week() -> None:
    saturday = datetime(2025, 1, 4, 22, tzinfo=UTC)
    pool = Pool("p", 8, (night(0, 0, 0, days=(6,)),))
    assert capacities(pool, saturday, 28) == [8] * 2 + [0] * 24 + [8] * 2


def test_the_hour_that_is_not_there_and_the_one_that_is_there_twice() -> None:
    pool = Pool("p", 8, (night(1, 2, 3),), zone=BERLIN)
    assert capacities(pool, FORWARD, 3) == [8, 8, 8]
    assert capacities(pool, BACK, 3) == [1, 1, 8]
    across = Pool("p", 8, (CapacityBand(1, time(2, 30), time(4)),), zone=BERLIN)
    assert capacities(across, FORWARD, 3) == [8, 1, 8]


def test_periods_go_before_bands_and_the_first_band_before_later_ones() -> None:
    pool = Pool("p", 8, (CapacityPeriod(0, HOUR, 5), night(1, 0, 3), night(2, 0, 6)), zone="UTC")
    assert capacities(pool, datetime(2025, 1, 1, tzinfo=UTC), 8) == [5, 1, 1, 2, 2, 2, 8, 8]


def test_work_over_the_change_of_the_clock_costs_what_the_clock_says() -> None:
    tariff = Tariff(1.0, bands=(PriceBand(0.25, time(22), time(3)),))
    forward = Spend(tariff.steps(BERLIN, FORWARD, 10 * HOUR))
    assert forward.between(0, 4 * HOUR) == pytest.approx(0.25 + 3)
    back = Spend(tariff.steps(BERLIN, BACK, 10 * HOUR))
    assert back.between(0, 4 * HOUR) == pytest.approx(2 * 0.25 + 2)


def cheapest(pool: Pool, hours: float, **given: Any) -> Plan:
    task = Task("t", (Mode(hours * HOUR, (Demand(pool.id, 2),)),), **given)
    return solve(Problem((task,), pools=(pool,), objective=Objective(cost=1), origin=FORWARD), Limits(seconds=60))


def test_work_is_put_where_it_is_cheapest_and_savings_are_against_as_soon_as_possible() -> None:
    pool = Pool("p", 4, price=Tariff(1.0, bands=(PriceBand(0.25, time(22), time(6)),)), zone=BERLIN)
    plan = cheapest(pool, 6)
    assert plan.status is Status.OPTIMAL
    # from 22:00 in Berlin on, which is 20:00 UTC after the clock was changed
    assert plan.assignments["t"].start == 20 * HOUR
    assert plan.cost == pytest.approx(6 * 2 * 0.25)
    assert plan.savings == pytest.approx((4 * 0.25 + 2 * 1) * 2 - 3)
    assert faults(plan) == []


def test_of_equally_cheap_times_the_first_is_taken() -> None:
    plan = cheapest(Pool("p", 4, price=Tariff(1.0, (PricePeriod(2 * HOUR, 9 * HOUR, 0.5),))), 3)
    assert plan.assignments["t"].start == 2 * HOUR


def test_negative_prices_attract() -> None:
    plan = cheapest(Pool("p", 4, price=Tariff(1.0, (PricePeriod(5 * HOUR, 6 * HOUR, -3.0),))), 2)
    assert plan.status is Status.OPTIMAL
    assert plan.cost == pytest.approx(2 * (1 - 3))
    assert plan.assignments["t"].start == 4 * HOUR
    assert faults(plan) == []


def test_a_split_task_takes_the_cheap_hours_only() -> None:
    tariff = Tariff(1.0, (PricePeriod(2 * HOUR, 3 * HOUR, 0.5), PricePeriod(6 * HOUR, 7 * HOUR, 0.5)))
    plan = cheapest(Pool("p", 4, price=tariff), 2, splittable=True, deadline=10 * HOUR)
    assert plan.status is Status.OPTIMAL
    assert plan.assignments["t"].parts == ((2 * HOUR, 3 * HOUR), (6 * HOUR, 7 * HOUR))
    assert plan.cost == pytest.approx(2)
    assert faults(plan) == []


def test_work_waits_for_opening_hours_that_are_long_enough() -> None:
    pool = Pool("p", 4, (night(0, 18, 8),), zone=BERLIN)
    task = Task("t", (Mode(9 * HOUR, (Demand("p", 1),)),))
    evening = datetime(2025, 6, 2, 12, tzinfo=UTC)  # 14:00 in Berlin: four hours are left
    plan = solve(Problem((task,), pools=(pool,), origin=evening))
    assert plan.status is Status.OPTIMAL
    assert plan.assignments["t"].start == 18 * HOUR
    assert plan.analysis.hold(0).by == "calendar"
    assert faults(plan) == []
    never = Task("t", (Mode(11 * HOUR, (Demand("p", 1),)),))
    assert solve(Problem((never,), pools=(pool,), origin=evening), Limits(seconds=60)).status is Status.INFEASIBLE


def test_a_schedule_that_is_put_off_costs_what_its_tasks_cost_then() -> None:
    pools = (
        Pool("p", 9, price=Tariff(1.0, bands=(PriceBand(0.25, time(22), time(6)),)), zone=BERLIN),
        Pool("q", 9, price=Tariff(2.0)),
        Pool("free", 9),
    )
    drawn = random.Random(5)
    tasks = tuple(
        Task(str(number), (Mode(HOUR, (Demand("p", 1 + number), Demand("q", 2), Demand("free", 1))),))
        for number in range(3)
    )
    problem = Problem(tasks, pools=pools, origin=FORWARD)
    begins = [drawn.uniform(0, 9 * HOUR) for _ in tasks]
    split = ((begins[0], begins[0] + 600.0), (begins[0] + HOUR, begins[0] + 2 * HOUR))
    schedule = Schedule(
        begins, [split[-1][1], begins[1] + HOUR, begins[2] + HOUR], [0, 0, 0], {1: (5.0, 1.0, 1.0)}, {0: split}
    )
    costs = Costs(problem, 60 * HOUR)
    shifts = [drawn.uniform(-min(begins), 40 * HOUR) for _ in range(30)]
    expected = [sum(costs.of_tasks(_later(schedule, shift))) for shift in shifts]
    assert shifted_prices(problem, costs, schedule, shifts) == pytest.approx(expected)
    assert shifted_prices(problem, costs, schedule, []) == []


def test_hours_of_a_pool_that_nobody_needs_change_nothing() -> None:
    """With them, a search would look at weeks where a quarter of an hour decides, and hardly come to an end."""
    wide = Demand("wide", 3, min_amount=1, max_amount=6)
    tasks = tuple(Task(name, (Mode(120, (wide, Demand("narrow", 1))),)) for name in "ab")
    cheaper = Tariff(3.25, (PricePeriod(300, 600, 0.25),))
    pools = Pool("wide", 6, price=Tariff(0.5)), Pool("narrow", 5, price=cheaper)
    goals = Objective(lexicographic=("preference", "balance", "cost"))
    idle = Pool("idle", 6, (night(4, 2, 5),))
    plain, beside = (
        solve(Problem(tasks, (), given, objective=goals, origin=FORWARD, max_durations=(MaxDuration(600),)), LITTLE)
        for given in (pools, (*pools, idle))
    )
    assert plain.status is beside.status is Status.OPTIMAL
    assert plain.schedule == beside.schedule


def _later(schedule: Schedule, shift: float) -> Schedule:
    return Schedule(
        [start + shift for start in schedule.starts],
        [end + shift for end in schedule.ends],
        schedule.modes,
        schedule.amounts,
        {task: tuple((a + shift, b + shift) for a, b in parts) for task, parts in schedule.parts.items()},
    )
