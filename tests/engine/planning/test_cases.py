"""What definitions and pools become."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cases import START, case, step, workflow

from definitions.errors import DefinitionInvalid
from engine.planning.case import Case
from engine.planning.request import RequestInvalid
from planner import CapacityPeriod, Status, solve

HOUR = 3600.0


def arcs(found: Case) -> set[tuple[str, str]]:
    return {(arc.before, arc.after) for arc in found.problem.precedence}


def notes(found: Case) -> dict[str, tuple[str, ...]]:
    return {note.code: note.steps for note in found.notes}


def test_steps_wait_for_what_they_declare_and_for_what_they_refer_to() -> None:
    found = case(
        workflow(
            step("a"),
            step("b"),
            step("c", depends_on=["a"], input={"x": "${b.result}"}),
            step("d", condition="step_outputs['c']['ok']"),
        )
    )
    assert arcs(found) == {("a", "c"), ("b", "c"), ("c", "d")}
    assert notes(found) == {"conditional": ("d",)}


def test_sequential_siblings_follow_each_other() -> None:
    siblings = [step(name, execution_mode="sequential", depends_on=["a"]) for name in "bcd"]
    assert arcs(case(workflow(step("a"), *siblings))) >= {("b", "c"), ("c", "d")}


def test_error_handlers_are_not_planned_and_what_waits_for_them_waits_for_what_they_handle() -> None:
    found = case(
        workflow(step("a"), step("mend"), step("b", depends_on=["mend"]), error_handlers={"a": "mend"}),
    )
    assert list(found.steps) == ["a", "b"]
    assert arcs(found) == {("a", "b")}
    assert notes(found) == {"error_handlers": ("mend",)}


def test_a_step_without_an_estimate_gets_a_stated_one_and_a_milestone_none() -> None:
    found = case(workflow(step("a", None), {"id": "done", "depends_on": ["a"]}), default_duration=90.0)
    assert [task.modes[0].duration for task in found.problem.tasks] == [90.0, 0.0]
    assert notes(found) == {"assumed_duration": ("a",)}
    assert "90 s" in found.notes[0].message


def test_max_parallel_steps_is_a_pool_where_it_limits() -> None:
    many = [step(f"s{number}") for number in range(5)]
    limited = case(workflow(*many, max_parallel_steps=2))
    assert [(pool.id, pool.capacity) for pool in limited.problem.pools] == [("work: max_parallel_steps", 2)]
    assert solve(limited.problem).makespan == 3 * HOUR
    assert case(workflow(*many, max_parallel_steps=5)).problem.pools == ()


def test_resources_without_a_pool_are_not_limited_and_that_is_said() -> None:
    found = case(workflow(step("a", resources={"gpus": 9, "cpu": 1})), pools={"gpu": 2, "cpu": 4})
    (task,) = found.problem.tasks
    assert [demand.pool for demand in task.modes[0].demands] == ["cpu"]
    assert [pool.id for pool in found.problem.pools] == ["cpu"]
    (note,) = found.notes
    assert note.code == "unknown_pool"
    assert "did you mean `gpu`" in note.message


def test_several_workflows_share_pools_and_keep_their_names_apart() -> None:
    one = workflow(step("a", resources={"gpu": 1}), planning={"budget": 5})
    found = case(one, one, pools={"gpu": {"capacity": 1, "price": 1}}, budget=20.0)
    assert list(found.steps) == ["work/a", "work (2)/a"]
    assert {task.group for task in found.problem.tasks} == {"work", "work (2)"}
    assert [(budget.group, budget.amount) for budget in found.problem.budgets] == [
        ("work", 5.0),
        ("work (2)", 5.0),
        (None, 20.0),
    ]
    assert solve(found.problem).makespan == 2 * HOUR


def test_windows_of_steps_and_of_the_workflow() -> None:
    late = (START + timedelta(hours=3)).isoformat()
    found = case(
        workflow(
            step("a", planning={"earliest_start": "30m", "preferred_start": "1h"}),
            step("b", depends_on=["a"], planning={"deadline": late, "splittable": True, "min_part": "10m"}),
            planning={"earliest_start": "1h", "latest_start": "2h", "deadline": "6h"},
        ),
        deadline=START + timedelta(hours=10),
    )
    first, second = found.problem.tasks
    assert (first.release, first.window, first.deadline) == (HOUR, (HOUR, 2 * HOUR), 6 * HOUR)
    assert first.preferred_start == HOUR
    assert (second.release, second.window, second.deadline) == (0.0, None, 3 * HOUR)
    assert (second.splittable, second.min_part) == (True, 600.0)
    assert found.problem.horizon == 10 * HOUR


def test_amounts_may_be_chosen_within_a_range() -> None:
    ranged = step("a", 2, resources={"cpu": 4}, planning={"amounts": {"cpu": {"max": 8, "speedup": 1}}})
    found = case(workflow(ranged), pools={"cpu": 8})
    plan = solve(found.problem)
    assert plan.makespan == HOUR
    assert plan.assignments["a"].amounts == {"cpu": 8}


def test_what_lies_before_the_start_is_told_all_at_once() -> None:
    past = (START - timedelta(hours=1)).isoformat()
    with pytest.raises(RequestInvalid) as caught:
        case(
            workflow(step("a", planning={"deadline": past}), step("b", planning={"latest_start": past})),
            deadline=START,
        )
    assert [(problem.code, problem.path) for problem in caught.value.problems] == [
        ("moment_passed", "steps[0].planning.deadline"),
        ("moment_passed", "steps[1].planning.latest_start"),
        ("deadline_passed", "deadline"),
    ]


def test_problems_of_one_of_several_workflows_say_which() -> None:
    with pytest.raises(DefinitionInvalid) as caught:
        case(workflow(step("a")), workflow(step("a", depends_on=["nosuch"])))
    assert [problem.path for problem in caught.value.problems] == ["workflows[1].steps[0].depends_on[0]"]


def test_hours_and_periods_are_those_of_the_pools_clock() -> None:
    pools = {
        "gpu": {
            "capacity": 2,
            "calendar": [
                {"start": "2025-07-02 19:00", "duration": "1h", "capacity": 0},
                {"start": "2025-07-01 19:00", "duration": "1h", "capacity": 0},
            ],
            "price": {"per_hour": 2, "rules": [{"hours": "22:00-06:00", "per_hour": 0.5}]},
        }
    }
    found = case(workflow(step("a", resources={"gpu": 1})), pools=pools)
    (pool,) = found.problem.pools
    assert pool.calendar == (CapacityPeriod(HOUR, 2 * HOUR, 0),)
    assert pool.price is not None
    prices = pool.price.steps(pool.zone, found.problem.origin, 24 * HOUR)
    assert [prices.at(hour * HOUR) for hour in (0, 3.99, 4, 11.99, 12)] == [2, 2, 0.5, 0.5, 2]


def test_days_without_hours_are_whole_days() -> None:
    pools = {"gpu": {"capacity": 2, "calendar": [{"days": "thu", "capacity": 0}]}}
    found = case(workflow(step("a", 7, resources={"gpu": 1})), pools=pools)
    plan = solve(found.problem)
    assert plan.status is Status.OPTIMAL
    assert plan.assignments["a"].start == 30 * HOUR  # Wednesday has six hours left
