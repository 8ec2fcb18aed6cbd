"""Plans that go on after something came otherwise."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner import (
    Budget,
    Demand,
    Limits,
    Mode,
    Objective,
    Plan,
    Pool,
    Precedence,
    Problem,
    Progress,
    Reservation,
    Status,
    Tariff,
    Task,
    repair,
    solve,
)
from planner.progress import ProgressInvalid
from planner.repairing import stable
from tests.planner.checking import faults

ONE = Demand("cpu", 1)
QUICK = Limits(work=0.5, workers=1)


def task(name: str, seconds: float, *demands: Demand, **limits: object) -> Task:
    return Task(name, (Mode(seconds, demands),), **limits)  # type: ignore[arg-type]


def line(*limits: dict[str, object]) -> Problem:
    """Three tasks of 10 s on a pool of one, in order."""
    tasks = tuple(task(name, 10, ONE, **given) for name, given in zip("abc", limits or ({},) * 3, strict=True))
    return Problem(tasks, (Precedence("a", "b"), Precedence("b", "c")), (Pool("cpu", 1),))


def starts(plan: Plan) -> dict[str, float]:
    return {name: done.start for name, done in plan.assignments.items()}


def test_what_comes_after_an_overrun_moves_and_what_started_stays() -> None:
    problem = line()
    after = repair(problem, solve(problem), 8, {"a": Progress(0, duration=15)})
    assert starts(after) == {"a": 0, "b": 15, "c": 25}
    assert faults(after) == []
    assert after.reasons == ()
    assert after.status is Status.FEASIBLE


def test_what_is_over_holds_nothing_and_what_is_early_can_be_used() -> None:
    problem = line()
    after = repair(problem, solve(problem), 4, {"a": Progress(0, ended=4)}, QUICK)
    assert starts(after) == {"a": 0, "b": 4, "c": 14}


def test_a_task_that_is_to_be_done_again_starts_no_earlier_than_now() -> None:
    problem = line()
    after = repair(problem, solve(problem), 9, {})
    assert starts(after) == {"a": 9, "b": 19, "c": 29}


def test_a_running_task_keeps_its_units_when_the_pool_is_closed() -> None:
    tasks = (task("a", 10, ONE), task("b", 5, ONE))
    before = Problem(tasks, pools=(Pool("cpu", 2),))
    smaller = replace(before, pools=(Pool("cpu", 1),))
    after = repair(smaller, solve(before), 3, {"a": Progress(0), "b": Progress(0, duration=8)})
    assert after.schedule is not None
    assert list(after.schedule.ends) == [10, 8]
    more = replace(smaller, tasks=(*tasks, task("c", 5, ONE)))
    added = repair(more, solve(before), 3, {"a": Progress(0), "b": Progress(0)})
    assert starts(added)["c"] == 10


def test_a_task_that_should_be_over_is_taken_to_end_now() -> None:
    problem = line()
    after = repair(problem, solve(problem), 13, {"a": Progress(0)})
    assert starts(after) == {"a": 0, "b": 13, "c": 23}


def test_money_for_what_is_done_still_counts() -> None:
    problem = replace(line(), pools=(Pool("cpu", 1, price=Tariff(3600.0)),))
    plan = solve(problem)
    after = repair(problem, plan, 10, {"a": Progress(0, ended=9)})
    assert plan.cost == pytest.approx(30)
    assert after.cost == pytest.approx(29)


def test_a_deadline_that_can_not_be_kept_is_given_up_and_named() -> None:
    problem = line({}, {}, {"deadline": 32.0})
    after = repair(problem, solve(problem), 8, {"a": Progress(0, duration=15)})
    (reason,) = after.reasons
    assert (reason.kind, reason.tasks, reason.needed, reason.available) == ("deadline", ("c",), 35, 32)
    assert starts(after) == {"a": 0, "b": 15, "c": 25}
    assert faults(after) == []
    assert after.problem.tasks[2].due == 32


def test_horizon_latest_start_and_budget_are_given_up_and_named() -> None:
    problem = replace(line({}, {"window": (0.0, 12.0)}, {}), horizon=31.0, budgets=(Budget(30.0),))
    problem = replace(problem, pools=(Pool("cpu", 1, price=Tariff(3600.0)),))
    after = repair(problem, solve(problem), 8, {"a": Progress(0, duration=15)})
    assert {reason.kind: (reason.needed, reason.available) for reason in after.reasons} == {
        "window": (15, 12),
        "horizon": (35, 31),
        "budget": (pytest.approx(35), 30),
    }
    assert faults(after) == []


def test_a_search_keeps_what_list_scheduling_gave_up_where_that_can_be() -> None:
    # in the old order b is too late; the other way round everything is in time
    tasks = (task("a", 10, ONE), task("long", 10, ONE), task("b", 2, ONE, deadline=26.0))
    problem = Problem(tasks, (), (Pool("cpu", 1),))
    plan = Plan(problem, Status.FEASIBLE, as_schedule([0, 10, 20], [10, 10, 2]), 22, None, "list", 0.0)
    overrun = {"a": Progress(0, duration=15)}
    assert [reason.kind for reason in repair(problem, plan, 5, overrun).reasons] == ["deadline"]
    searched = repair(problem, plan, 5, overrun, QUICK)
    assert searched.reasons == ()
    assert faults(searched) == []


def as_schedule(begins: list[float], seconds: list[float]) -> object:
    from planner.schedule import Schedule

    return Schedule(begins, [start + length for start, length in zip(begins, seconds, strict=True)], [0] * len(begins))


def test_a_pool_too_small_for_good_leaves_no_plan_and_says_why() -> None:
    problem = Problem((task("a", 10, Demand("cpu", 2)), task("b", 10, ONE)), pools=(Pool("cpu", 2),))
    after = repair(replace(problem, pools=(Pool("cpu", 1),)), solve(problem), 0, {})
    assert after.schedule is None
    assert after.status is Status.INFEASIBLE
    assert [reason.kind for reason in after.reasons] == ["capacity"]


def test_moved_starts_count_unless_the_objective_says_how() -> None:
    assert stable(Objective()).weights == {"duration": 1.0, "churn": pytest.approx(0.1)}
    assert stable(Objective(cost=2)).weights == {"cost": 2, "churn": pytest.approx(0.2)}
    assert stable(Objective(churn=3)).weights == {"churn": 3}
    assert stable(Objective(lexicographic=("cost",))).lexicographic == ("cost", "churn")


def test_times_between_milliseconds_and_far_ahead_fit_together() -> None:
    problem = replace(line(), reservations=(Reservation("cpu", 9e6, 9.1e6, 1),))
    after = repair(problem, solve(problem), 12.3456789, {"a": Progress(0.1234567, ended=11.7654321)}, QUICK)
    assert after.reasons == ()
    assert after.assignments["b"].start == pytest.approx(12.3456789, abs=0.2)
    assert faults(after) == []


def test_progress_that_makes_no_sense_is_named() -> None:
    problem = line()
    wrong = {"x": Progress(0), "a": Progress(9, ended=3, duration=-1)}
    with pytest.raises(ProgressInvalid) as caught:
        repair(problem, solve(problem), 5, wrong)
    assert [each.path for each in caught.value.problems] == [
        "progress[x]",
        "progress[a].started",
        "progress[a].ended",
        "progress[a].duration",
    ]


@st.composite
def running(draw: st.DrawFn) -> tuple[Problem, Plan, float, dict[str, Progress]]:
    """A plan under way, some of its tasks slower or quicker than planned."""
    count = draw(st.integers(2, 8))
    capacity = draw(st.integers(2, 4))
    tasks = tuple(
        task(f"t{n}", draw(st.integers(1, 9)), Demand("cpu", draw(st.integers(1, 2))), group="g") for n in range(count)
    )
    arcs = tuple(
        Precedence(f"t{i}", f"t{j}") for i in range(count) for j in range(i + 1, count) if draw(st.integers(0, 3)) == 0
    )
    problem = Problem(tasks, arcs, (Pool("cpu", capacity),))
    plan = solve(problem, Limits(work=0.1, workers=1))
    now = float(draw(st.integers(0, int(plan.makespan))))
    progress = {}
    for name, done in plan.assignments.items():
        if done.start < now:
            length = max(done.end - done.start + draw(st.integers(-2, 6)), 1)
            ended = done.start + length if done.end <= now and done.start + length <= now else None
            progress[name] = Progress(done.start, ended, None if ended is not None else length)
    started = set(progress)
    for arc in problem.precedence:  # who started did so because its predecessors had ended
        if arc.after in started:
            progress[arc.before] = Progress(progress[arc.before].started, plan.assignments[arc.before].end)
    return problem, plan, now, progress


@settings(max_examples=60, deadline=None)
@given(running())
def test_a_repaired_plan_keeps_every_rule_and_a_search_is_never_worse(
    given_case: tuple[Problem, Plan, float, dict[str, Progress]],
) -> None:
    problem, plan, now, progress = given_case
    first = repair(problem, plan, now, progress)
    assert faults(first) == []
    for name, done in first.assignments.items():
        assert done.start == progress[name].started if name in progress else done.start >= now
    seen: list[float] = []
    better = repair(problem, plan, now, progress, Limits(work=0.2, workers=1), lambda each: seen.append(each.objective))
    assert faults(better) == []
    assert better.objective is not None
    assert first.objective is not None
    assert better.objective <= first.objective
    assert seen == sorted(seen, reverse=True)
