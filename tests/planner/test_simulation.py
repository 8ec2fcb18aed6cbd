"""A plan run many times: what can be known by arithmetic comes out, and no run breaks a rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner import (
    Burst,
    CapacityPeriod,
    Demand,
    Mode,
    Objective,
    Plan,
    Pool,
    Precedence,
    PriceBand,
    PricePeriod,
    Problem,
    Reservation,
    Status,
    Tariff,
    Task,
)
from planner.baseline import as_soon_as_possible
from planner.costs import Costs
from planner.schedule import Schedule
from planner.simulation import Distribution, SimulationInvalid, simulate


def task(name: str, seconds: float, *demands: Demand, **limits: object) -> Task:
    return Task(name, (Mode(seconds, demands),), **limits)  # type: ignore[arg-type]


def planned(problem: Problem, schedule: Schedule | None = None) -> Plan:
    schedule = schedule or as_soon_as_possible(problem)
    assert schedule is not None
    return Plan(problem, Status.FEASIBLE, schedule, max(schedule.ends), None, "list", 0.0)


def test_equal_percentiles_run_exactly_as_planned() -> None:
    problem = Problem((task("a", 5), task("b", 7)), (Precedence("a", "b", lag=2),))
    found = simulate(problem, planned(problem), {"a": Distribution(5, 5)}, samples=3)
    assert found.starts.tolist() == [[0, 7]] * 3
    assert found.end(0.5) == found.end(0.9) == 14
    assert found.criticality == {"a": 1.0, "b": 1.0}


def test_one_task_has_the_percentiles_it_was_given() -> None:
    problem = Problem((task("a", 100, deadline=150.0),))
    found = simulate(problem, planned(problem), {"a": Distribution(100, 150)}, samples=20000, seed=1)
    assert found.end(0.5) == pytest.approx(100, rel=0.02)
    assert found.end(0.9) == pytest.approx(150, rel=0.02)
    assert found.chance(100) == pytest.approx(0.5, abs=0.02)
    assert found.on_time == pytest.approx(0.9, abs=0.01)
    assert found.late["a"] == pytest.approx(0.1, abs=0.01)


def test_two_equal_branches_are_critical_half_of_the_time_each() -> None:
    problem = Problem((task("a", 10), task("b", 10), task("end", 1)), (Precedence("a", "end"), Precedence("b", "end")))
    spread = Distribution(10, 20)
    found = simulate(problem, planned(problem), {"a": spread, "b": spread}, samples=4000)
    assert found.criticality["a"] == pytest.approx(0.5, abs=0.03)
    assert found.criticality["a"] + found.criticality["b"] == pytest.approx(1.0)
    assert found.criticality["end"] == 1.0


def test_who_waits_for_a_pool_makes_the_one_before_critical() -> None:
    one = Demand("cpu", 1)
    problem = Problem((task("a", 10, one), task("b", 10, one)), pools=(Pool("cpu", 1),))
    found = simulate(problem, planned(problem), {"a": Distribution(10, 30)}, samples=200)
    assert found.criticality == {"a": 1.0, "b": 1.0}
    assert np.allclose(found.starts[:, 1], found.ends[:, 0])


def test_the_same_seed_gives_the_same_runs() -> None:
    problem = Problem((task("a", 10),))
    first, second, other = (
        simulate(problem, planned(problem), {"a": Distribution(10, 30)}, 50, seed).ends for seed in (4, 4, 5)
    )
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def _cheap_at_night(objective: Objective) -> Problem:
    price = Tariff(10.0, bands=(PriceBand(1.0, time(1), time(5)),))
    return Problem(
        (task("before", 1800), task("a", 3600, Demand("gpu", 1))),
        (Precedence("before", "a"),),
        (Pool("gpu", 1, price=price),),
        objective=objective,
        origin=datetime(2026, 1, 1, tzinfo=UTC),
    )


def test_a_task_waits_for_its_price_but_for_no_longer_than_that_saves_money() -> None:
    problem = _cheap_at_night(Objective(cost=1))
    plan = planned(problem, Schedule([0, 7200], [1800, 10800], [0, 0]))
    found = simulate(problem, plan, {"before": Distribution(1800, 9000)}, samples=500)
    # the night begins at 3600: later starts are as cheap, so the planned start does not hold the task
    assert np.allclose(found.starts[:, 1], np.maximum(found.ends[:, 0], 3600))
    early = found.starts[:, 1] <= 5 * 3600 - 3600
    assert np.allclose(found.costs[early], 1.0)
    assert found.costs.max() > 1.0


def test_without_money_in_the_objective_a_task_starts_as_soon_as_it_can() -> None:
    problem = _cheap_at_night(Objective(duration=1))
    plan = planned(problem, Schedule([0, 7200], [1800, 10800], [0, 0]))
    assert simulate(problem, plan, {}, samples=1).starts.tolist() == [[0, 1800]]


def test_late_work_goes_around_a_reservation_that_it_would_run_into() -> None:
    one = Demand("cpu", 1)
    problem = Problem(
        (task("a", 10, one), task("b", 10, one)),
        pools=(Pool("cpu", 1),),
        reservations=(Reservation("cpu", 21, 40, 1),),
    )
    found = simulate(problem, planned(problem), {"a": Distribution(10, 11)}, samples=400)
    late = found.ends[:, 0] > 11 + 1e-6
    assert late.any()
    assert (~late).any()
    assert np.allclose(found.starts[late, 1], 40)
    assert np.allclose(found.starts[~late, 1], found.ends[~late, 0])


def test_what_never_finds_room_again_never_ends() -> None:
    calendar = (CapacityPeriod(0, 20, 1),)
    problem = Problem(
        (task("a", 10), task("b", 10, Demand("cpu", 1))),
        (Precedence("a", "b"),),
        (Pool("cpu", 0, calendar=calendar),),
        horizon=20.0,
    )
    found = simulate(problem, planned(problem), {"a": Distribution(10, 15)}, samples=300)
    in_time = found.ends[:, 0] <= 10 + 1e-6
    assert np.isinf(found.makespans[~in_time]).all()
    assert np.isinf(found.costs[~in_time]).all()
    assert found.on_time == pytest.approx(in_time.mean())


def test_parts_of_a_split_task_share_its_duration() -> None:
    work = Task("a", (Mode(10, (Demand("cpu", 1),)),), splittable=True)
    problem = Problem((work,), pools=(Pool("cpu", 1, calendar=(CapacityPeriod(4, 6, 0),)),))
    plan = planned(problem, Schedule([0], [12], [0], parts={0: ((0, 4), (6, 12))}))
    assert simulate(problem, plan, {}, samples=1).ends.tolist() == [[12]]
    slow = simulate(problem, plan, {"a": Distribution(20, 20)}, samples=1)
    assert slow.ends.tolist() == [[20]]


def test_what_makes_no_sense_is_named() -> None:
    problem = Problem((task("a", 10),))
    with pytest.raises(SimulationInvalid) as caught:
        simulate(problem, planned(problem), {"a": Distribution(10, 5), "x": Distribution(1, 2)}, samples=0)
    assert [each.code for each in caught.value.problems] == ["out_of_range", "out_of_range", "unknown_task"]


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    count = draw(st.integers(2, 9))
    capacity = draw(st.integers(1, 4))
    tasks = tuple(
        task(
            f"t{number}",
            draw(st.integers(0, 8)),
            Demand("cpu", draw(st.integers(0, capacity))),
            release=float(draw(st.integers(0, 10))),
        )
        for number in range(count)
    )
    arcs = tuple(
        Precedence(f"t{i}", f"t{j}", float(draw(st.integers(-3, 3))))
        for i in range(count)
        for j in range(i + 1, count)
        if draw(st.integers(0, 4)) == 0
    )
    begins = draw(st.integers(1, 20))
    calendar = (CapacityPeriod(begins, begins + 5, draw(st.integers(0, capacity))),)
    return Problem(tasks, arcs, (Pool("cpu", capacity, calendar=calendar),))


@settings(max_examples=80, deadline=None)
@given(problems())
def test_with_durations_as_planned_nothing_is_later_than_planned(problem: Problem) -> None:
    plan = planned(problem)
    assert plan.schedule is not None
    found = simulate(problem, plan, {}, samples=1)
    assert (found.starts[0] <= np.array(plan.schedule.starts) + 1e-6).all()


@settings(max_examples=80, deadline=None)
@given(problems(), st.integers(0, 1000))
def test_no_run_breaks_precedence_or_starts_work_without_room(problem: Problem, seed: int) -> None:
    spread = {each.id: Distribution(each.modes[0].duration, each.modes[0].duration * 2) for each in problem.tasks}
    plan = planned(problem)
    assert plan.schedule is not None
    found = simulate(problem, plan, spread, samples=5, seed=seed)
    for starts, ends in zip(found.starts, found.ends, strict=True):
        for arc in problem.precedence:
            before, after = problem.index[arc.before], problem.index[arc.after]
            if plan.schedule.starts[after] < plan.schedule.starts[before]:
                continue  # planned to start first, it can't know how long the other will take
            assert starts[after] >= ends[before] + arc.lag - 1e-6
        for number, each in enumerate(problem.tasks):
            assert starts[number] >= each.release - 1e-6
            # what needs nothing may start beside work that runs on into a time of lower capacity
            if ends[number] > starts[number] and each.modes[0].demands[0].amount:
                assert _held(problem, starts, ends, starts[number]) <= _capacity(problem, starts[number]) + 1e-6


@settings(max_examples=40, deadline=None)
@given(problems(), st.lists(st.integers(0, 15), min_size=2, max_size=2), st.booleans(), st.integers(0, 1000))
def test_a_run_costs_what_its_schedule_costs_bursts_included(
    problem: Problem, taken: list[int], movable: bool, seed: int
) -> None:
    price = Tariff(3.0, periods=(PricePeriod(4, 9, 50.0), PricePeriod(12, 30, 1.0)))
    pool = replace(problem.pools[0], price=price, burst=Burst(1.0, 1000.0, price_factor=4.0))
    others = tuple(Reservation("cpu", begin, begin + 6, pool.capacity / 2, movable=movable) for begin in taken)
    problem = replace(problem, pools=(pool,), reservations=others)
    plan = planned(problem)
    spread = {each.id: Distribution(each.modes[0].duration, each.modes[0].duration * 2) for each in problem.tasks}
    found = simulate(problem, plan, spread, samples=5, seed=seed)
    assert plan.schedule is not None
    for starts, ends, cost in zip(found.starts.tolist(), found.ends.tolist(), found.costs, strict=True):
        if max(ends) < inf:
            as_run = Schedule(starts, ends, plan.schedule.modes, moved=plan.schedule.moved)
            assert cost == pytest.approx(Costs(problem, max(ends) + 100).total(as_run))


def _held(problem: Problem, starts: np.ndarray, ends: np.ndarray, moment: float) -> float:
    running = (starts <= moment + 1e-6) & (ends > moment + 2e-6)
    return sum(each.modes[0].demands[0].amount for each, runs in zip(problem.tasks, running, strict=True) if runs)


def _capacity(problem: Problem, moment: float) -> float:
    pool = problem.pools[0]
    (period,) = pool.calendar
    assert isinstance(period, CapacityPeriod)
    return period.capacity if period.start <= moment + 1e-6 < period.end else pool.capacity
