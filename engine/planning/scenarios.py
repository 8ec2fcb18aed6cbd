"""What if: the same request with something changed, planned from the plan that is there, and compared with it."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from definitions.errors import LongpoleError
from definitions.moments import parse_when
from definitions.nearest import did_you_mean
from engine.planning.case import Case, open_case
from engine.planning.request import Request
from planner import Limits, Plan, Problem, solve
from planner.occupancy import NEAR

_NEXT = re.compile(r",\s*(?=(?:pools|steps|workflow)\.|(?:deadline|budget)=)")
_REMEDY = (
    "write pools.gpu=3, pools.gpu.price.per_hour=0.5, steps.train.estimated_duration=1h, "
    "workflow.max_parallel_steps=4, deadline=... or budget=..., several with commas"
)


class ScenarioInvalid(LongpoleError):
    """A `what if` that can't be read, or that changes what is not there."""

    default_code = "scenario_invalid"


@dataclass(frozen=True, slots=True)
class Change:
    """One value that is another: `path` as it was written, e.g. `pools.gpu`."""

    path: str
    value: Any


@dataclass(frozen=True, slots=True)
class Comparison:
    """A scenario next to the plan in force."""

    scenario: str
    plan: Plan
    saves_seconds: float
    """By how much it is shorter; 0 where one of the two is no plan."""
    saves_cost: float
    moved: int | None
    """Steps that start at another moment; None where one of the two is no plan."""


def parse_scenario(text: str, read: Any) -> tuple[Change, ...]:
    """The changes in `pools.gpu=3,deadline=08:00`; `read` makes a value of a text. Raises `ScenarioInvalid`."""
    changes: list[Change] = []
    for piece in _NEXT.split(text):
        path, equals, value = piece.partition("=")
        if not equals or not path.strip() or not value.strip():
            raise ScenarioInvalid(f"what if {text!r}: {piece!r} is no change", remedy=_REMEDY)
        changes.append(Change(path.strip(), read(value.strip())))
    return tuple(changes)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A request with something changed, ready to be planned."""

    text: str
    """As it was written."""
    problem: Problem


def open_scenario(case: Case, text: str, changes: Iterable[Change]) -> Scenario:
    """Raises `ScenarioInvalid` for what is not there, and what `open_case` raises for what makes no sense."""
    return Scenario(text, open_case(changed(case, changes)).problem)


def changed(case: Case, changes: Iterable[Change]) -> Request:
    """The request with something changed. Raises `ScenarioInvalid` for what is not there."""
    request = case.request
    for change in changes:
        request = _changed(case, request, change)
    return request


def compare(plan: Plan, scenario: Scenario, limits: Limits) -> Comparison:
    """Plan the scenario, from the plan in force where there is one."""
    problem = scenario.problem
    other = solve(problem if plan.schedule is None else replace(problem, current=plan), limits)
    if other.schedule is None or plan.schedule is None:
        return Comparison(scenario.text, other, 0.0, 0.0, None)
    moved = sum(
        abs(assignment.start - plan.assignments[task].start) > NEAR for task, assignment in other.assignments.items()
    )
    seconds, cost = _clean(plan.makespan - other.makespan), _clean(plan.cost - other.cost)
    return Comparison(scenario.text, other, seconds, cost, moved)


def _changed(case: Case, request: Request, change: Change) -> Request:
    kind, _, rest = change.path.partition(".")
    if kind == "pools" and rest:
        pools = copy.deepcopy(dict(request.pools or {"pools": {}}))
        name, keys = _named(rest, pools["pools"], "pool", change.path)
        if not keys and not isinstance(change.value, Mapping):
            keys = ["capacity"]
        given = pools["pools"][name]
        if not isinstance(given, dict):  # a pool may be written as its capacity alone
            pools["pools"][name] = given = {"capacity": given}
        if keys[:1] == ["price"] and len(keys) > 1 and not isinstance(given.get("price", {}), dict):
            given["price"] = {"per_hour": given["price"]}
        _put(given, keys, change)
        return replace(request, pools=pools)
    if kind == "steps" and rest:
        task, keys = _named(rest, case.steps, "step", change.path)
        planned = case.steps[task]
        number = case.workflows.index(planned.workflow)
        document = copy.deepcopy(dict(request.workflows[number]))
        step = next(each for each in document["steps"] if each["id"] == planned.step.id)
        if not keys or keys[0] == "id":
            raise ScenarioInvalid(f"what if {change.path}: name a field of the step", remedy=_REMEDY)
        _put(step, keys, change)
        return _with_workflow(request, number, document)
    if kind == "workflow" and rest and len(request.workflows) == 1:
        document = copy.deepcopy(dict(request.workflows[0]))
        _put(document, rest.split("."), change)
        return _with_workflow(request, 0, document)
    if change.path == "deadline":
        zone = request.start.tzinfo
        assert zone is not None  # noqa: S101 - a request's start is aware
        return replace(request, deadline=parse_when(str(change.value), now=request.start, zone=zone))
    if change.path == "budget" and isinstance(change.value, int | float) and change.value >= 0:
        return replace(request, budget=float(change.value))
    raise ScenarioInvalid(f"what if {change.path}={change.value} can't be done", remedy=_REMEDY)


def _named(rest: str, known: Mapping[str, Any], what: str, path: str) -> tuple[str, list[str]]:
    """The name that a path begins with, which may have dots itself, and what follows."""
    for name in sorted(known, key=len, reverse=True):
        if rest == name:
            return name, []
        if rest.startswith(f"{name}."):
            return name, rest[len(name) + 1 :].split(".")
    remedy = did_you_mean(rest.partition(".")[0], known) or f"there are {', '.join(list(known)[:10]) or 'none'}"
    raise ScenarioInvalid(f"what if {path}: there is no such {what}", remedy=remedy)


def _put(target: dict[str, Any], keys: list[str], change: Change) -> None:
    if not keys:
        target.update(change.value)
        return
    for key in keys[:-1]:
        inner = target.setdefault(key, {})
        if not isinstance(inner, dict):
            raise ScenarioInvalid(f"what if {change.path}: `{key}` has nothing in it", remedy=_REMEDY)
        target = inner
    target[keys[-1]] = change.value


def _with_workflow(request: Request, number: int, document: Mapping[str, Any]) -> Request:
    workflows = list(request.workflows)
    workflows[number] = document
    return replace(request, workflows=tuple(workflows))


def _clean(number: float) -> float:
    return 0.0 if abs(number) <= NEAR else number
