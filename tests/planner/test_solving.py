"""Which way a problem is solved, what limits do, and that optima behave as optima must."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, time
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from planner import (
    Budget,
    Burst,
    CapacityBand,
    CapacityPeriod,
    Demand,
    Limits,
    Mode,
    Objective,
    Plan,
    Pool,
    Precedence,
    PricePeriod,
    Problem,
    Reservation,
    Status,
    Tariff,
    Task,
    solve,
)
from tests.planner.checking import faults
from tests.planner.random_problems import problems

SLOWLY = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
ENOUGH = Limits(seconds=None, work=2.0)


def task(name: str, seconds: float, amount: float = 1, **given: Any) -> Task:
    return Task(name, (Mode(seconds, (Demand("p", amount),)),), **given)


def improved(problem: Problem, limits: Limits = ENOUGH) -> tuple[Plan, list[Plan]]:
    told: list[Plan] = []
    plan = solve(problem, limits, told.append)
    assert faults(plan) == []
    return plan, told


@pytest.mark.parametrize(
    ("objective", "price", "method"),
    [
        (Objective(), None, "makespan"),
        (Objective(cost=1), Tariff(1.0, (PricePeriod(900, 1500, 0.5), PricePeriod(2400, 3000, 0.25))), "tariff"),
    ],
)
def test_special_shapes_go_to_their_solvers(objective: Objective, price: Tariff | None, method: str) -> None:
    lengths = [300, 600, 900, 300, 600, 900, 300, 1200, 900, 600]
    tasks = tuple(task(f"t{i}", length, 1 + i % 4) for i, length in enumerate(lengths))
    arcs = tuple(Precedence(f"t{i}", f"t{i + 4}") for i in range(6))
    plan, told = improved(Problem(tasks, arcs, (Pool("p", 5, price=price),), objective=objective), Limits(seconds=5))
    assert plan.status in (Status.OPTIMAL, Status.FEASIBLE)
    assert {each.method for each in told} <= {"list", method}


def test_of_several_plans_the_best_by_weights_and_by_order() -> None:
    fast, slow = Mode(60, (Demand("p", 1),), cost=10, quality=0.5), Mode(120, (Demand("p", 1),), cost=4, quality=1.0)
    problem = Problem((Task("a", (fast, slow)), Task("b", (fast, slow))), (Precedence("a", "b"),), (Pool("p", 1),))

    def chosen(objective: Objective) -> tuple[float, float]:
        plan, _ = improved(replace(problem, objective=objective))
        assert plan.status is Status.OPTIMAL
        return plan.makespan, plan.cost

    assert chosen(Objective()) == (120, 20)
    assert chosen(Objective(cost=1)) == (240, 8)
    assert chosen(Objective(duration=1, cost=0.1)) == (120, 20)
    assert chosen(Objective(duration=0.1, cost=1)) == (240, 8)
    assert chosen(Objective(lexicographic=("quality", "duration"))) == (240, 8)
    assert chosen(Objective(lexicographic=("duration", "cost"))) == (120, 20)


def test_budgets_are_kept_to_the_cent_and_choose_modes() -> None:
    fast, slow = Mode(60, cost=10.01), Mode(120, cost=4)
    tasks = (Task("a", (fast, slow), group="x"), Task("b", (fast, slow), group="y"))
    arcs = (Precedence("a", "b"),)
    enough = Problem(tasks, arcs, budgets=(Budget(20.02),))
    assert improved(enough)[0].makespan == 120
    less = replace(enough, budgets=(Budget(20.01),))
    assert improved(less)[0].makespan == 180
    assert improved(replace(enough, budgets=(Budget(5, "x"),)))[0].assignments["a"].mode == 1
    nothing = solve(replace(enough, budgets=(Budget(7.99),)), ENOUGH)
    assert nothing.status is Status.INFEASIBLE
    assert [(reason.kind, reason.needed, reason.available) for reason in nothing.reasons] == [("budget", 8, 7.99)]


def test_reasons_of_the_plain_kind_have_numbers() -> None:
    plan = solve(Problem((task("big", 60, 9),), pools=(Pool("p", 8),)))
    assert plan.status is Status.INFEASIBLE
    assert [(r.kind, r.tasks, r.pool, r.needed, r.available) for r in plan.reasons] == [
        ("capacity", ("big",), "p", 9, 8)
    ]
    late = solve(Problem((task("a", 60), task("b", 60, deadline=100)), (Precedence("a", "b"),), (Pool("p", 8),)))
    assert [(r.kind, r.tasks, r.needed, r.available) for r in late.reasons] == [("deadline", ("b",), 120, 100)]


def test_a_burst_lets_more_run_for_a_while_and_costs_more() -> None:
    pool = Pool("p", 2, burst=Burst(0.5, 60, price_factor=2), price=Tariff(60.0))
    plan, _ = improved(Problem((task("a", 60, 2), task("b", 60)), pools=(pool,)))
    assert plan.makespan == 60
    assert plan.surcharge == pytest.approx(1)
    assert plan.cost == pytest.approx(4)
    longer, _ = improved(Problem((task("a", 90, 2), task("b", 90)), pools=(pool,)))
    assert longer.makespan == 120  # they may overlap for a minute
    dear, _ = improved(Problem((task("a", 60, 2), task("b", 60)), pools=(pool,), objective=Objective(cost=1)))
    assert (dear.makespan, dear.cost, dear.status) == (120, pytest.approx(3), Status.OPTIMAL)


def test_a_movable_reservation_is_moved_where_that_is_worth_its_penalty() -> None:
    problem = Problem(
        (task("a", 100, 2),),
        pools=(Pool("p", 2),),
        reservations=(Reservation("p", 50, 100, 1, movable=True, penalty=7),),
        objective=Objective(duration=1),
    )
    soon, _ = improved(problem)
    assert (soon.makespan, soon.cost, soon.status) == (100, 7, Status.OPTIMAL)
    assert soon.schedule is not None
    assert set(soon.schedule.moved) == {0}
    cheap, _ = improved(replace(problem, objective=Objective(lexicographic=("cost", "duration"))))
    assert (cheap.makespan, cheap.cost) == (200, 0)
    fixed, _ = improved(replace(problem, reservations=(replace(problem.reservations[0], movable=False),)))
    assert fixed.makespan == 200


def test_malleable_demands_take_what_serves_the_objective() -> None:
    mode = Mode(120, (Demand("p", 4, min_amount=2, max_amount=8),))
    quick, _ = improved(Problem((Task("a", (mode,)),), pools=(Pool("p", 8),)))
    assert (quick.makespan, quick.assignments["a"].amounts) == (60, {"p": 8})
    shared, _ = improved(Problem((Task("a", (mode,)), Task("b", (mode,))), pools=(Pool("p", 8),)))
    assert shared.makespan == 120


def test_a_split_task_goes_round_an_outage() -> None:
    outage = CapacityPeriod(60, 90, 0)
    whole = Problem((task("a", 100),), pools=(Pool("p", 1, (outage,)),))
    assert improved(whole)[0].makespan == 190
    split, _ = improved(replace(whole, tasks=(task("a", 100, splittable=True),)))
    assert split.makespan == 130
    assert split.assignments["a"].parts == ((0, 60), (90, 130))


def test_preferred_starts_and_churn_keep_tasks_in_their_places() -> None:
    tasks = (task("a", 60, preferred_start=300), task("b", 60))
    problem = Problem(tasks, pools=(Pool("p", 1),), objective=Objective(preference=1))
    liked, _ = improved(problem)
    assert liked.assignments["a"].start == 300
    again = replace(problem, current=liked, tasks=(*tasks, task("c", 60)), objective=Objective(churn=1))
    kept, _ = improved(again)
    assert [kept.assignments[name].start for name in "ab"] == [liked.assignments[name].start for name in "ab"]
    assert kept.parts["churn"] == 0


def test_balance_spreads_work_over_time() -> None:
    tasks = tuple(task(f"t{i}", 60) for i in range(4))
    problem = Problem(tasks, pools=(Pool("p", 4),), horizon=120, objective=Objective(balance=1))
    plan, _ = improved(problem)
    assert (plan.parts["balance"], plan.status) == (0.5, Status.OPTIMAL)


def test_an_end_is_made_when_the_caller_wants_it_and_the_best_plan_is_kept() -> None:
    tasks = tuple(task(f"t{i}", 60 + 7 * i % 50, 1 + i % 5, splittable=i % 3 == 0) for i in range(40))
    arcs = tuple(Precedence(f"t{i}", f"t{i + 7}") for i in range(33))
    wanted = threading.Event()
    told: list[Plan] = []

    def hear(plan: Plan) -> None:
        told.append(plan)
        wanted.set()

    problem = Problem(tasks, arcs, (Pool("p", 7),), objective=Objective(completion=1, balance=1))
    plan = solve(problem, Limits(seconds=None, cancelled=wanted.is_set), hear)
    assert plan.status is Status.FEASIBLE
    assert faults(plan) == []


def test_times_that_are_no_multiples_of_anything_are_rounded_so_that_plans_hold() -> None:
    tasks = tuple(task(f"t{i}", 10 / 3 + i / 7, 1 + i % 2 / 3, release=i / 9) for i in range(6))
    plan, _ = improved(
        Problem(tasks, (Precedence("t0", "t3", 1 / 3),), (Pool("p", 2.5, (CapacityPeriod(1.1, 2.2, 1.1),)),))
    )
    assert plan.status in (Status.OPTIMAL, Status.FEASIBLE)


def test_savings_are_told_against_starting_as_soon_as_possible() -> None:
    night = Tariff(10.0, (PricePeriod(3600, 7200, 1.0),))
    problem = Problem((task("a", 3600),), pools=(Pool("p", 1, price=night),), objective=Objective(cost=1))
    plan, _ = improved(problem)
    assert (plan.cost, plan.savings, plan.time_saved) == (1, 9, -3600)
    assert plan.baseline is not None
    assert plan.baseline.starts[0] == 0


def optimum(problem: Problem) -> float | None:
    """The best value; only where it is proven. Infinite where there is no plan."""
    plan = solve(problem, ENOUGH)
    if plan.status is Status.INFEASIBLE:
        return float("inf")
    assume(plan.status is Status.OPTIMAL)
    return plan.objective


AIMS = st.sampled_from([Objective(duration=1), Objective(cost=1)])


@st.composite
def small(draw: st.DrawFn) -> Problem:
    found = draw(problems(most=5, bursts=False, objective=draw(AIMS)))
    # the same time to choose from for all: what is cheapest depends on it
    return replace(
        found, horizon=3600.0, pools=tuple(replace(pool, calendar=pool.calendar[:1]) for pool in found.pools)
    )


@SLOWLY
@given(small(), st.integers(1, 3))
def test_more_capacity_never_makes_the_optimum_worse(problem: Problem, more: int) -> None:
    larger = replace(
        problem,
        pools=tuple(
            replace(
                pool,
                capacity=pool.capacity + more,
                calendar=tuple(replace(part, capacity=part.capacity + more) for part in pool.calendar),
            )
            for pool in problem.pools
        ),
    )
    before, after = optimum(problem), optimum(larger)
    assert before is not None
    assert after is not None
    assert after <= before + 1e-6 * max(abs(before), 1) or before == after


@SLOWLY
@given(small(), st.sampled_from([30, 300, None]))
def test_later_deadlines_never_make_the_optimum_worse(problem: Problem, later: float | None) -> None:
    def given_time(given: Task) -> Task:
        if given.deadline is None:
            return given
        return replace(given, deadline=None if later is None else given.deadline + later)

    before, after = optimum(problem), optimum(replace(problem, tasks=tuple(map(given_time, problem.tasks))))
    assert before is not None
    assert after is not None
    assert after <= before + 1e-6 * max(abs(before), 1) or before == after


@SLOWLY
@given(small())
def test_fewer_tasks_never_make_the_optimum_worse(problem: Problem) -> None:
    assume(len(problem.tasks) > 1)
    gone = problem.tasks[-1]
    # what waited for it still waits for what it waited for: nothing is lost but the task
    assume(all(arc.before != gone.id for arc in problem.precedence))
    groups = {task.group for task in problem.tasks[:-1]}
    fewer = replace(
        problem,
        tasks=problem.tasks[:-1],
        precedence=tuple(arc for arc in problem.precedence if arc.after != gone.id),
        max_durations=tuple(limit for limit in problem.max_durations if limit.group in (None, *groups)),
    )
    before, after = optimum(problem), optimum(fewer)
    assert before is not None
    assert after is not None
    assert after <= before + 1e-6 * max(abs(before), 1) or before == after


def test_opening_hours_in_a_zone_with_hundreds_of_tasks_are_planned_at_once() -> None:
    pool = Pool("p", 8, (CapacityBand(2, time(22), time(6)),), zone="Europe/Berlin")
    tasks = tuple(task(f"t{i}", 300 + 60 * (i % 9), 1 + i % 4, group=f"g{i % 5}") for i in range(300))
    problem = Problem(tasks, pools=(pool,), origin=datetime(2025, 3, 29, 20, tzinfo=UTC))
    plan = solve(problem, Limits(seconds=None, work=0.0))
    assert plan.status in (Status.FEASIBLE, Status.OPTIMAL)
    assert faults(plan) == []
