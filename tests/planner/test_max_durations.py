"""Groups that must be done within a time of their own, from their first start to their last end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from planner import (
    ChangeMaxDuration,
    Demand,
    Distribution,
    Limits,
    MaxDuration,
    Mode,
    Objective,
    Plan,
    Pool,
    Precedence,
    PricePeriod,
    Problem,
    ProblemInvalid,
    Progress,
    Status,
    Tariff,
    Task,
    explain,
    repair,
    simulate,
    solve,
    what_if,
)
from planner.rolling import solving
from tests.planner.checking import faults

ONE = Demand("p", 1)


def task(name: str, seconds: float, group: str | None = "g", **limits: object) -> Task:
    return Task(name, (Mode(seconds, (ONE,)),), group=group, **limits)  # type: ignore[arg-type]


def workflows(count: int, tasks: int, seconds: float, objective: Objective) -> Problem:
    """Chains side by side on one small pool, each to be done within the same time."""
    given, arcs = [], []
    for number in range(count):
        for place in range(tasks):
            amount = Demand("p", 1 + (number + place) % 3)
            length = 300.0 + 60 * ((7 * number + 3 * place) % 11)
            given.append(Task(f"w{number}.{place}", (Mode(length, (amount,)),), group=f"w{number}"))
            if place > 1:
                arcs.append(Precedence(f"w{number}.{place - 2}", f"w{number}.{place}"))
    longest = tuple(MaxDuration(seconds, f"w{number}") for number in range(count))
    dear = Tariff(1.0, tuple(PricePeriod(hour * 3600, (hour + 1) * 3600, 2.0) for hour in range(0, 48, 2)))
    return Problem(tuple(given), tuple(arcs), (Pool("p", 4, price=dear),), objective=objective, max_durations=longest)


def test_what_could_start_waits_for_the_rest_of_its_group() -> None:
    problem = Problem((task("a", 60), task("b", 60, release=500)), pools=(Pool("p", 1),))
    free = solve(problem)
    assert (free.assignments["a"].start, free.method) == (0, "critical_path")
    kept = solve(replace(problem, max_durations=(MaxDuration(300, "g"),)))
    assert (kept.status, kept.makespan, kept.assignments["a"].start) == (Status.OPTIMAL, 560, 260)
    assert faults(kept) == []


def test_a_plan_that_keeps_it_anyway_needs_no_search() -> None:
    problem = Problem((task("a", 60), task("b", 60)), pools=(Pool("p", 2),), max_durations=(MaxDuration(60, "g"),))
    assert solve(problem).method == "critical_path"


def test_a_faster_mode_is_taken_where_that_is_needed() -> None:
    both = (Mode(100, (ONE,)), Mode(60, (ONE,), cost=5))
    problem = Problem(
        (Task("a", both, group="g"), Task("b", both, group="g")),
        (Precedence("a", "b"),),
        (Pool("p", 1),),
        objective=Objective(cost=1),
        max_durations=(MaxDuration(160, "g"),),
    )
    plan = solve(problem)
    assert (plan.status, plan.cost, plan.makespan) == (Status.OPTIMAL, 5, 160)


def test_a_limit_of_the_whole_plan_counts_from_its_first_start() -> None:
    tasks = (task("a", 60, None), task("b", 60, "g", release=1000), task("c", 60, "h"))
    plan = solve(Problem(tasks, pools=(Pool("p", 3),), max_durations=(MaxDuration(100),)))
    assert plan.makespan == 1060
    assert min(done.start for done in plan.assignments.values()) == 960
    assert faults(plan) == []


@pytest.fixture
def rolling() -> Iterator[None]:
    """Every problem is taken for a large one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solving, "LARGE", 1)
        yield


OBJECTIVES = [Objective(), Objective(cost=1), Objective(completion=1), Objective(lexicographic=("completion", "cost"))]


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("work", [0.0, 0.5])
@pytest.mark.parametrize(("count", "seconds"), [(6, 3000), (24, 3300)])
def test_every_plan_keeps_it(objective: Objective, work: float, count: int, seconds: float) -> None:
    told: list[Plan] = []
    plan = solve(workflows(count, 5, seconds, objective), Limits(work=work), told.append)
    assert plan.status in (Status.FEASIBLE, Status.OPTIMAL)
    assert [faults(each) for each in (*told, plan)] == [[] for _ in (*told, plan)]


@pytest.mark.usefixtures("rolling")
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_large_problems_keep_it_too_and_get_better(objective: Objective) -> None:
    told: list[Plan] = []
    plan = solve(workflows(30, 5, 3300, objective), Limits(work=1.5), told.append)
    assert [faults(each) for each in (*told, plan)] == [[] for _ in (*told, plan)]
    assert told[-1].method == "rolling"
    assert len(told) > 1


def test_a_group_that_takes_longer_by_itself_leaves_no_plan() -> None:
    tasks = (task("a", 60), task("b", 60), task("other", 60, None))
    through = Problem(
        tasks,
        (Precedence("a", "other"), Precedence("other", "b")),
        (Pool("p", 2),),
        max_durations=(MaxDuration(150, "g"),),
    )
    plan = solve(through)
    assert plan.status is Status.INFEASIBLE
    assert [(each.kind, each.needed, each.available) for each in plan.reasons] == [("max_duration", 180, 150)]
    limit, path = explain(through)
    assert (limit.kind, limit.tasks, limit.needed, limit.available) == ("max_duration", ("a", "b"), 180, 150)
    assert (path.kind, path.tasks) == ("precedence", ("a", "other", "b"))
    narrow = Problem(tasks, pools=(Pool("p", 1),), max_durations=(MaxDuration(100, "g"),))
    assert [each.needed for each in solve(narrow).reasons] == [120]
    limit, pool = explain(narrow)
    assert (limit.kind, limit.needed, limit.exact) == ("max_duration", 120, True)
    assert (pool.kind, pool.tasks, pool.needed) == ("capacity", ("a", "b"), 2)


def test_what_only_a_search_proves_about_a_group_is_proven() -> None:
    # nine halves of an hour, three side by side in 1.5 hours, but those of two units don't fit beside each other
    tasks = tuple(Task(f"t{i}", (Mode(1800, (Demand("p", 2 if i < 4 else 1),)),), group="g") for i in range(9))
    problem = Problem(tasks, pools=(Pool("p", 3),), max_durations=(MaxDuration(5400 + 1799, "g"),))
    tight = replace(problem, max_durations=(MaxDuration(5400 + 1799 - 1800, "g"),))
    assert solve(tight, Limits(seconds=90)).status is Status.INFEASIBLE
    (limit, *_) = explain(tight, Limits(seconds=90))
    assert (limit.kind, limit.needed, limit.exact) == ("max_duration", 4 * 1800 + 1800, True)


def test_a_repair_keeps_what_has_not_started_together_and_names_what_it_gives_up() -> None:
    tasks = (task("a", 100), task("b", 100), task("c", 100, "h"), task("d", 100, "h", release=400))
    problem = Problem(
        tasks,
        (Precedence("a", "b"), Precedence("b", "c")),
        (Pool("p", 1),),
        max_durations=(MaxDuration(250, "g"), MaxDuration(300, "h")),
    )
    plan = solve(problem)
    assert faults(plan) == []
    mended = repair(problem, plan, 50, {"a": Progress(0, duration=250)})
    assert [(each.kind, each.needed, each.available) for each in mended.reasons] == [("max_duration", 350, 250)]
    assert faults(mended) == []
    assert mended.problem.max_durations == (MaxDuration(350, "g"), MaxDuration(300, "h"))


def test_slack_simulation_and_what_if_know_of_it() -> None:
    problem = Problem((task("a", 100), task("b", 50), task("c", 300, None)), pools=(Pool("p", 3),))
    free = solve(problem)
    assert free.analysis.slack["b"].total == 250
    limited = replace(problem, max_durations=(MaxDuration(120, "g"),))
    plan = solve(limited)
    assert plan.analysis.slack["b"].total == 70
    risky = simulate(limited, plan, {"a": Distribution(100, 120)}, samples=2000)
    assert risky.on_time == pytest.approx(0.9, abs=0.03)
    none = what_if(problem, free, (ChangeMaxDuration(90, "g"),))
    assert not none.feasible
    assert [each.kind for each in none.after.reasons] == ["max_duration"]
    assert what_if(limited, plan, (ChangeMaxDuration(None, "g"),)).after.problem.max_durations == ()


@pytest.mark.parametrize(
    ("limit", "path"),
    [
        (MaxDuration(-1, "g"), "max_durations[0].seconds"),
        (MaxDuration(60, "h"), "max_durations[0].group"),
        (60, "max_durations[0]"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(limit: MaxDuration, path: str) -> None:
    with pytest.raises(ProblemInvalid) as caught:
        Problem((task("a", 60),), pools=(Pool("p", 1),), max_durations=(limit,))
    assert [problem.path for problem in caught.value.problems] == [path]
