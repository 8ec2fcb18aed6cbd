"""What is refused, and what can't be solved."""

from __future__ import annotations

from typing import Any

import pytest

from planner.makespan import Instance, InstanceInvalid, solve

ONE = {"durations": ((2,),), "demands": (((1,),),), "capacities": (1,), "successors": ((),)}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"demands": ()}, "demands"),
        ({"durations": ((),), "demands": ((),)}, "durations[0]"),
        ({"demands": (((1, 2),),)}, "demands[0]"),
        ({"durations": ((-1,),)}, "durations[0]"),
        ({"demands": (((-1,),),)}, "demands[0]"),
        ({"capacities": (-1,)}, "capacities[0]"),
        ({"budgets": (3,)}, "consumptions"),
        ({"successors": ((1,),)}, "successors[0]"),
        ({"successors": ((0,),)}, "successors"),
        ({"lags": ((1,),)}, "lags[0]"),
        ({"releases": (-1,)}, "releases[0]"),
        ({"releases": (1, 2)}, "releases"),
    ],
)
def test_arrays_that_describe_nothing_are_refused_by_name(change: dict[str, Any], path: str) -> None:
    with pytest.raises(InstanceInvalid) as refused:
        Instance(**{**ONE, **change})
    assert [problem.path for problem in refused.value.problems] == [path]


@pytest.mark.parametrize(
    "change",
    [
        {"demands": (((2,),),)},
        {"deadlines": (1,)},
        {"budgets": (3,), "consumptions": (((4,),),)},
        {"releases": (5,), "deadlines": (6,)},
    ],
)
def test_what_can_not_be_done_is_infeasible(change: dict[str, Any]) -> None:
    result = solve(Instance(**{**ONE, **change}))
    assert (result.status, result.makespan, result.starts, result.gap) == ("infeasible", None, (), None)


def test_nothing_to_do_takes_no_time() -> None:
    result = solve(Instance((), (), (1,), ()))
    assert (result.status, result.makespan, result.lower_bound, result.starts) == ("optimal", 0, 0, ())


def test_amounts_of_any_size_and_time_of_any_grain() -> None:
    large = 10**15
    instance = Instance(
        durations=((10**9,), (2 * 10**9,), (10**9,)),
        demands=(((large, large),), ((large, 1),), ((large, large),)),
        capacities=(2 * large, 2 * large - 1),
        successors=((), (), ()),
    )
    result = solve(instance)
    assert (result.status, result.makespan) == ("optimal", 2 * 10**9)
