"""What goes into and out of the runner and the workflow, beside what crosses to activities (`definitions.calls`).

Here and not in `workflows/`, because the sandbox executes that package anew for every run: making these classes again
took as long as everything else in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from definitions.calls import ChildCall, RunStatus, StepCall, StepFailure
from definitions.values import BlobRef

INTERPRETER_VERSION = 3
"""One integer for every change of the runner or the workflow that an open run could notice."""

WORKFLOW_TYPE = "DagWorkflow"
CLEANUP_TYPE = "Cleanup"
DEFAULT_GRACE_SECONDS = 10.0


@dataclass(frozen=True)
class RunInput:
    """The one argument of `DagWorkflow`: a run is pinned to the definition it carries."""

    execution_id: str
    definition: dict[str, Any]
    """The core definition document (`definitions.model.Definition`), or what stands for it (`by_reference`)."""
    digest: str
    input: Any = None
    """The run's input as JSON, without what `slots` put back (`definitions.values`)."""
    slots: list[Any] = field(default_factory=list)
    workflow_id: str = ""
    revision: int = 1
    owner: str = ""
    interpreter: int = INTERPRETER_VERSION
    depth: int = 0
    """How many runs are above this one, which each is a step of the one before."""
    changes: int = 0
    """How often the definition was changed since the run began."""
    priority: int | None = None
    """From 0 to 100, where it was changed since the run began."""
    starts_at: float = 0.0
    """The run begins at that Unix time, unless it is rescheduled."""
    step_starts: dict[str, float] = field(default_factory=dict)
    """As `Timetable.steps`."""
    checkpoint: dict[str, Any] | None = None
    """The state to go on from (`definitions.run_state.RunState.checkpoint`), or what stands for it."""
    max_history_events: int = 0
    """How long one history may become; 0: as long as the interpreter thinks best."""


@dataclass(frozen=True)
class Timetable:
    """When a run and its steps may start at the earliest, as Unix times."""

    start: float = 0.0
    steps: dict[str, float] = field(default_factory=dict)
    """By the step's id; those that are not named start when their turn comes."""


@dataclass(frozen=True)
class CancelRequest:
    """How to end a run before its time."""

    reason: str = "cancelled"
    grace_seconds: float = DEFAULT_GRACE_SECONDS
    """How long running steps get to end by themselves; what has not ended by then is abandoned."""
    save_partial_results: bool = True
    """Keep the outputs of completed steps as the run's output."""
    fails_as: str = ""
    """The run fails with this error class instead of being cancelled; empty: it is cancelled."""


@dataclass(frozen=True)
class StartStep:
    """Start an activity: type `call.handler`, id `activity_id`."""

    activity_id: str
    call: StepCall
    size: int
    """Bytes that this command adds to the workflow task."""
    local: bool = False
    """As a local activity; not each local step is one (`workflows.local_budget`)."""


@dataclass(frozen=True)
class CancelStep:
    """Tell a running activity that it should end."""

    activity_id: str


@dataclass(frozen=True)
class StartChild:
    """Start another workflow. Answered like an activity of that id, and cancelled by `CancelStep`."""

    activity_id: str
    call: ChildCall
    size: int
    attach: bool = False
    """It was started in an earlier history of this run: follow it to its end. The call has no input then."""


@dataclass(frozen=True)
class StartTimer:
    """Call `timer_fired(timer_id, now)` in so many seconds."""

    timer_id: str
    seconds: float


@dataclass(frozen=True)
class CancelTimer:
    """That timer is not needed any more."""

    timer_id: str


@dataclass(frozen=True)
class ReadItems:
    """Read a part of a list that is kept in blob storage. Answered by `items_read` with one item at least where there
    are any from `start` on, and with as many as fit up to `count`; or by `request_failed`."""

    request_id: str
    ref: BlobRef
    start: int
    count: int


@dataclass(frozen=True)
class StoreValue:
    """Put a list into blob storage. Answered by `value_stored` or `request_failed`."""

    request_id: str
    value: list[Any]
    """As JSON, without what `slots` put back (`definitions.values`)."""
    slots: list[Any]
    after: tuple[BlobRef, ...]
    """Lists in blob storage: what is stored are their items in this order, then those of `value`."""
    size: int


Start = StartStep | StartChild
Command = StartStep | CancelStep | StartChild | StartTimer | CancelTimer | ReadItems | StoreValue


@dataclass(frozen=True)
class Decision:
    """Somebody's answer to an approval."""

    approved: bool
    by: str = ""
    comment: str = ""
    values: dict[str, Any] | None = None
    """What they changed of the values that were shown; None: nothing."""


@dataclass(frozen=True)
class Ending:
    """How a run ended. `output` may hold deferred values (`definitions.values`)."""

    status: RunStatus
    output: Any = None
    error: StepFailure | None = None


Stop = Literal["cancelled", "timed_out", "failed"]
"""Why a run is being brought to an end before all its steps have run."""
