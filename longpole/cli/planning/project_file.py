"""`longpole plan --psplib`: PSPLIB and MMLIB files, answered with job numbers as in the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from definitions.errors import DocumentUnreadable
from longpole.cli import exit_codes
from longpole.cli.planning.searching import Search
from planner import Limits
from planner.makespan import Instance, Result, solve
from planner.psplib import read_instance

SUFFIXES = (".sm", ".mm")


def read_project(path: Path) -> Instance:
    """The instance in a file. Raises `DocumentUnreadable`, and `InstanceInvalid` for numbers that make no sense."""
    if path.suffix.lower() not in SUFFIXES:
        raise DocumentUnreadable(f"{path} is not named {' or '.join(SUFFIXES)}", remedy="give a PSPLIB or MMLIB file")
    try:
        return read_instance(path)
    except FileNotFoundError:
        raise DocumentUnreadable(f"there is no file {path}", remedy="check the path") from None
    except OSError as error:
        raise DocumentUnreadable(f"{path} can't be read: {error.strerror}", remedy="check the path") from None
    except DocumentUnreadable as error:
        raise DocumentUnreadable(f"{path}: {error.message}", remedy=error.remedy) from None


def plan_project(path: Path, limits: Limits, console: Console) -> tuple[dict[str, Any], int]:
    """The answer as JSON, and the exit code. Times are in the file's units."""
    instance = read_project(path)
    search: Search[Result] = Search(lambda within, tell: solve(instance, within, tell), limits)
    result = search.run(console, lambda best: Text(f"makespan {best.makespan}, no less than {best.lower_bound}"))
    return _answer(instance, result), exit_codes.of_plan(result.status)


def _answer(instance: Instance, result: Result) -> dict[str, Any]:
    there = result.makespan is not None
    # job 1 and the last one are the dummy jobs that every file has
    last = len(instance) + 2
    starts = {"1": 0, **{str(task + 2): start for task, start in enumerate(result.starts)}}
    answer: dict[str, Any] = {
        "status": result.status.value,
        "makespan": result.makespan,
        "lower_bound": result.lower_bound,
        "start_times": {**starts, str(last): result.makespan} if there else {},
    }
    if instance.budgets or any(len(durations) > 1 for durations in instance.durations):
        modes = {"1": 1, **{str(task + 2): mode + 1 for task, mode in enumerate(result.modes)}, str(last): 1}
        answer["modes"] = modes if there else {}
    return answer
