"""What a schedule hands to its runs: parameters in which `${schedule.time}` and others stand for when a run is due.

So a run that is started late, or filled in afterwards, knows for which time it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from definitions.errors import Problem
from definitions.json_values import field_path
from definitions.nearest import did_you_mean
from definitions.values import Path

_NAME = re.compile(r"\$\{\s*schedule\.([A-Za-z0-9_.]*)\s*\}")
_SAID: Mapping[str, Callable[[datetime, ZoneInfo], str]] = {
    "time": lambda due, _: due.astimezone(UTC).isoformat().replace("+00:00", "Z"),
    "local_time": lambda due, zone: due.astimezone(zone).isoformat(),
    "date": lambda due, zone: due.astimezone(zone).date().isoformat(),
}
"""Name -> what it stands for: the time in UTC and by the schedule's clock, and the day there."""


def filled_in(value: Any, due: datetime, zone: ZoneInfo) -> Any:
    """The same with each `${schedule....}` replaced. `due` is aware."""
    if isinstance(value, str):
        return _NAME.sub(lambda found: _SAID[found[1]](due, zone), value)
    if isinstance(value, Mapping):
        return {key: filled_in(item, due, zone) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [filled_in(item, due, zone) for item in value]
    return value


def parameter_problems(value: Any, *path: str | int) -> list[Problem]:
    """Names that stand for nothing."""
    if isinstance(value, str):
        unknown = [name for name in _NAME.findall(value) if name not in _SAID]
        return [_unknown(name, path) for name in unknown]
    if isinstance(value, Mapping):
        return [problem for key, item in value.items() for problem in parameter_problems(item, *path, key)]
    if isinstance(value, list):
        return [problem for i, item in enumerate(value) for problem in parameter_problems(item, *path, i)]
    return []


def _unknown(name: str, path: Path) -> Problem:
    known = [f"schedule.{each}" for each in _SAID]
    remedy = did_you_mean(f"schedule.{name}", known) or f"use {', '.join(known)}"
    return Problem("bad_reference", field_path(path), f"${{schedule.{name[:40]}}} stands for nothing", remedy)
