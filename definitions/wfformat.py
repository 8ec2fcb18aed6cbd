"""WfFormat 1.5 traces (https://wfcommons.org, real runs of Pegasus, Nextflow and Makeflow) to definition documents.

What a trace says of a task that this reads: `workflow.specification.tasks[]` has id, name and parents,
`workflow.execution.tasks[]` has runtimeInSeconds, coreCount and memoryInBytes of the same id.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from definitions.errors import TraceInvalid
from definitions.model import RESERVED_STEP_IDS

VERSION = "1.5"
_MAX_ID = 120
"""Leaves room, within the 128 characters of a step id, for what makes it unique."""
_MIN_TIMEOUT = 300.0
_TIMEOUT_FACTOR = 10.0
_NO_ID = re.compile(r"[^A-Za-z0-9_-]+", re.ASCII)


def from_wfformat(trace: Mapping[str, Any], *, speedup: float = 1.0) -> dict[str, Any]:
    """A definition document in which each task is a step that sleeps for the traced seconds divided by `speedup`.

    Raises `TraceInvalid`, naming the field, for anything that is no WfFormat 1.5 trace.
    """
    if not (math.isfinite(speedup) and speedup > 0):
        raise TraceInvalid(f"a speed-up of {speedup} makes no sense", remedy="give a number over 0")
    if not isinstance(trace, Mapping) or trace.get("schemaVersion") != VERSION:
        found = trace.get("schemaVersion") if isinstance(trace, Mapping) else None
        raise TraceInvalid(
            f"this is no WfFormat {VERSION} trace: schemaVersion is {found!r}", remedy="convert it first"
        )
    tasks = _listed(trace, "workflow.specification.tasks")
    executed = _by_id(_listed(trace, "workflow.execution.tasks"), "workflow.execution.tasks")
    ids = _step_ids(_by_id(tasks, "workflow.specification.tasks"))
    steps = [_step(index, task, executed, ids, speedup) for index, task in enumerate(tasks)]
    name = trace.get("name")
    return {
        "name": name[:200] if isinstance(name, str) and name else "WfFormat trace",
        "description": _description(trace, len(tasks)),
        "steps": steps,
        "tags": ["wfformat"],
    }


def _step(
    index: int, task: Mapping[str, Any], executed: Mapping[str, Any], ids: Mapping[str, str], speedup: float
) -> dict[str, Any]:
    at = f"workflow.specification.tasks[{index}]"
    task_id = task["id"]
    if task_id not in executed:
        raise TraceInvalid(f"{at}: task {task_id!r} is not in workflow.execution.tasks")
    run = executed[task_id]
    seconds = _number(run, "runtimeInSeconds", task_id)
    if seconds is None:
        raise TraceInvalid(f"task {task_id!r} has no runtimeInSeconds in workflow.execution.tasks")
    parents = task.get("parents", [])
    if not isinstance(parents, list):
        raise TraceInvalid(f"{at}.parents is not a list")
    for parent in parents:
        if not isinstance(parent, str) or parent not in ids:
            raise TraceInvalid(f"{at}.parents: there is no task {str(parent)[:128]!r}")
    scaled = seconds / speedup
    resources = {
        "cpu_cores": _number(run, "coreCount", task_id),
        "memory_gb": _scaled(_number(run, "memoryInBytes", task_id), 1e-9),
    }
    return {
        "id": ids[task_id],
        "name": task_id,
        "handler": "sleep",
        "depends_on": [ids[parent] for parent in dict.fromkeys(parents)],
        "input": {"seconds": scaled},
        "timeout": max(_MIN_TIMEOUT, scaled * _TIMEOUT_FACTOR),
        "estimated_duration": scaled,
        "resources": {key: value for key, value in resources.items() if value is not None},
    }


def _listed(trace: Mapping[str, Any], path: str) -> list[Mapping[str, Any]]:
    value: Any = trace
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    if not isinstance(value, list) or not value:
        raise TraceInvalid(f"{path} is missing or empty", remedy=f"a WfFormat {VERSION} trace lists its tasks there")
    return value


def _by_id(tasks: list[Mapping[str, Any]], path: str) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for index, task in enumerate(tasks):
        task_id = task.get("id") if isinstance(task, Mapping) else None
        if not isinstance(task_id, str) or not task_id:
            raise TraceInvalid(f"{path}[{index}] has no id")
        if task_id in found:
            raise TraceInvalid(f"{path}[{index}]: the id {task_id!r} is there twice")
        found[task_id] = task
    return found


def _step_ids(tasks: Mapping[str, Any]) -> dict[str, str]:
    """Task id -> a valid step id, unique, as like the task's as can be."""
    taken = set(RESERVED_STEP_IDS)
    ids: dict[str, str] = {}
    for task_id in tasks:
        slug = _NO_ID.sub("_", task_id)[:_MAX_ID]
        slug = slug if re.match(r"[A-Za-z_]", slug) else f"_{slug}"
        unique, count = slug, 1
        while unique in taken:
            count += 1
            unique = f"{slug}_{count}"
        taken.add(unique)
        ids[task_id] = unique
    return ids


def _number(run: Mapping[str, Any], key: str, task_id: str) -> float | None:
    value = run.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e18:
        raise TraceInvalid(f"task {task_id!r}: {key} is {str(value)[:40]}, which is no number from 0 up")
    return float(value)


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _description(trace: Mapping[str, Any], tasks: int) -> str:
    system = trace.get("runtimeSystem")
    ran_by = f", run by {system['name']}" if isinstance(system, Mapping) and isinstance(system.get("name"), str) else ""
    return f"A traced run of {tasks} tasks{ran_by}."
