"""When a search ends, and that counted work gives the same schedule each time."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import Future
from dataclasses import replace

import pytest

from planner.limits import Limits
from planner.makespan import Instance, Result, search, solve
from planner.makespan.bounds import precedence_bounds
from planner.makespan.enumeration import schedule_within
from planner.makespan.loading import Kernels
from planner.makespan.packing import pack


def hard(tasks: int = 48) -> Instance:
    """Pieces that don't fill their resources well: nothing is proven soon."""
    numbers = [(7 * n * n + 3 * n) % 11 for n in range(tasks)]
    return Instance(
        durations=tuple((2 + number,) for number in numbers),
        demands=tuple(((2 + number % 5, 1 + (number * 3) % 7),) for number in numbers),
        capacities=(9, 10),
        successors=tuple((task + 5,) if task + 5 < tasks else () for task in range(tasks)),
    )


@pytest.mark.parametrize("seed", [0, 7])
def test_counted_work_gives_the_same_schedule_each_time(seed: int) -> None:
    limits = Limits(work=0.5, seed=seed)
    first, second = (solve(hard(), limits) for _ in range(2))
    same = [replace(result, seconds=0.0, first_plan_seconds=None) for result in (first, second)]
    assert same[0] == same[1]
    assert first.makespan is not None


def test_a_cancelled_search_ends_with_what_it_has() -> None:
    cancelled = threading.Event()

    def tell(result: Result) -> None:
        cancelled.set()

    result = solve(hard(), Limits(seconds=None, cancelled=cancelled.is_set), tell)
    assert result.status in ("feasible", "optimal")


def test_a_gap_that_is_small_enough_ends_the_search() -> None:
    result = solve(hard(), Limits(seconds=None, gap=0.5))
    assert result.gap is not None
    assert result.gap <= 0.5


def test_what_on_plan_raises_reaches_the_caller() -> None:
    class Unwell(Exception):
        pass

    def tell(result: Result) -> None:
        raise Unwell

    with pytest.raises(Unwell):
        solve(hard(), Limits(seconds=5), tell)


def test_the_end_of_an_enumeration_without_room_is_no_proof() -> None:
    instance = hard(30)
    bounds = precedence_bounds(instance)
    packed = pack(instance, bounds)
    answer = schedule_within(instance, bounds, packed, instance.horizon(), 3, lambda _: True)
    assert (answer.starts, answer.complete, answer.full) == (None, False, True)


def run_python(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


EASY = "Instance(((3,), (4,)), (((1,),), ((1,),)), (1,), ((1,), ()))"


def test_what_the_bound_settles_needs_no_large_import() -> None:
    run_python(
        "import sys\nfrom planner.makespan import Instance, solve\n"
        f"assert solve({EASY}).makespan == 7\n"
        "assert not {'numpy', 'numba', 'ortools'} & set(sys.modules), 'a large package was imported'"
    )


def test_without_a_folder_for_the_cache_the_machine_code_is_made_each_time() -> None:
    run_python(
        "from numba.core import caching\n"
        "for kind in [caching.CacheImpl, *caching.CacheImpl.__subclasses__()]:\n    kind._locator_classes = []\n"
        "from planner.machine_code import compiled\n"
        "def double(number):\n    return 2 * number\n"
        "assert compiled(double)(21) == 42"
    )


@pytest.mark.parametrize("workers", [1, 2])
def test_nobody_waits_for_the_compiler_beyond_the_limit(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    never = Kernels(Future(), Future())
    monkeypatch.setattr(search, "kernels_loading", lambda: never)
    result = solve(hard(), Limits(seconds=0.5, workers=workers))
    assert result.status == "feasible"
    assert result.lower_bound > 0
