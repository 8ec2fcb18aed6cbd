from __future__ import annotations

from dataclasses import replace

from planner import CapacityPeriod, Demand, Limits, Mode, Plan, Pool, Precedence, Problem, Reservation, Task, solve
from tests.planner.checking import faults

NONE = Limits(seconds=None, work=0.0)
"""No search: only what is there at once."""


def task(name: str, seconds: float, amount: float = 1, **given: bool) -> Task:
    return Task(name, (Mode(seconds, (Demand("p", amount),)),), **given)  # type: ignore[arg-type]


def first_told(problem: Problem) -> Plan:
    told: list[Plan] = []
    solve(problem, NONE, told.append)
    return told[0]


TASKS = (task("a", 60, 2), task("b", 90, splittable=True), task("c", 30, 2), task("d", 45))
BEFORE = Problem(
    TASKS,
    (Precedence("a", "d"),),
    (Pool("p", 2, (CapacityPeriod(60, 90, 0),)),),
    (Reservation("p", 0, 30, 1, movable=True, penalty=1),),
)


def test_the_plan_in_force_is_kept_where_it_still_holds_with_its_parts_and_moves() -> None:
    plan = solve(BEFORE, Limits(seconds=5))
    again = first_told(replace(BEFORE, current=plan))
    assert again.schedule == plan.schedule
    assert faults(again) == []


def test_what_no_longer_holds_is_mended_in_its_order() -> None:
    plan = solve(BEFORE, Limits(seconds=5))
    outage = Pool("p", 2, (CapacityPeriod(60, 200, 0),))
    again = first_told(replace(BEFORE, pools=(outage,), current=plan))
    assert again.schedule != plan.schedule
    assert faults(again) == []


def test_tasks_come_and_go() -> None:
    plan = solve(BEFORE, Limits(seconds=5))
    changed = replace(BEFORE, tasks=(TASKS[3], TASKS[0], task("new", 60)), current=plan)
    again = solve(changed, Limits(seconds=5))
    assert faults(again) == []
    assert set(again.assignments) == {"d", "a", "new"}
