"""What `planner.tariff.solve` promises: valid, cheapest where small, never worse, the same for the same work."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from small_instances import cost, draw, schedules

from planner.limits import Limits
from planner.plan import Status
from planner.tariff import Result, TariffInstance, solve

ROOT = Path(__file__).parents[3]
SHARED = ROOT / ".." / "shared" / "tou"
SECONDS = Limits(seconds=60.0)


@pytest.mark.parametrize("seed", range(24))
def test_small_instances_are_solved_to_the_optimum_or_proven_infeasible(seed: int) -> None:
    instance = draw(seed)
    every = schedules(instance)
    result = solve(instance, SECONDS)
    if not every:
        assert result.status is Status.INFEASIBLE
        assert result.reason
        assert result.starts is None
        return
    best = min(cost(instance, starts) for starts in every)
    assert result.status is Status.OPTIMAL
    assert result.cost == result.lower_bound == best
    assert result.gap == 0
    assert result.starts in every


@pytest.mark.parametrize("workers", [1, 3])
def test_any_number_of_threads_finds_the_optimum(workers: int) -> None:
    instance = draw(1)
    best = min(cost(instance, starts) for starts in schedules(instance))
    assert solve(instance, Limits(seconds=60.0, workers=workers)).cost == best


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"demands": [[3], [1]]}, "task 0 fits nowhere"),
        ({"earliest": [2, 0]}, "task 1 fits nowhere"),
        ({"demands": [[2], [2]], "edges": [], "durations": [3, 3]}, "resource 0 can't hold"),
    ],
)
def test_an_infeasible_instance_says_why(change: dict[str, object], said: str) -> None:
    given: dict[str, object] = {
        "durations": [2, 2],
        "demands": [[1], [1]],
        "capacities": [2],
        "prices": [[1, 2, 3, 4, 5]],
        "edges": [[0, 1]],
    }
    result = solve(TariffInstance.of(**{**given, **change}), SECONDS)  # type: ignore[arg-type]
    assert (result.status, result.cost, result.starts, result.gap) == (Status.INFEASIBLE, None, None, None)
    assert said in result.reason


def test_what_the_bound_refutes_is_refuted() -> None:
    # Three tasks of 3 slots on a capacity of 5 for 8 slots: 27 of 40 fits, but only two can run one after the other.
    instance = TariffInstance.of(durations=[3] * 3, demands=[[3]] * 3, capacities=[5], prices=[[1] * 8], edges=[])
    result = solve(instance, SECONDS)
    assert result.status is Status.INFEASIBLE
    assert "capacities can't be kept" in result.reason


def test_what_only_search_refutes_is_refuted() -> None:
    # Any two of three tasks meet on a resource for one, and there are two slots: halves of tasks would fit.
    instance = TariffInstance.of(
        durations=[1] * 3,
        demands=[[1, 1, 0], [1, 0, 1], [0, 1, 1]],
        capacities=[1, 1, 1],
        prices=[[1, 2], [2, 1], [3, 5]],
        edges=[],
    )
    result = solve(instance, SECONDS)
    assert result.status is Status.INFEASIBLE
    assert "proven by search" in result.reason


def test_nothing_to_do_costs_nothing() -> None:
    instance = TariffInstance.of(durations=[], demands=[], capacities=[1], prices=[[1, 2]], edges=[])
    assert solve(instance, SECONDS).starts == ()


def medium(tasks: int = 100) -> TariffInstance:
    path = SHARED / f"tou_n{tasks}_h96_s1.json"
    if not path.exists():
        pytest.skip(
            f"needs the time-of-use instances in {SHARED.resolve().name}/ of the folder shared/ beside the repository"
        )
    given = json.loads(path.read_text(encoding="utf-8"))
    return TariffInstance.of(
        durations=given["durations"],
        demands=given["demands"],
        capacities=given["capacities"],
        prices=given["prices"],
        edges=given["edges"],
        earliest=given["earliest_start"],
        latest=given["latest_start"],
    )


def test_schedules_only_get_cheaper_and_are_all_valid() -> None:
    instance = medium()
    told: list[Result] = []
    result = solve(instance, Limits(work=1.0), told.append)
    costs = [each.cost for each in told]
    assert len(told) > 3
    assert costs == sorted(costs, key=lambda each: -(each or 0))
    assert len(set(costs)) == len(costs)
    for each in told:
        assert each.starts is not None
        assert instance.faults(each.starts) == []
        assert cost(instance, each.starts) == each.cost
        assert each.first_plan_seconds == told[0].first_plan_seconds
    assert result.cost == costs[-1]
    assert result.status is Status.FEASIBLE
    assert result.cost is not None
    assert 13_000 < result.lower_bound < result.cost
    assert result.gap == pytest.approx((result.cost - result.lower_bound) / result.cost)


def test_schedules_that_earn_money_get_cheaper_too() -> None:
    instance = medium()
    earning = replace(instance, prices=instance.prices - 60)
    told: list[Result] = []
    result = solve(earning, Limits(work=1.0), told.append)
    assert result.cost is not None
    assert told[0].cost is not None
    # Every schedule takes the same units of demand, so the whole thing is the same but for a constant.
    constant = int(60 * (instance.demands.sum(axis=1) * instance.durations).sum())
    assert result.cost < 0
    assert result.cost + constant < 16_000 < told[0].cost + constant
    assert result.lower_bound + constant > 13_000


@pytest.mark.parametrize("tasks", [50, 100])
def test_the_same_work_and_seed_give_the_same_plan(tasks: int) -> None:
    instance = medium(tasks)
    first, second, other = (solve(instance, Limits(work=0.6, seed=seed)) for seed in (3, 3, 4))
    assert (first.starts, first.lower_bound) == (second.starts, second.lower_bound)
    assert other.starts != first.starts


def test_merged_schedules_reach_the_best_that_is_known() -> None:
    """4861 is the best known; annealing alone ends between 4885 and 4940."""
    result = solve(medium(50), Limits(work=3.0))
    assert result.cost is not None
    assert result.cost <= 4870


def test_a_gap_that_is_wide_enough_ends_the_search() -> None:
    instance = medium()
    result = solve(instance, Limits(seconds=60.0, gap=0.5))
    assert result.gap is not None
    assert result.gap <= 0.5
    assert result.seconds < 60.0


def test_a_cancelled_search_returns_what_it_has() -> None:
    instance = medium()
    told: list[Result] = []
    result = solve(instance, Limits(seconds=None, cancelled=lambda: len(told) > 2), told.append)
    assert result.status is Status.FEASIBLE
    assert result.cost == told[-1].cost


def test_importing_loads_neither_solver_nor_compiler() -> None:
    code = (
        "import sys, planner.tariff; print([m for m in ('numpy', 'numba', 'ortools') if m in sys.modules]);"
        "from planner.tariff import solve; print([m for m in ('numba', 'ortools') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "[]"]
