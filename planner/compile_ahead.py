"""Makes all machine code of the planner now, so that no search has to wait for it: `python -m planner.compile_ahead`.

Without this the first search that needs some makes it beside what it does meanwhile, once on a machine. It is kept
beside the source, or in the user's cache where that can't be written (`NUMBA_CACHE_DIR` says otherwise).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from planner import Distribution, Mode, Problem, Task, simulate, solve
from planner.makespan.loading import kernels_loading
from planner.rolling.solving import search_loading
from planner.tariff.annealing import Annealer
from planner.tariff.instance import TariffInstance
from planner.tariff.windows import tighten


def compile_all() -> None:
    """Return when everything is there."""
    with ThreadPoolExecutor() as side_by_side:
        done = [side_by_side.submit(each) for each in (_makespan, _tariff, _rolling, _simulation)]
    for each in done:
        each.result()


def _makespan() -> None:
    for kernel in kernels_loading():
        kernel.result()


def _rolling() -> None:
    search_loading().result()


def _tariff() -> None:
    instance = TariffInstance.of(
        durations=[1, 1],
        demands=[[1], [1]],
        capacities=[[1, 1]],
        prices=[[1, 2]],
        edges=[],
        lags=[],
        earliest=[0, 0],
        latest=[1, 1],
    )
    Annealer(instance, tighten(instance))


def _simulation() -> None:
    problem = Problem((Task("a", (Mode(1.0),)), Task("b", (Mode(1.0),))))
    simulate(problem, solve(problem), {"a": Distribution(1.0, 2.0)}, samples=2)


if __name__ == "__main__":
    compile_all()
