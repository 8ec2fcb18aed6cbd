from __future__ import annotations

from planner import CapacityPeriod, Demand, Limits, Mode, Pool, Precedence, Problem, Task, solve
from planner.bottlenecks import bottlenecks, opportunities

ENOUGH = Limits(seconds=None, work=2.0)


def task(name: str, seconds: float, **amounts: float) -> Task:
    return Task(name, (Mode(seconds, tuple(Demand(pool, amount) for pool, amount in amounts.items())),))


def test_a_bottleneck_is_worth_what_planning_with_one_more_unit_saves() -> None:
    tasks = (task("a", 60, gpu=1), task("b", 60, gpu=1), task("c", 60, gpu=1), task("d", 10, cpu=1))
    plan = solve(Problem(tasks, pools=(Pool("gpu", 1), Pool("cpu", 1))), ENOUGH)
    found = bottlenecks(plan, ENOUGH)
    assert [(each.pool, each.gain.seconds, each.gain.proven) for each in found] == [("gpu", 60, True)]
    assert len(found[0].waiting) == 2
    two_more = bottlenecks(plan, ENOUGH, units=2)
    assert two_more[0].gain.seconds == 120


def test_a_pool_that_tasks_wait_for_may_still_be_worth_nothing() -> None:
    tasks = (task("a", 10, cpu=1), task("b", 10, cpu=1), task("long", 100))
    plan = solve(Problem(tasks, pools=(Pool("cpu", 1),)), ENOUGH)
    assert [(each.pool, each.gain.value) for each in bottlenecks(plan, ENOUGH)] == [("cpu", 0)]
    assert opportunities(plan, ENOUGH) == ()


def test_an_opportunity_names_the_tasks_the_units_and_what_it_saves() -> None:
    tasks = (task("begin", 5), task("clean", 60, cpu=3), task("check", 60, cpu=3), task("end", 5))
    arcs = [Precedence("begin", name) for name in ("clean", "check")]
    arcs += [Precedence(name, "end") for name in ("clean", "check")]
    plan = solve(Problem(tasks, tuple(arcs), (Pool("cpu", 4),)), ENOUGH)
    assert plan.makespan == 130
    (found,) = opportunities(plan, ENOUGH)
    assert set(found.tasks) == {"clean", "check"}
    assert (found.pool, found.units, found.gain.seconds, found.gain.proven) == ("cpu", 2, 60, True)


def test_hours_in_which_a_pool_is_closed_stay_closed() -> None:
    closed = CapacityPeriod(60, 600, 0)
    plan = solve(Problem((task("a", 60, cpu=1), task("b", 60, cpu=1)), pools=(Pool("cpu", 1, (closed,)),)), ENOUGH)
    assert plan.makespan == 660
    assert [each.gain.seconds for each in bottlenecks(plan, ENOUGH)] in ([], [600])
    assert solve(Problem((task("a", 61, cpu=1),), pools=(Pool("cpu", 2, (closed,)),)), ENOUGH).makespan == 661
