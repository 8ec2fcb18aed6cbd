"""What a plan is judged by, as it is written on a command line or in a request."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from definitions.errors import LongpoleError
from definitions.nearest import did_you_mean
from planner import Objective
from planner.objective import PARTS, SHORTEST

NAMED: Mapping[str, Objective] = MappingProxyType(
    {
        "makespan": SHORTEST,
        "cost": Objective(lexicographic=("cost", "duration")),
        "balanced": Objective(duration=0.5, cost=0.3, balance=0.2),
        "completion": Objective(completion=1.0),
    }
)
"""`cost`: the cheapest, and of the cheapest the shortest. `completion`: each workflow early, by its priority."""
_ALIASES = {"makespan": "duration"}
_REMEDY = (
    f"write {', '.join(NAMED)}, an order (`cost,duration`: first the one, then the other) "
    f"or weights (`duration=0.5,cost=0.5`) of {', '.join(PARTS)}"
)


class ObjectiveInvalid(LongpoleError):
    """An objective that can't be read."""

    default_code = "objective_invalid"


def parse_objective(text: str) -> Objective:
    """A named objective, an order of parts (`cost,duration`) or weights (`duration=0.7,cost=0.3`).

    Raises `ObjectiveInvalid`.
    """
    name = text.strip().lower()
    if name in NAMED:
        return NAMED[name]
    weighted: dict[str, Any] = {}
    ordered: list[str] = []
    for item in name.split(","):
        part, equals, number = (piece.strip() for piece in item.partition("="))
        part = _ALIASES.get(part, part)
        if part not in PARTS:
            remedy = did_you_mean(part, [*NAMED, *PARTS]) or _REMEDY
            raise ObjectiveInvalid(f"there is no objective {item.strip()!r}", remedy=remedy)
        if part in weighted or part in ordered:
            raise ObjectiveInvalid(f"the objective names `{part}` twice", remedy="name each part once")
        if equals:
            weighted[part] = _weight(item, number)
        else:
            ordered.append(part)
    if weighted and ordered:
        message = f"{text!r} has parts with a weight and parts without"
        raise ObjectiveInvalid(message, remedy=_REMEDY)
    return Objective(**weighted) if weighted else Objective(lexicographic=tuple(ordered))


def objective_text(objective: Objective) -> str:
    """How `parse_objective` would read it."""
    for name, known in NAMED.items():
        if known == objective:
            return name
    if objective.lexicographic:
        return ",".join(objective.lexicographic)
    return ",".join(f"{name}={weight:g}" for name, weight in objective.weights.items())


def _weight(item: str, number: str) -> float:
    try:
        weight = float(number)
    except ValueError:
        weight = -1.0
    if not 0 < weight < 1e9:
        raise ObjectiveInvalid(f"{item.strip()!r}: {number!r} is no weight", remedy="write a number over 0")
    return weight
