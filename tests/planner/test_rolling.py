"""Large problems, planned window by window; here small ones are planned so, too, to see every rule and the optimum."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings

from planner import (
    CapacityPeriod,
    Demand,
    Limits,
    Mode,
    Objective,
    Plan,
    Pool,
    Precedence,
    Problem,
    Status,
    Task,
    solve,
)
from planner.prices import PricePeriod, Tariff
from planner.rolling import solving
from planner.rolling.arrivals import plan_next
from tests.planner.checking import faults
from tests.planner.random_problems import problems

SHARED = Path(__file__).parents[2] / ".." / "shared" / "wfinstances"
HOUR = 3600.0
SLOWLY = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def rolling() -> Iterator[None]:
    """Every problem is taken for a large one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solving, "LARGE", 1)
        yield


def workflows(count: int, objective: Objective, *, first: int = 0) -> Problem:
    """Diamonds of five tasks released every ten minutes, more than the pools can do at once; every third is due."""
    tasks, arcs = [], []
    for number in range(first, first + count):
        release = number * 600.0
        for place, minutes in enumerate((10, 25, 5 + number % 40, 15, 10)):
            demands = (Demand("cores", 1 + (number + place) % 3), Demand("memory", 2 + place))
            due = release + 2 * HOUR if place == 4 and number % 3 == 0 else None
            deadline = release + 12 * HOUR if number % 5 == 0 else None
            tasks.append(
                Task(
                    f"w{number}.{place}",
                    (Mode(minutes * 60.0, demands),),
                    release=release,
                    due=due,
                    deadline=deadline,
                    priority=(20, 50, 80)[number % 3],
                    group=f"w{number}",
                )
            )
        for before, after in ((0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4)):
            arcs.append(Precedence(f"w{number}.{before}", f"w{number}.{after}"))
    dear = tuple(PricePeriod(hour * HOUR, (hour + 1) * HOUR, 3.0) for hour in range(0, 60, 3))
    pools = (Pool("cores", 12, price=Tariff(1.0, periods=dear)), Pool("memory", 40))
    return Problem(tuple(tasks), tuple(arcs), pools, objective=objective)


@pytest.mark.usefixtures("rolling")
@SLOWLY
@given(problems())
def test_every_plan_keeps_every_rule_and_none_is_worse_than_the_one_before(problem: Problem) -> None:
    told: list[Plan] = []
    plan = solve(problem, Limits(work=0.3), told.append)
    assert [faults(each) for each in told] == [[] for _ in told]
    assert plan.schedule is None or faults(plan) == []
    if not problem.objective.lexicographic:
        values = [each.objective or 0.0 for each in told]
        assert all(later <= earlier for earlier, later in pairwise(values))


@SLOWLY
@given(problems(most=6))
def test_its_bound_is_below_the_optimum(problem: Problem) -> None:
    assume(not problem.objective.lexicographic)
    best = solve(problem, Limits(work=2.0))
    assume(best.status is Status.OPTIMAL and best.method != "critical_path")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solving, "LARGE", 1)
        plan = solve(problem, Limits(work=0.1))
    if plan.bound is not None and best.objective is not None:
        assert plan.bound <= best.objective + 1e-6 * max(abs(best.objective), 1.0)


@pytest.mark.parametrize(
    "objective",
    [
        Objective(completion=1.0),
        Objective(lateness=1.0),
        Objective(cost=1.0),
        Objective(completion=0.5, lateness=0.3, cost=0.2),
        Objective(lexicographic=("lateness", "cost")),
    ],
    ids=["completion", "lateness", "cost", "mixed", "lexicographic"],
)
@pytest.mark.usefixtures("rolling")
def test_it_improves_on_the_first_list_schedule(objective: Objective) -> None:
    told: list[Plan] = []
    plan = solve(workflows(60, objective), Limits(work=2.0), told.append)
    assert faults(plan) == []
    assert plan.method == "rolling"
    assert plan.objective is not None
    assert told[0].objective is not None
    assert plan.objective < 0.99 * told[0].objective or plan.gap == 0


@pytest.mark.usefixtures("rolling")
def test_the_same_work_gives_the_same_plan_and_another_seed_another() -> None:
    problem = workflows(60, Objective(completion=0.5, cost=0.5))
    plans = [solve(problem, Limits(work=1.0, workers=2, seed=7)) for _ in range(2)]
    assert plans[0].schedule == plans[1].schedule
    assert solve(problem, Limits(work=1.0, workers=2, seed=8)).schedule != plans[0].schedule


@pytest.mark.usefixtures("rolling")
def test_a_caller_can_end_it_with_the_best_plan_so_far() -> None:
    told: list[Plan] = []
    problem = workflows(60, Objective(completion=1.0))
    plan = solve(problem, Limits(seconds=None, cancelled=lambda: len(told) > 1), told.append)
    assert plan.objective == told[-1].objective
    assert faults(plan) == []


@pytest.mark.usefixtures("rolling")
def test_what_has_started_stays_when_more_comes_in() -> None:
    objective = Objective(completion=1.0)
    current = solve(workflows(30, objective), Limits(work=0.5))
    now = 3 * HOUR
    plan = plan_next(workflows(45, objective), current, now, Limits(work=1.0))
    assert faults(plan) == []
    for name, before in current.assignments.items():
        at = plan.assignments[name]
        if before.start < now:
            assert (at.start, at.end) == (before.start, before.end)
        else:
            assert at.start >= now
    assert all(at.start >= now for name, at in plan.assignments.items() if name not in current.assignments)
    moved = [abs(plan.assignments[name].start - at.start) for name, at in current.assignments.items()]
    assert plan.parts["churn"] == pytest.approx(sum(moved) / len(moved))


@pytest.mark.skipif(not SHARED.exists(), reason="the folder shared/ with traces is not beside the repository")
def test_a_day_of_traced_workflows_keeps_every_rule() -> None:
    from benchmarks.week_checker import check
    from benchmarks.week_problems import generate

    told: list[Plan] = []
    plan = solve(generate(40, 3, days=1.0), Limits(work=4.0), told.append)
    assert len(plan.problem.tasks) >= solving.LARGE
    assert plan.method == "rolling"
    for each in (*told, plan):
        check(each)


@pytest.mark.usefixtures("rolling")
def test_a_search_ends_where_nothing_can_be_moved() -> None:
    tasks = (
        Task("a", (Mode(600, (Demand("p", 1),)),), splittable=True),
        Task("b", (Mode(900, (Demand("p", 1),)),), splittable=True, release=300),
    )
    closed = CapacityPeriod(120, 240, 0), CapacityPeriod(720, 780, 0)
    problem = Problem(tasks, pools=(Pool("p", 1, closed),), objective=Objective(completion=1.0, duration=1.0))
    plan = solve(problem, Limits(seconds=None, work=0.3))
    assert faults(plan) == []
