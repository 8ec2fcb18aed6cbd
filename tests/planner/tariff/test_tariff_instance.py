"""What an instance accepts, what it costs, and which faults it sees."""

from __future__ import annotations

from typing import Any

import pytest
from small_instances import cost, draw, schedules

from planner.tariff import TariffInstance, TariffInvalid

GIVEN: dict[str, Any] = {
    "durations": [2, 1],
    "demands": [[1], [2]],
    "capacities": [2],
    "prices": [[5, 1, 1, 3]],
    "edges": [[0, 1]],
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"durations": [2, -1]}, "durations has -1"),
        ({"durations": [2, 1.5]}, "durations has something that is no whole number"),
        ({"demands": [[1], [2], [3]]}, "demands has the shape"),
        ({"capacities": [[2, 2]]}, "capacities has the shape"),
        ({"edges": [[0, 2]]}, "edges name task 2"),
        ({"edges": [[0, 1], [1, 0]]}, "edges go in a circle"),
        ({"lags": [-1]}, "lags has -1"),
        ({"lags": [1, 2]}, "lags has the shape"),
        ({"prices": [5, 1, 1, 3]}, "prices has to be a table"),
        ({"prices": [[1 << 40, 1, 1, 3]]}, "prices has a value beyond"),
        ({"latest": [1]}, "latest has the shape"),
    ],
)
def test_an_instance_that_does_not_fit_together_is_refused_by_field(change: dict[str, Any], said: str) -> None:
    with pytest.raises(TariffInvalid, match=said.replace("[", r"\[")):
        TariffInstance.of(**{**GIVEN, **change})


def test_arrays_cannot_be_changed_afterwards() -> None:
    instance = TariffInstance.of(**GIVEN)
    with pytest.raises(ValueError, match="read-only"):
        instance.prices[0, 0] = 7


def test_a_fault_is_named() -> None:
    instance = TariffInstance.of(**GIVEN)
    assert instance.faults([1, 3]) == []
    assert instance.faults([1, 2]) == [
        "task 1 begins before task 0 and its lag have ended",
        "resource 0 is used beyond its capacity in slot 2",
    ]
    assert "task 0 begins at 3" in instance.faults([3, 3])[0]


@pytest.mark.parametrize("seed", range(6))
def test_costs_are_price_by_demand_over_the_slots(seed: int) -> None:
    instance = draw(seed)
    for starts in schedules(instance)[:50]:
        assert instance.cost(starts) == cost(instance, starts)
        assert instance.faults(starts) == []
