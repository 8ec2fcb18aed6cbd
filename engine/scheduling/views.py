"""What is told of scheduled workflows, in no surface's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class ScheduledView:
    """A workflow, its plan in force, and how its run stands. Money is in the pools' currency; times are aware."""

    workflow_id: str
    execution_id: str
    owner: str
    name: str
    description: str
    priority: str
    status: str
    """A core status (`definitions.calls.RunStatus`)."""
    tags: tuple[str, ...]
    created_at: datetime
    planned_start: datetime
    planned_end: datetime
    started_at: datetime | None
    ended_at: datetime | None
    step_count: int
    critical_seconds: float
    estimated_cost: float
    actual_cost: float
    cost_savings: float
    efficiency: float
    conflicts_resolved: int
    times_moved: int
    plan: Mapping[str, Any]
    """As `engine.scheduling.plan_record` has it; empty in lists."""
    error: Mapping[str, Any] | None


@dataclass(frozen=True)
class RunningStep:
    """A step that runs now."""

    step_id: str
    title: str
    progress: float
    """0 to 1: what it says itself, else the share of its planned time."""
    expected_end: datetime


@dataclass(frozen=True)
class Progress:
    """How far a workflow is."""

    view: ScheduledView
    attempts: int
    """How often its run was begun."""
    running: tuple[RunningStep, ...]
    completed: tuple[str, ...]
    """Titles of the steps that have completed, by their end."""
    in_use: Mapping[str, float]
    """Pool -> units that its running steps hold; 0 for those that its plan uses at another time."""


@dataclass(frozen=True)
class Summary:
    """Over all workflows of a user."""

    total: int
    active: int
    completed: int
    savings: float


@dataclass(frozen=True)
class Scheduled:
    """What came of scheduling a workflow, or of planning it anew."""

    view: ScheduledView
    side_by_side: int
    """Pairs of steps that neither waits for, and whose earliest times overlap."""
    recommendations: tuple[str, ...]
    moved: tuple[str, ...] = ()
    """The workflows that made room for it."""
