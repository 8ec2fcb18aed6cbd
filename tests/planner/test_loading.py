"""What is loaded when: nobody waits for a solver or a compiler before the problem needs it."""

from __future__ import annotations

import subprocess
import sys

import pytest

_LOADED = (
    "print(sorted(name for name in ('numba', 'numpy', 'ortools', 'pydantic', 'zoneinfo') if name in sys.modules))\n"
)


def lines(script: str) -> list[str]:
    """What a process of its own prints."""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    return done.stdout.splitlines()


def test_what_fits_its_pools_is_answered_without_a_solver_being_loaded() -> None:
    script = (
        "import sys\n"
        "from planner import Demand, Mode, Pool, Precedence, Problem, Task, solve\n"
        "tasks = [Task(str(i), (Mode(60, (Demand('p', 1),)),)) for i in range(5)]\n"
        "plan = solve(Problem(tasks, [Precedence('0', '4')], [Pool('p', 5)]))\n"
        "print(plan.status, plan.method, float(plan.makespan), plan.analysis.critical)\n"
    )
    assert lines(script + _LOADED) == ["optimal critical_path 120.0 ('0', '4')", "[]"]


def test_importing_public_names_loads_neither_solver_nor_compiler() -> None:
    # simulations are arrays, so their names alone bring numpy
    script = (
        "import sys\n"
        "import planner\n"
        "arrays = {'Distribution', 'Simulation', 'simulate'}\n"
        "[getattr(planner, name) for name in planner.__all__ if name not in arrays]\n"
        "print(planner.repair.__module__, planner.what_if.__module__, planner.explain.__module__)\n"
    )
    assert lines(script + _LOADED) == ["planner.repairing planner.comparing planner.infeasibility", "[]"]


def test_names_are_the_same_whichever_way_they_are_imported() -> None:
    script = (
        "from planner.repairing import repair as first\n"
        "from planner.comparing import what_if as second\n"
        "from planner import repair, what_if\n"
        "print(first is repair, second is what_if)\n"
    )
    assert lines(script) == ["True True"]


def test_a_repair_at_once_needs_no_solver() -> None:
    script = (
        "import sys\n"
        "from planner import Demand, Mode, Pool, Problem, Progress, Task, repair, solve\n"
        "tasks = [Task(str(i), (Mode(60, (Demand('p', 1),)),)) for i in range(5)]\n"
        "problem = Problem(tasks, (), [Pool('p', 5)])\n"
        "mended = repair(problem, solve(problem), 30, {'0': Progress(0, duration=100)})\n"
        "print(mended.status, float(mended.makespan))\n"
    )
    assert lines(script + _LOADED) == ["feasible 100.0", "[]"]


@pytest.mark.parametrize("objective", ["Objective()", "Objective(cost=1)", "Objective(duration=1, cost=1)"])
def test_the_first_plan_is_told_before_a_search_loads_or_compiles_anything(objective: str) -> None:
    script = (
        "import sys\n"
        "from planner import Demand, Limits, Mode, Objective, Pool, Precedence, PricePeriod\n"
        "from planner import Problem, Tariff, Task, solve\n"
        "tasks = [Task(str(i), (Mode(600 + 60 * i, (Demand('p', 1 + i % 3),)),)) for i in range(40)]\n"
        "arcs = [Precedence(str(i), str(i + 8)) for i in range(32)]\n"
        "night = Tariff(1.0, (PricePeriod(3600, 90000, 0.5),))\n"
        "told = []\n"
        "def tell(plan):\n"
        "    if not told:\n"
        f"        {_LOADED}"
        "    told.append(plan)\n"
        f"problem = Problem(tasks, arcs, [Pool('p', 4, price=night)], objective={objective})\n"
        "solve(problem, Limits(seconds=None, cancelled=lambda: bool(told)), tell)\n"
    )
    assert lines(script) == ["[]"]


def test_what_was_compiled_ahead_is_not_compiled_again() -> None:
    script = (
        "from planner.compile_ahead import compile_all\n"
        "compile_all()\n"
        "from planner import dispatching\n"
        "from planner.makespan import evolution, expansion\n"
        "from planner.rolling import reinsertion, ruin\n"
        "from planner.tariff import moves\n"
        "loops = [dispatching.run_all, evolution._evolve, expansion.expand, reinsertion.construct, ruin.improve]\n"
        "loops.append(moves.anneal)\n"
        "print([bool(each.stats.cache_hits) for each in loops], [len(each.stats.cache_misses) for each in loops])\n"
    )
    lines(script)
    assert lines(script) == [f"{[True] * 6} {[0] * 6}"]
