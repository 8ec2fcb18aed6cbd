"""What somebody wants to have scheduled, in no surface's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from definitions.moments import parse_moment
from definitions.priorities import PRIORITIES
from engine.scheduling.estimates import Estimate


@dataclass(frozen=True, slots=True)
class StartWindow:
    """When a workflow may start and how long it may take. Times are aware; None: no limit."""

    earliest: datetime | None = None
    latest: datetime | None = None
    preferred: datetime | None = None
    longest_seconds: float | None = None
    """From its first start to its last end."""
    split: bool = False
    """Its steps may be apart: it may wait between them for a better price. Without, it runs as one block that waits
    for nothing but its own steps and room in the pools."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A workflow to be scheduled, and on what terms."""

    document: Mapping[str, Any]
    """The core definition, one that has been checked."""
    window: StartWindow = field(default_factory=StartWindow)
    priority: str = "normal"
    budget: float | None = None
    cost_optimization: bool = True
    """False: the preferred start, or else the earliest, whatever it costs."""
    may_preempt: bool = False
    preemptible: bool = True
    estimates: Mapping[str, Estimate] = field(default_factory=dict)
    """Step -> how long it takes, for steps of which more is known than the definition says."""

    @property
    def rank(self) -> int:
        """Its priority as the core's number."""
        return PRIORITIES[self.priority]

    @property
    def pools(self) -> frozenset[str]:
        """The pools that its steps ask for something of."""
        return frozenset(name for step in self.document["steps"] for name in step.get("resources", {}))

    def terms(self) -> dict[str, Any]:
        """All but the definition and what is known of its steps, as JSON."""
        window = self.window
        moments = {name: getattr(window, name) for name in ("earliest", "latest", "preferred")}
        return {
            "priority": self.priority,
            "budget": self.budget,
            "cost_optimization": self.cost_optimization,
            "may_preempt": self.may_preempt,
            "preemptible": self.preemptible,
            "longest_seconds": window.longest_seconds,
            "split": window.split,
            **{name: None if at is None else at.isoformat() for name, at in moments.items()},
        }

    @classmethod
    def on_terms(cls, document: Mapping[str, Any], terms: Mapping[str, Any]) -> Self:
        """A definition on terms as `terms` gave them."""
        moments = {
            name: None if terms[name] is None else parse_moment(terms[name])
            for name in ("earliest", "latest", "preferred")
        }
        return cls(
            document,
            StartWindow(**moments, longest_seconds=terms["longest_seconds"], split=terms["split"]),
            priority=terms["priority"],
            budget=terms["budget"],
            cost_optimization=terms["cost_optimization"],
            may_preempt=terms["may_preempt"],
            preemptible=terms["preemptible"],
        )
