"""What would come of changes."""

from __future__ import annotations

import pytest

from planner import (
    AddTask,
    Budget,
    ChangeBudget,
    ChangeDeadline,
    ChangeDuration,
    ChangePool,
    Comparison,
    Demand,
    Limits,
    Mode,
    Objective,
    Plan,
    Pool,
    Precedence,
    Problem,
    RemoveTask,
    Tariff,
    Task,
    solve,
    what_if,
)
from planner.changes import Change, ChangeInvalid
from tests.planner.checking import faults

ONE = Demand("cpu", 1)


def task(name: str, seconds: float, *demands: Demand, **limits: object) -> Task:
    return Task(name, (Mode(seconds, demands),), **limits)  # type: ignore[arg-type]


PROBLEM = Problem(
    (task("a", 3600, ONE), task("b", 3600, ONE), task("c", 1800)),
    (Precedence("a", "c", lag=60), Precedence("b", "c")),
    (Pool("cpu", 1, price=Tariff(2.0)),),
    budgets=(Budget(10.0),),
)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return solve(PROBLEM)


def ask(plan: Plan, *changes: Change) -> Comparison:
    found = what_if(PROBLEM, plan, changes, Limits(work=2.0, workers=1))
    if found.feasible:
        assert faults(found.after) == []
    return found


def test_no_change_makes_no_difference(plan: Plan) -> None:
    found = ask(plan)
    assert (found.makespan, found.cost) == (0, 0)
    assert found.differences == {}


def test_another_unit_saves_time_and_nothing_is_touched(plan: Plan) -> None:
    before = plan.makespan
    found = ask(plan, ChangePool("cpu", capacity=2))
    assert found.makespan == pytest.approx(3660 + 1800 - before)
    assert found.cost == pytest.approx(0)
    assert set(found.moved) <= {"a", "b", "c"}
    assert found.differences["c"].moved == pytest.approx(found.makespan)
    assert len(found.critical_path[0]) > len(found.critical_path[1]) == 2
    assert plan.makespan == before
    assert PROBLEM.pools[0].capacity == 1


def test_a_price_changes_cost_alone(plan: Plan) -> None:
    found = ask(plan, ChangePool("cpu", price=Tariff(3.0)))
    assert found.makespan == pytest.approx(0)
    assert found.cost == pytest.approx(2)
    assert found.differences["a"].cost == pytest.approx(1)
    assert found.moved == ()


def test_a_duration_by_factor_and_by_seconds(plan: Plan) -> None:
    found = ask(plan, ChangeDuration("c", factor=2), ChangeDuration("b", seconds=600))
    assert found.differences["c"].lengthened == pytest.approx(1800)
    assert found.differences["b"].lengthened == pytest.approx(-3000)


def test_tasks_come_and_go_and_order_stays(plan: Plan) -> None:
    added = ask(plan, AddTask(task("d", 100), after=("c",)))
    assert added.added == ("d",)
    assert added.makespan == pytest.approx(100)
    removed = ask(plan, RemoveTask("c"))
    assert removed.removed == ("c",)
    middle = ask(plan, AddTask(task("d", 100), after=("c",)), RemoveTask("c"))
    assert middle.after.assignments["d"].start >= middle.after.assignments["b"].end
    assert middle.after.assignments["d"].start >= middle.after.assignments["a"].end + 60


def test_a_deadline_that_leaves_no_plan_says_why(plan: Plan) -> None:
    found = ask(plan, ChangeDeadline("c", 3600.0))
    assert not found.feasible
    assert found.makespan is None
    assert found.differences == {}
    assert {reason.kind for reason in found.after.reasons} == {"deadline", "precedence"}
    assert ask(plan, ChangeDeadline("c", 3600.0), ChangeDeadline("c", None)).feasible


def test_a_budget_that_leaves_no_plan_says_what_would_be_enough(plan: Plan) -> None:
    found = ask(plan, ChangeBudget(3.0))
    (reason,) = found.after.reasons
    assert (reason.kind, reason.needed) == ("budget", pytest.approx(4))
    assert ask(plan, ChangeBudget(None)).after.problem.budgets == ()


def test_the_objective_stays_the_same(plan: Plan) -> None:
    assert ask(plan, ChangePool("cpu", capacity=2)).after.problem.objective == Objective()


def test_what_is_not_there_is_named(plan: Plan) -> None:
    with pytest.raises(ChangeInvalid) as caught:
        ask(plan, RemoveTask("x"), ChangePool("gpu", capacity=1), AddTask(task("y", 1), after=("z",)))
    assert [each.code for each in caught.value.problems] == ["unknown_task", "unknown_pool", "unknown_task"]
