from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest

from definitions.errors import TraceInvalid
from definitions.graph import dependencies
from definitions.validation import load
from definitions.wfformat import from_wfformat

TRACES = sorted(
    Path(os.environ.get("LONGPOLE_WFINSTANCES", Path(__file__).parents[3] / "shared" / "wfinstances")).glob("*.json")
)

TRACE: dict[str, Any] = {
    "name": "small",
    "schemaVersion": "1.5",
    "runtimeSystem": {"name": "Pegasus"},
    "workflow": {
        "specification": {
            "tasks": [
                {"id": "a.b:1", "name": "split", "parents": [], "children": ["a.b_1", "loop"]},
                {"id": "a.b_1", "name": "work", "parents": ["a.b:1"], "children": ["9end"]},
                {"id": "loop", "name": "work", "parents": ["a.b:1", "a.b:1"], "children": ["9end"]},
                {"id": "9end", "name": "join", "parents": ["a.b_1", "loop"], "children": []},
            ]
        },
        "execution": {
            "tasks": [
                {"id": "9end", "runtimeInSeconds": 900, "memoryInBytes": 2_000_000_000},
                {"id": "a.b:1", "runtimeInSeconds": 1.5, "coreCount": 4},
                {"id": "a.b_1", "runtimeInSeconds": 0},
                {"id": "loop", "runtimeInSeconds": 3},
            ]
        },
    },
}


def test_tasks_become_steps() -> None:
    made = load(from_wfformat(TRACE, speedup=3))
    assert [step.id for step in made.steps] == ["a_b_1", "a_b_1_2", "loop_2", "_9end"]
    assert [step.title for step in made.steps] == ["a.b:1", "a.b_1", "loop", "9end"]
    assert dependencies(made) == {
        "a_b_1": (),
        "a_b_1_2": ("a_b_1",),
        "loop_2": ("a_b_1",),
        "_9end": ("a_b_1_2", "loop_2"),
    }
    first, *_, last = made.steps
    assert first.input == {"seconds": 0.5}
    assert first.handler == "sleep"
    assert first.resources == {"cpu_cores": 4}
    assert last.resources == {"memory_gb": 2}
    assert last.estimated_duration == 300
    assert last.timeout == 3000
    assert made.name == "small"


def _without(*path: str | int) -> Any:
    trace = copy.deepcopy(TRACE)
    holder: Any = trace
    for key in path[:-1]:
        holder = holder[key]
    del holder[path[-1]]
    return trace


def _with(value: Any, *path: str | int) -> Any:
    trace = copy.deepcopy(TRACE)
    holder: Any = trace
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return trace


_SPECIFIED = ("workflow", "specification", "tasks")
_EXECUTED = ("workflow", "execution", "tasks")


@pytest.mark.parametrize(
    ("trace", "message"),
    [
        ([], "schemaVersion is None"),
        ({}, "schemaVersion is None"),
        (_with("1.4", "schemaVersion"), "schemaVersion is '1.4'"),
        (_without("workflow"), "workflow.specification.tasks is missing"),
        (_with({}, "workflow", "execution"), "workflow.execution.tasks is missing"),
        (_with([], *_SPECIFIED), "missing or empty"),
        (_with("x", *_SPECIFIED, 0), r"specification\.tasks\[0\] has no id"),
        (_without(*_SPECIFIED, 1, "id"), r"specification\.tasks\[1\] has no id"),
        (_with("loop", *_SPECIFIED, 1, "id"), "'loop' is there twice"),
        (_with(["nobody"], *_SPECIFIED, 1, "parents"), "there is no task 'nobody'"),
        (_with("a.b:1", *_SPECIFIED, 1, "parents"), "is not a list"),
        (_without(*_EXECUTED, 3), "'loop' is not in workflow.execution.tasks"),
        (_without(*_EXECUTED, 3, "runtimeInSeconds"), "'loop' has no runtimeInSeconds"),
        (_with(-1, *_EXECUTED, 3, "runtimeInSeconds"), "runtimeInSeconds is -1"),
        (_with("many", *_EXECUTED, 1, "coreCount"), "coreCount is many"),
    ],
)
def test_what_is_no_trace_is_refused(trace: Any, message: str) -> None:
    with pytest.raises(TraceInvalid, match=message):
        from_wfformat(trace)


@pytest.mark.parametrize("speedup", [0, -1, float("nan"), float("inf")])
def test_a_speed_up_is_over_zero(speedup: float) -> None:
    with pytest.raises(TraceInvalid, match="speed-up"):
        from_wfformat(TRACE, speedup=speedup)


@pytest.mark.skipif(not TRACES, reason="no traces at LONGPOLE_WFINSTANCES")
@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.stem)
def test_real_traces_become_definitions(path: Path) -> None:
    trace = json.loads(path.read_text())
    made = load(from_wfformat(trace, speedup=100))
    tasks = trace["workflow"]["specification"]["tasks"]
    assert [step.name for step in made.steps] == [task["id"] for task in tasks]
    name_of = {step.id: step.name for step in made.steps}
    for step, task in zip(made.steps, tasks, strict=True):
        assert {name_of[other] for other in step.depends_on} == set(task["parents"])
