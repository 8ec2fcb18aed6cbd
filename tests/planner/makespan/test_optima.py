"""The solver against trying everything, and against published optima."""

from __future__ import annotations

import csv

import pytest
from hypothesis import HealthCheck, given, settings

from benchmarks.planner_checker import faults
from planner.limits import Limits
from planner.makespan import Instance, Result, solve
from planner.psplib import read_instance
from tests.planner.makespan.small import PSPLIB, instances, shortest

needs_files = pytest.mark.skipif(
    not PSPLIB.is_dir(), reason="the PSPLIB files are not in shared/ beside the repository"
)


def checked(instance: Instance, result: Result) -> Result:
    """The result, whose schedule keeps every rule."""
    if result.makespan is not None:
        assert faults(instance, result.starts, result.modes, result.makespan) == []
        assert result.lower_bound <= result.makespan
    return result


def agrees(instance: Instance, limits: Limits) -> None:
    best = shortest(instance)
    result = checked(instance, solve(instance, limits))
    assert (result.status, result.makespan) == (("infeasible", None) if best is None else ("optimal", best))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(instance=instances(several_modes=False))
def test_one_mode_with_lags_releases_and_deadlines(instance: Instance) -> None:
    agrees(instance, Limits(seconds=30))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(instance=instances(several_modes=True))
def test_several_modes_with_budgets(instance: Instance) -> None:
    agrees(instance, Limits(seconds=30))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(instance=instances(several_modes=True))
def test_one_worker_finds_the_same(instance: Instance) -> None:
    agrees(instance, Limits(seconds=30, workers=1))


@needs_files
@pytest.mark.parametrize("name", ["j301_6", "j305_6", "j3013_6", "j3029_6", "j3045_6", "j6022_1", "j2010_1", "j2046_6"])
def test_published_optima_are_found_and_proven(name: str) -> None:
    with (PSPLIB / "best_known.csv").open(newline="") as lines:
        row = next(row for row in csv.DictReader(lines) if row["instance"] == name)
    instance = read_instance(next((PSPLIB / row["set"]).glob(f"{name}.?m")))
    result = checked(instance, solve(instance, Limits(seconds=60)))
    assert (result.status, result.makespan, result.lower_bound) == ("optimal", int(row["ub"]), int(row["ub"]))


@needs_files
@pytest.mark.parametrize("name", ["j120/j12011_4.sm", "j60/j6025_5.sm", "mmlib50/J5083_4.mm"])
def test_what_can_not_be_proven_in_time_is_a_schedule_and_a_bound(name: str) -> None:
    instance = read_instance(PSPLIB / name)
    told: list[Result] = []
    result = checked(instance, solve(instance, Limits(seconds=1.0), told.append))
    assert result.status == "feasible"
    assert result.gap == (result.makespan - result.lower_bound) / result.makespan  # type: ignore[operator]
    spans = [checked(instance, each).makespan or 0 for each in told]
    assert spans == sorted(set(spans), reverse=True)
    assert spans[-1] == result.makespan
