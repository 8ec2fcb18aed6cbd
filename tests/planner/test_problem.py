from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time
from typing import Any

import pytest

from planner import (
    Budget,
    CapacityBand,
    CapacityPeriod,
    Demand,
    Mode,
    Objective,
    Pool,
    Precedence,
    PriceBand,
    Problem,
    ProblemInvalid,
    Reservation,
    Tariff,
    Task,
)

CPU = Pool("cpu", 4)


def task(name: str = "a", **given: Any) -> Task:
    return Task(name, given.pop("modes", (Mode(60, (Demand("cpu", 1),)),)), **given)


def mistakes(**given: Any) -> dict[str, str]:
    """Path -> code of everything that is wrong."""
    with pytest.raises(ProblemInvalid) as caught:
        Problem(**{"tasks": (task(),), "pools": (CPU,), **given})
    assert all(problem.message and problem.remedy for problem in caught.value.problems)
    return {problem.path: problem.code for problem in caught.value.problems}


def test_everything_that_is_wrong_is_told_at_once_with_field_number_and_remedy() -> None:
    with pytest.raises(ProblemInvalid) as caught:
        Problem(
            (
                Task("a", (Mode(-1, (Demand("cup", 2),)),)),
                Task("a", ()),
                Task("b", (Mode(float("nan")),), release="x", window=(5, 3)),  # type: ignore[arg-type]
            ),
            (Precedence("a", "c"),),
            (Pool("cpu", -4, zone="Mars/Olympus"),),
            (Reservation("cpu", 5, 3, 1),),
            (Budget(-1, "g"),),
        )
    assert {problem.path: problem.code for problem in caught.value.problems} == {
        "pools[0].capacity": "out_of_range",
        "pools[0].zone": "unknown_zone",
        "tasks[0].modes[0].duration": "out_of_range",
        "tasks[0].modes[0].demands[0].pool": "unknown_pool",
        "tasks[1].id": "duplicate_id",
        "tasks[1].modes": "no_modes",
        "tasks[2].release": "not_a_number",
        "tasks[2].window": "empty_window",
        "tasks[2].modes[0].duration": "out_of_range",
        "precedence[0].after": "unknown_task",
        "reservations[0]": "empty_period",
        "budgets[0].amount": "out_of_range",
        "budgets[0].group": "unknown_group",
    }
    assert "-4 is out of range (give a finite number of at least 0)" in str(caught.value)
    assert "there is no pool 'cup' (did you mean 'cpu'?)" in str(caught.value)


def test_a_cycle_is_told_as_a_path() -> None:
    arcs = (Precedence("a", "b"), Precedence("b", "c"), Precedence("c", "a"), Precedence("c", "d"))
    with pytest.raises(ProblemInvalid, match="a -> b -> c -> a"):
        Problem(tuple(task(name) for name in "abcd"), arcs, (CPU,))
    with pytest.raises(ProblemInvalid, match="a -> a"):
        Problem((task(),), (Precedence("a", "a"),), (CPU,))


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"priority": 101}, "tasks[0].priority"),
        ({"priority": 1.5}, "tasks[0].priority"),
        ({"weight": -1}, "tasks[0].weight"),
        ({"due": "soon"}, "tasks[0].due"),
        ({"deadline": float("inf")}, "tasks[0].deadline"),
        ({"window": 5}, "tasks[0].window"),
        ({"group": ""}, "tasks[0].group"),
        ({"release": True}, "tasks[0].release"),
        ({"release": float("nan")}, "tasks[0].release"),
        ({"window": (0, True)}, "tasks[0].window[1]"),
        ({"window": (5, 3)}, "tasks[0].window"),
        ({"modes": (Mode(True),)}, "tasks[0].modes[0].duration"),
        ({"modes": (Mode(1, (Demand("cpu", True),)),)}, "tasks[0].modes[0].demands[0].amount"),
        ({"splittable": True, "max_parts": 0}, "tasks[0].max_parts"),
        ({"splittable": True, "min_part": 0}, "tasks[0].min_part"),
        ({"modes": (Mode(1, (Demand("cpu", 1), Demand("cpu", 2))),)}, "tasks[0].modes[0].demands[1].pool"),
        ({"modes": (Mode(1, (Demand("cpu", 2, 3),)),)}, "tasks[0].modes[0].demands[0].min_amount"),
        ({"modes": (Mode(1, (Demand("cpu", 2, None, 1),)),)}, "tasks[0].modes[0].demands[0].max_amount"),
        ({"modes": (Mode(1, (Demand("cpu", 2, 1, 3, 2),)),)}, "tasks[0].modes[0].demands[0].speedup"),
        ({"modes": (60,)}, "tasks[0].modes[0]"),
    ],
)
def test_a_task_that_makes_no_sense_is_refused(given: dict[str, Any], path: str) -> None:
    assert path in mistakes(tasks=(task(**given),))


def test_other_parts_that_make_no_sense_are_refused() -> None:
    twice = (CapacityPeriod(0, 10, 1), CapacityPeriod(5, 15, 2))
    assert mistakes(pools=(Pool("cpu", 1, twice),)) == {"pools[0].calendar": "overlapping_periods"}
    night = CapacityBand(1, time(22), time(6))
    assert mistakes(pools=(Pool("cpu", 1, (night,)),)) == {"origin": "origin_missing"}
    never = replace(night, days=())
    origin = datetime(2025, 1, 1, tzinfo=UTC)
    assert mistakes(pools=(Pool("cpu", 1, (never,)),), origin=origin) == {"pools[0].calendar.days": "not_days"}
    zoned = Tariff(1, bands=(PriceBand(1, time(1, tzinfo=UTC), time(2)),))
    assert "pools[0].price.bands.begins" in mistakes(pools=(Pool("cpu", 1, price=zoned),), origin=origin)
    assert mistakes(pools=(Pool("cpu", 1), Pool("cpu", 2))) == {"pools[1].id": "duplicate_id"}
    assert mistakes(origin=datetime(2025, 1, 1)) == {"origin": "naive_origin"}  # noqa: DTZ001 (that is the point)
    assert mistakes(tasks=()) == {"tasks": "no_tasks"}
    assert mistakes(tasks=({"id": "a"},)) == {"tasks[0]": "wrong_type"}
    assert mistakes(objective=Objective(cost=-1)) == {"objective.cost": "out_of_range"}
    order = Objective(lexicographic=("cost", "costs", "cost"))
    assert mistakes(objective=order) == {
        "objective.lexicographic[1]": "unknown_part",
        "objective.lexicographic[2]": "duplicate_part",
    }
    assert mistakes(reservations=(Reservation("cpu", -5, 5, 1, movable=True),)) == {
        "reservations[0].movable": "started_reservation"
    }


def test_lists_are_taken_as_tuples_and_a_problem_can_be_changed_by_replace() -> None:
    problem = Problem([task("a"), task("b")], [Precedence("a", "b")], [CPU])  # type: ignore[arg-type]
    assert problem.index == {"a": 0, "b": 1}
    assert problem.graph.successors == [[(1, 0.0)], []]
    larger = replace(problem, tasks=(*problem.tasks, task("c")))
    assert larger.index["c"] == 2
    assert larger == replace(problem, tasks=larger.tasks)


def test_weights_of_tasks_follow_priority_unless_given() -> None:
    assert [task(priority=number).importance for number in (0, 25, 50, 100)] == [0.25, 0.5, 1, 4]
    assert task(priority=0, weight=3).importance == 3
