"""Reasons why there is no plan: true, irreducible, and with the numbers that would be enough."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from planner import (
    Budget,
    CapacityPeriod,
    Demand,
    Limits,
    MaxDuration,
    Mode,
    Pool,
    Precedence,
    Problem,
    Reason,
    Reservation,
    Status,
    Tariff,
    Task,
    solve,
)
from planner.infeasibility import explain
from tests.planner import brute_force

ONE = Demand("cpu", 1)


def task(name: str, seconds: float, *demands: Demand, **limits: object) -> Task:
    return Task(name, (Mode(seconds, demands),), **limits)  # type: ignore[arg-type]


def told(problem: Problem) -> list[tuple[str, float | None, float | None]]:
    return [(reason.kind, reason.needed, reason.available) for reason in explain(problem)]


def test_a_problem_with_a_plan_has_no_reasons() -> None:
    assert explain(Problem((task("a", 5, deadline=5.0),))) == ()


def test_a_demand_above_what_a_pool_ever_has() -> None:
    (reason,) = explain(Problem((task("a", 5, Demand("cpu", 5)), task("b", 5, ONE)), pools=(Pool("cpu", 4),)))
    assert (reason.kind, reason.pool, reason.tasks) == ("capacity", "cpu", ("a",))
    assert (reason.needed, reason.available) == (5, 4)
    assert "5" in reason.message
    assert "4" in reason.message


def test_a_path_longer_than_a_deadline_is_named() -> None:
    problem = Problem(
        (task("a", 10), task("b", 10), task("c", 10, deadline=25.0), task("d", 99)),
        (Precedence("a", "b", lag=2), Precedence("b", "c"), Precedence("a", "d")),
    )
    deadline, path = explain(problem)
    assert (deadline.kind, deadline.tasks, deadline.needed, deadline.available) == ("deadline", ("c",), 32, 25)
    assert (path.kind, path.tasks, path.needed) == ("precedence", ("a", "b", "c"), 32)


def test_only_the_part_of_a_path_that_matters_is_named() -> None:
    tasks = (task("a", 1), task("b", 10), task("c", 10, deadline=15.0))
    _, path = explain(Problem(tasks, (Precedence("a", "b"), Precedence("b", "c"))))
    assert path.tasks == ("b", "c")


def test_a_release_is_named_where_it_matters() -> None:
    tasks = (task("a", 10, release=8.0), task("b", 10, deadline=25.0))
    assert told(Problem(tasks, (Precedence("a", "b"),))) == [
        ("deadline", 28, 25),
        ("release", 5, 8),
        ("precedence", 20, None),
    ]


def test_a_latest_start_that_can_not_be_met() -> None:
    tasks = (task("a", 10), task("b", 10, window=(0.0, 6.0)))
    assert told(Problem(tasks, (Precedence("a", "b"),))) == [("window", 10, 6), ("precedence", 20, None)]


def test_the_horizon() -> None:
    assert told(Problem((task("a", 10),), horizon=8.0)) == [("horizon", 10, 8)]


def test_no_window_in_the_calendar_is_long_enough() -> None:
    calendar = (CapacityPeriod(8, 12, 0), CapacityPeriod(20, 35, 0))
    problem = Problem((task("a", 10, ONE, deadline=40.0),), pools=(Pool("cpu", 1, calendar=calendar),))
    assert told(problem) == [("deadline", 45, 40), ("calendar", 1, 0)]


def test_a_reservation_in_the_way() -> None:
    problem = Problem(
        (task("a", 10, Demand("cpu", 3), deadline=20.0),),
        pools=(Pool("cpu", 4),),
        reservations=(Reservation("cpu", 5, 15, 3, task="other"),),
    )
    deadline, capacity, reservation = explain(problem)
    assert (deadline.needed, capacity.needed, reservation.needed) == (25, 6, 2)
    assert "other" in reservation.message


def test_more_work_in_an_interval_than_a_pool_can_do() -> None:
    tasks = tuple(task(f"t{number}", 10, ONE, deadline=35.0) for number in range(4))
    reasons = explain(Problem(tasks, pools=(Pool("cpu", 1),)))
    assert [reason.kind for reason in reasons] == ["deadline"] * 4 + ["capacity"]
    assert {reason.needed for reason in reasons[:4]} == {40}
    assert reasons[-1].needed == 2


def test_a_budget_below_the_least_cost() -> None:
    pools = (Pool("cpu", 1, price=Tariff(2.0)),)
    tasks = (task("a", 3600, ONE), task("b", 3600, ONE))
    (reason,) = explain(Problem(tasks, pools=pools, budgets=(Budget(3.0),)))
    assert (reason.kind, reason.needed, reason.available) == ("budget", pytest.approx(4), 3)


def test_a_budget_of_a_group_that_haste_breaks() -> None:
    slow, fast = Mode(20, cost=1), Mode(5, cost=9)
    tasks = (Task("a", (slow, fast), deadline=10.0, group="g"), Task("b", (slow, fast), group="other"))
    deadline, budget = sorted(explain(Problem(tasks, budgets=(Budget(5.0, "g"),))), key=lambda each: -len(each.kind))
    assert (deadline.kind, deadline.needed) == ("deadline", 20)
    assert (budget.kind, budget.needed) == ("budget", pytest.approx(9))


def test_what_only_a_search_proves() -> None:
    # three jobs of two units on three units: each interval has enough energy, but no two run side by side
    tasks = tuple(task(f"t{number}", 10, Demand("cpu", 2), deadline=20.0) for number in range(3))
    reasons = explain(Problem(tasks, pools=(Pool("cpu", 3),)))
    assert [reason.kind for reason in reasons] == ["deadline"] * 3 + ["capacity"]
    assert [reason.needed for reason in reasons] == [30, 30, 30, 4]
    assert all(reason.essential and reason.exact for reason in reasons)


def test_what_has_nothing_to_do_with_it_is_not_named() -> None:
    tasks = (*(task(f"t{n}", 5, ONE, release=float(n), deadline=90.0) for n in range(6)), task("x", 9, deadline=4.0))
    assert told(Problem(tasks, pools=(Pool("cpu", 2),), horizon=500.0)) == [("deadline", 9, 4)]


def test_without_time_nothing_is_claimed() -> None:
    tasks = tuple(task(f"t{number}", 10, Demand("cpu", 2), deadline=20.0) for number in range(3))
    (reason,) = explain(Problem(tasks, pools=(Pool("cpu", 3),)), Limits(seconds=0.0))
    assert reason.kind == "unknown"
    assert not reason.essential


def test_where_time_runs_out_the_bounds_of_numbers_are_told() -> None:
    lengths = [60.0 * (1 + (7 * number * number) % 19) for number in range(40)]
    tasks = [task(f"t{number}", length, Demand("cpu", 1 + number % 3)) for number, length in enumerate(lengths)]
    work = sum(length * (1 + number % 3) for number, length in enumerate(lengths))
    problem = Problem(tuple(replace(each, deadline=0.98 * work / 8) for each in tasks), pools=(Pool("cpu", 8),))
    reasons = explain(problem, Limits(seconds=None, work=1.0))
    late = [reason for reason in reasons if reason.kind == "deadline"]
    assert not all(reason.exact for reason in late)
    for reason in late:
        assert reason.available is not None
        assert reason.least is None or reason.available < reason.least <= (reason.needed or reason.least)
        assert reason.exact or "between" in reason.message or "or more" in reason.message, reason.message


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    def maybe(low: int, high: int) -> float | None:
        return float(draw(st.integers(low, high))) if draw(st.integers(0, 2)) == 0 else None

    count = draw(st.integers(1, 4))
    tasks = []
    for number in range(count):
        modes = tuple(
            Mode(draw(st.integers(1, 3)), (Demand("cpu", draw(st.integers(0, 3))),), cost=draw(st.integers(0, 3)))
            for _ in range(draw(st.integers(1, 2)))
        )
        opens = maybe(0, 4)
        window = None if opens is None else (opens, opens + draw(st.integers(0, 3)))
        release = float(draw(st.integers(0, 3)))
        group = draw(st.sampled_from((None, "g")))
        tasks.append(Task(f"t{number}", modes, release=release, deadline=maybe(1, 8), window=window, group=group))
    arcs = tuple(
        Precedence(f"t{i}", f"t{j}", float(draw(st.integers(-1, 2))))
        for i in range(count)
        for j in range(i + 1, count)
        if draw(st.integers(0, 2)) == 0
    )
    begins = draw(st.integers(0, 6))
    calendar = (CapacityPeriod(begins, begins + draw(st.integers(1, 4)), draw(st.integers(0, 4))),)
    pool = Pool("cpu", draw(st.integers(0, 4)), calendar=calendar if draw(st.booleans()) else ())
    taken = draw(st.integers(0, 6))
    reservations = (Reservation("cpu", taken, taken + draw(st.integers(1, 3)), draw(st.integers(1, 3))),)
    amount, longest = maybe(0, 6), maybe(0, 6)
    grouped = sum(task.group == "g" for task in tasks)
    return Problem(
        tuple(tasks),
        arcs,
        (pool,),
        reservations if draw(st.booleans()) else (),
        () if amount is None else (Budget(amount),),
        horizon=maybe(2, 12),
        max_durations=(MaxDuration(longest, "g"),) if longest is not None and grouped else (),
    )


@settings(max_examples=80, deadline=None)
@given(problems())
def test_reasons_are_true_and_irreducible(problem: Problem) -> None:
    possible = brute_force.Limits(problem).possible()
    reasons = explain(problem, Limits(workers=1))
    assert (reasons == ()) == possible
    assume(not possible)
    assert not brute_force.Limits(problem, reasons).possible()
    for number in range(len(reasons)):
        assert brute_force.Limits(problem, reasons[:number] + reasons[number + 1 :]).possible(), reasons[number]
    assert all(reason.essential and reason.exact for reason in reasons)


@settings(max_examples=60, deadline=None)
@given(problems())
def test_what_is_said_to_be_needed_is_enough_and_no_less_is(problem: Problem) -> None:
    reasons = explain(problem, Limits(workers=1))
    for reason in reasons:
        assert reason.least is None or reason.needed is None or reason.least <= reason.needed + 1e-6
        if reason.kind in ("deadline", "horizon", "budget", "max_duration") and reason.needed is not None:
            assert brute_force.Limits(_changed(problem, reason, reason.needed), reasons).possible()
            assert not brute_force.Limits(_changed(problem, reason, reason.needed - 1), reasons).possible()


def _changed(problem: Problem, reason: Reason, value: float) -> Problem:
    if reason.kind == "deadline":
        tasks = tuple(replace(each, deadline=value) if each.id == reason.tasks[0] else each for each in problem.tasks)
        return replace(problem, tasks=tasks)
    if reason.kind == "horizon":
        return replace(problem, horizon=value)
    if reason.kind == "max_duration":
        return replace(problem, max_durations=(MaxDuration(value, "g"),))
    return replace(problem, budgets=(Budget(value),))


def test_solve_and_explain_agree() -> None:
    tasks = tuple(task(f"t{number}", 10, Demand("cpu", 2), deadline=20.0) for number in range(3))
    problem = Problem(tasks, pools=(Pool("cpu", 3),))
    assert solve(problem).status is Status.INFEASIBLE
    assert explain(problem)


def test_a_horizon_is_kept() -> None:
    tasks = tuple(task(f"t{number}", 10, Demand("cpu", 2)) for number in range(3))
    assert solve(Problem(tasks, pools=(Pool("cpu", 3),), horizon=20.0)).status is Status.INFEASIBLE
    assert solve(Problem(tasks, pools=(Pool("cpu", 3),), horizon=30.0)).status is Status.OPTIMAL
