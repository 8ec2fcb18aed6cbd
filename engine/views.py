"""What the engine tells of stored things, in the core's words. Surfaces translate these; no row is ever shown as it is.

Times are timezone-aware UTC; durations are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from definitions.model import Definition


@dataclass(frozen=True)
class StoredDefinition:
    """One revision of a stored definition."""

    workflow_id: str
    name: str
    version: int
    """Counts the templates of one name and owner."""
    revision: int
    digest: str
    document: dict[str, Any]
    """The core definition as JSON."""
    is_active: bool = True
    created_at: datetime | None = None
    updated_at: datetime | None = None
    source: dict[str, Any] | None = field(default=None, compare=False)
    """The document as it was given; None where it was not asked for."""
    owner: str = ""
    surface: str = ""
    """Whose words `source` is in."""
    activation: str = "active"
    """`draft`: it never was active; `active`, `paused`."""

    @cached_property
    def definition(self) -> Definition:
        """The definition itself."""
        return Definition.model_validate(self.document)

    @property
    def schedule(self) -> Any:
        """What the document as it was given says of its schedule; None: nothing."""
        return (self.source or {}).get("schedule")


@dataclass(frozen=True)
class StepView:
    """A step of a run: its last attempt, and how many there were."""

    step_id: str
    title: str
    status: str
    attempts: int = 0
    max_attempts: int = 1
    started_at: datetime | None = None
    completed_at: datetime | None = None
    duration_seconds: float | None = None
    error_message: str | None = None
    error_class: str | None = None
    reason: str = ""
    progress: float | None = None
    progress_label: str = ""
    usage: dict[str, float] = field(default_factory=dict)
    measured: dict[str, float] = field(default_factory=dict)
    """What its worker saw it use (`activities.metering.Use.told`), if it was looked at."""
    artifacts: tuple[dict[str, Any], ...] = ()
    output: Any = None


@dataclass(frozen=True)
class InnerSteps:
    """A page of the steps inside of a run's control steps: their ids are paths, e.g. `docs[3].analyse`."""

    steps: tuple[StepView, ...]
    counts: dict[str, int]
    """How many there are in all, by status."""

    @property
    def total(self) -> int:
        """How many there are on all pages."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class AttemptView:
    """One attempt of a step; attempt 0 stands for a step that never ran."""

    id: UUID
    step_id: str
    status: str
    start: int
    attempt: int
    max_attempts: int
    input: Any
    output: Any
    error_message: str | None
    error_class: str | None
    error_traceback: str | None
    will_retry: bool
    started_at: datetime | None
    completed_at: datetime | None
    duration_seconds: float | None
    reason: str


@dataclass(frozen=True)
class Execution:
    """A run. `steps`, the outermost ones, is empty in lists."""

    execution_id: str
    workflow_id: str
    name: str
    version: str
    """The author's label; empty in lists."""
    revision: int
    status: str
    owner: str
    priority: int
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    duration_seconds: float | None
    input: Any
    output: Any
    error: dict[str, Any] | None
    tags: tuple[str, ...] = ()
    steps: tuple[StepView, ...] = ()
    timeout_at: datetime | None = None
    """When its timeout is over; a pause moves it on once the run is resumed."""
    context: Any = None
    """The shared context at its end; None before."""
    prepared: bool = False
    """Stored, and not to be run before it is released."""
    parent_execution_id: str | None = None
    """The run that this one is a step of; None: it was started by itself."""
    parent_step: str | None = None
    """The path of that step."""
    forked_from: str | None = None
    """The run that this one is a rerun of: it was begun with outputs of that one."""


@dataclass(frozen=True)
class Continuation:
    """A run that was over and goes on from what is done. Step ids in the definition's order; each is in one of these.

    `decided_again`: what was skipped by its condition or for what it reads, and error handlers that may be needed once
    more. Milestones count as steps."""

    execution_id: str
    reused: tuple[str, ...]
    """Completed, or recovered by an error handler: they keep their outputs and don't run again."""
    run_again: tuple[str, ...]
    """Failed, cancelled, never begun, or skipped because of one that failed."""
    decided_again: tuple[str, ...]


@dataclass(frozen=True)
class StepDifference:
    """How a step of another version differs from the one of the run."""

    step_id: str
    difference: str
    """`added`, `removed` or `changed`."""
    fields: tuple[str, ...] = ()
    """What was changed in it."""


@dataclass(frozen=True)
class Rerun:
    """What a rerun reuses and runs; step ids in the definition's order, each in one of the three."""

    execution_id: str
    """Of the new run; empty: it was only asked what it would do."""
    forked_from: str
    workflow_id: str
    version: str
    """The author's label of the definition that it goes by."""
    revision: int
    reused: tuple[str, ...]
    runs: Mapping[str, str]
    """Why each step runs: `chosen`, `has no output`, `definition changed`, `input changed`, `downstream of X`."""
    decided_again: tuple[str, ...]
    """What was skipped and, as things are, will be; error handlers, which run only if what they handle fails."""
    must_be_allowed: tuple[str, ...] = ()
    """Steps that say `at_most_once`, have begun, and would begin again: refused unless `repeat` names them."""
    differences: tuple[StepDifference, ...] = ()
    """Between the definition that the run went by and the one that the rerun goes by."""


@dataclass(frozen=True)
class ChangedRun:
    """A run that was changed while it goes on."""

    execution_id: str
    digest: str
    """Of the definition that it goes by now."""
    changes: int
    """How often its definition was changed since it began."""


@dataclass(frozen=True)
class Event:
    """Something that happened in a run; sequence numbers count from 1 without gaps."""

    sequence: int
    type: str
    at: datetime
    step_id: str | None
    data: dict[str, Any]


@dataclass(frozen=True)
class LogLine:
    """One line that a step logged; ids grow."""

    id: int
    at: datetime
    level: str
    step_id: str | None
    attempt: int | None
    message: str
    metadata: dict[str, Any]
