"""What is to be planned, as documents: checked when it becomes a `case`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from definitions.errors import ProblemsError
from definitions.pools import PoolsDocument
from planner import Objective
from planner.objective import SHORTEST

DEFAULT_DURATION = 60.0
"""Seconds that a step is planned with which says nothing about its duration."""


class RequestInvalid(ProblemsError):
    """A planning request that makes no sense."""

    default_code = "planning_request_invalid"
    subject = "the planning request"


@dataclass(frozen=True, slots=True)
class Request:
    """Workflows to be planned together on the pools that they share."""

    workflows: tuple[Mapping[str, Any], ...]
    """Definition documents."""
    start: datetime
    """Aware: moment 0 of the plan."""
    pools: Mapping[str, Any] | PoolsDocument | None = None
    """A pools document, or one that was read; None: there is enough of everything, and it costs nothing."""
    deadline: datetime | None = None
    """Aware: nothing may end later."""
    objective: Objective = SHORTEST
    budget: float | None = None
    """The money that everything may cost together."""
    default_duration: float = DEFAULT_DURATION
