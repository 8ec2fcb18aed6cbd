"""What crosses between a workflow and its activities: plain data, named once, imported by both sides.

Workflow code names activities by these strings and never imports them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

from definitions.errors import LongpoleError

RECORD_EVENTS = "longpole.record_events"
REQUEST_CANCEL = "longpole.request_cancel"
RECORD_STEPS = "longpole.record_steps"
OFFLOAD_OUTPUTS = "longpole.offload_outputs"
STORE_CHECKPOINT = "longpole.store_checkpoint"
PREPARE_CHILD = "longpole.prepare_child"
FOLLOW_CHILD = "longpole.follow_child"
READ_ITEMS = "longpole.read_items"
STORE_LIST = "longpole.store_list"

CLEAN_UP = "longpole.clean_up"

SUBMIT_OUTCOME = "longpole_submit_outcome"
"""A function of the worker's that workflow code calls, outside of the sandbox, with the pages of a run's outcome."""

StepStatus = Literal["pending", "running", "completed", "failed", "skipped", "cancelled"]
RunStatus = Literal[
    "scheduled", "pending", "running", "paused", "cancelling", "completed", "failed", "timed_out", "cancelled"
]
FINAL_RUN_STATUSES: frozenset[str] = frozenset({"completed", "failed", "timed_out", "cancelled"})
FINAL_STEP_STATUSES: frozenset[str] = frozenset({"completed", "failed", "skipped", "cancelled"})


@dataclass(frozen=True)
class Cleanup:
    """Removing what a run leaves behind. `keep_artifacts`: not the files that completed steps have named."""

    execution_id: str
    keep_artifacts: bool


@dataclass(frozen=True)
class StepCall:
    """The one argument of a step's activity. Times in seconds."""

    execution_id: str
    step_id: str
    handler: str
    input: Any
    """The resolved input as JSON, without what `slots` put back (`definitions.values`)."""
    slots: list[Any] = field(default_factory=list)
    title: str = ""
    iteration: str = ""
    start: int = 1
    """1 for activity id `step`, n for `step#n`."""
    timeout: float = 3600.0
    max_attempts: int = 1
    initial_interval: float = 1.0
    backoff_coefficient: float = 2.0
    max_interval: float = 300.0
    retry_on_timeout: bool = True
    retry_on_errors: list[str] | None = None
    at_most_once: bool = False
    context: dict[str, Any] | None = None

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt of this step in this run."""
        return f"{self.execution_id}/{self.step_id}{self.iteration}"


MOST_RUNS_ABOVE = 10
"""How many runs a run may be inside of, each a step of the one before."""


@dataclass(frozen=True)
class ChildCall:
    """What a step that is another workflow is started with. Its execution id follows from the first three fields."""

    execution_id: str
    """The parent's."""
    step_id: str
    """The path of the step, e.g. `docs[3].analyse`."""
    start: int
    """1 for activity id `step`, n for `step#n`."""
    workflow: str
    """The name of a stored definition."""
    version: str | None
    """The author's label; None: the newest active one."""
    input: Any
    """The child's input as JSON, without what `slots` put back (`definitions.values`)."""
    slots: list[Any] = field(default_factory=list)
    depth: int = 1
    """How deep the child is: 1 for that of a run which is nobody's."""
    title: str = ""


class PreparedChild(TypedDict):
    """What `PREPARE_CHILD` answers: a child that can be started."""

    run_input: dict[str, Any]
    """The argument of its workflow."""
    announcement: dict[str, Any]
    """The fields of a `workflows.announcement.Announcement`."""


class ChildEnd(TypedDict, total=False):
    """What `FOLLOW_CHILD` answers: how a child ended that did not fail."""

    cancelled: bool
    result: Any
    """What its workflow returned."""


class StepResult(TypedDict, total=False):
    """What a step's activity returns; keys with nothing in them are left out to keep histories small."""

    output: Any
    slots: list[Any]
    context: dict[str, Any]
    """What the handler added to the run's context."""
    usage: dict[str, float]
    artifacts: list[dict[str, Any]]
    attempts: int
    """Attempts that count (those lost with a worker do not); left out when 1."""
    lost: int


class StepFailure(TypedDict, total=False):
    """The first detail of the `ApplicationError` a step's activity fails with; its `type` is the error class."""

    message: str
    error_class: str
    traceback: str
    attempts: int
    lost: int
    at: str
    """The path of the step inside of this one that it comes from."""


def failed_by(error: LongpoleError) -> StepFailure:
    """The failure of a step that one of our errors is."""
    return StepFailure(message=str(error), error_class=error.code)


def brief(failure: StepFailure | None) -> StepFailure:
    """The message and the class of a failure, whatever else is known of it."""
    known = failure or StepFailure()
    return StepFailure(message=known.get("message", ""), error_class=known.get("error_class", "error"))


class RunEvent(TypedDict, total=False):
    """Something a watcher of a run may care about that no step attempt tells."""

    type: str
    """`run.paused`, `run.resumed`, `run.cancelling`, `step.skipped`, `step.failed`, `approval.requested`, ..."""
    at: float
    """Unix time, from the workflow's clock."""
    step_id: str
    """The path of the step, e.g. `docs[3].analyse`."""
    data: dict[str, Any]


@dataclass(frozen=True)
class EventBatch:
    """The argument of `RECORD_EVENTS`. `key` makes it safe to deliver more than once."""

    execution_id: str
    key: str
    events: list[RunEvent]
    status: RunStatus | None = None
    changed: dict[str, Any] | None = None
    """The fields of a `RunAsChanged`, where the run is another since these events."""


@dataclass(frozen=True)
class RunAsChanged:
    """A run that was changed while it went on."""

    definition: dict[str, Any] | None
    """The core document that it goes by; None: that it began with."""
    digest: str
    changes: int
    """How often it was changed."""
    priority: int | None
    """None: as it was."""


class StepOutcome(TypedDict, total=False):
    """A step as the workflow knows it at the end of the run."""

    step_id: str
    status: StepStatus
    reason: str
    start: int
    """Which start of the step this tells of; left out when it is the first."""
    attempts: int
    lost: int
    started_at: float | None
    completed_at: float | None
    output: Any
    slots: list[Any]
    error: StepFailure | None
    usage: dict[str, float]
    artifacts: list[dict[str, Any]]


class StepExplanation(TypedDict):
    """Why a step is where it is."""

    step_id: str
    status: StepStatus
    why: str
    """`ended`, `running`, `retry_backoff`, `no_worker`, `dependencies`, `sequential`, `not_needed_yet`,
    `error_handler`, `paused`, `parallel_limit`, `stopping` or `starting`; of control steps that are open `timer`,
    `event`, `approval`, `workflow` or `inside` (what is in it runs)."""
    message: str
    """The same as a sentence."""
    waits_for: list[str]
    """The steps that it waits for, all of them."""


@dataclass(frozen=True)
class OutcomePage:
    """A part of the outcome of a run: steps in pages; the last page carries the run itself."""

    execution_id: str
    steps: list[StepOutcome]
    last: bool
    temporal_run_id: str = ""
    """Another one than before: the run was reset in Temporal and has ended once more."""
    status: RunStatus = "completed"
    output: Any = None
    slots: list[Any] = field(default_factory=list)
    error: StepFailure | None = None
    context: dict[str, Any] | None = None
    started_at: float | None = None
    completed_at: float | None = None
