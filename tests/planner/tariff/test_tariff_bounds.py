"""Bounds never lie above a schedule, and what they rule out is never needed."""

from __future__ import annotations

import numpy as np
import pytest
from small_instances import cost, draw, schedules

from planner.tariff import TariffInstance
from planner.tariff.bound import Bound
from planner.tariff.capacity_rows import capacity_rows
from planner.tariff.minimum_cut import MinimumCut
from planner.tariff.windows import tighten


def feasible(seeds: range) -> list[TariffInstance]:
    return [instance for instance in map(draw, seeds) if schedules(instance)]


SMALL = feasible(range(40))


def without_capacities(instance: TariffInstance) -> TariffInstance:
    return TariffInstance.of(
        durations=instance.durations,
        demands=instance.demands,
        capacities=np.full_like(instance.capacities, 1000),
        prices=instance.prices,
        edges=instance.edges,
        lags=instance.lags,
        earliest=instance.earliest,
        latest=instance.latest,
    )


def test_there_are_instances_to_test() -> None:
    assert len(SMALL) > 15


@pytest.mark.parametrize("seed", range(12))
def test_the_minimum_cut_is_the_cheapest_under_precedence_alone(seed: int) -> None:
    instance = without_capacities(draw(seed, tasks=4))
    windows = tighten(instance)
    if windows.reason:
        assert not schedules(instance)
        return
    total, starts = MinimumCut(instance, windows, 1).solve(instance.start_costs)
    assert total == min(cost(instance, each) for each in schedules(instance))
    assert instance.faults(starts) == []
    assert instance.cost(starts) == total


@pytest.mark.parametrize("grid", [2, 3])
@pytest.mark.parametrize("seed", range(12))
def test_a_coarse_cut_is_not_above_the_fine_one(seed: int, grid: int) -> None:
    instance = without_capacities(draw(seed, tasks=4))
    windows = tighten(instance)
    if windows.reason:
        return
    fine, _ = MinimumCut(instance, windows, 1).solve(instance.start_costs)
    coarse, starts = MinimumCut(instance, windows, grid).solve(instance.start_costs)
    assert coarse <= fine
    assert ((starts >= windows.earliest) & (starts <= windows.latest)).all()


@pytest.mark.parametrize("instance", SMALL)
def test_every_row_holds_for_every_schedule(instance: TariffInstance) -> None:
    rows = capacity_rows(instance)
    for starts in schedules(instance)[:200]:
        use = np.zeros((rows.weights.shape[1], instance.horizon), np.int64)
        for task, start in enumerate(starts):
            use[:, start : start + instance.durations[task]] += rows.weights[task][:, None]
        assert (use <= rows.limits).all()


def test_rows_beyond_the_capacities_say_what_does_not_fit_together() -> None:
    instance = TariffInstance.of(
        durations=[1] * 4, demands=[[5], [3], [4], [3]], capacities=[8], prices=[[1, 2, 3]], edges=[]
    )
    rows = capacity_rows(instance)
    together = rows.weights[[1, 2, 3]].sum(axis=0) > rows.limits[:, 0]
    assert together[1:].any()


@pytest.mark.parametrize("instance", SMALL)
def test_bound_and_ruled_out_starts_leave_the_best_schedule(instance: TariffInstance) -> None:
    costs = {starts: cost(instance, starts) for starts in schedules(instance)}
    best = min(costs.values())
    windows = tighten(instance)
    bound = Bound(instance, windows, capacity_rows(instance))
    for _ in range(60):
        if not bound.step(best + 3):
            break
    assert bound.value <= best
    useful = bound.useful_starts(best + 1)
    for starts, total in costs.items():
        if total == best:
            assert useful[np.arange(instance.tasks), starts].all()


def test_the_bound_of_a_crowded_instance_rises_well_above_that_of_precedence_alone() -> None:
    # Six equal tasks want the two cheap slots, which hold two each.
    instance = TariffInstance.of(
        durations=[1] * 6, demands=[[4]] * 6, capacities=[8], prices=[[1, 1, 10, 10]], edges=[], latest=[3] * 6
    )
    bound = Bound(instance, tighten(instance), capacity_rows(instance))
    alone = bound.value
    while bound.step(96) and bound.steps < 400:
        pass
    assert alone == 24
    assert 90 <= bound.value <= 96
