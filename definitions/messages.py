"""What goes into and out of the runner and the workflow, beside what crosses to activities (`definitions.calls`).

Here and not in `workflows/`, because the sandbox executes that package anew for every run: making these classes again
took as long as everything else in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from definitions.calls import RunStatus, StepCall, StepFailure

INTERPRETER_VERSION = 1
"""One integer for every change of the runner or the workflow that an open run could notice."""

WORKFLOW_TYPE = "DagWorkflow"
DEFAULT_GRACE_SECONDS = 10.0


@dataclass(frozen=True)
class RunInput:
    """The one argument of `DagWorkflow`: a run is pinned to the definition it carries."""

    execution_id: str
    definition: dict[str, Any]
    """The core definition document (`definitions.model.Definition`)."""
    digest: str
    input: Any = None
    """The run's input as JSON, without what `slots` put back (`definitions.values`)."""
    slots: list[Any] = field(default_factory=list)
    workflow_id: str = ""
    revision: int = 1
    owner: str = ""
    interpreter: int = INTERPRETER_VERSION
    checkpoint: dict[str, Any] | None = None


@dataclass(frozen=True)
class CancelRequest:
    """How to end a run before its time."""

    reason: str = "cancelled"
    grace_seconds: float = DEFAULT_GRACE_SECONDS
    """How long running steps get to end by themselves; what has not ended by then is abandoned."""
    save_partial_results: bool = True
    """Keep the outputs of completed steps as the run's output."""


@dataclass(frozen=True)
class StartStep:
    """Start an activity: type `call.handler`, id `activity_id`."""

    activity_id: str
    call: StepCall
    size: int
    """Bytes that this command adds to the workflow task."""


@dataclass(frozen=True)
class CancelStep:
    """Tell a running activity that it should end."""

    activity_id: str


Command = StartStep | CancelStep


@dataclass(frozen=True)
class Ending:
    """How a run ended. `output` may hold deferred values (`definitions.values`)."""

    status: RunStatus
    output: Any = None
    error: StepFailure | None = None


Stop = Literal["cancelled", "timed_out", "failed"]
"""Why a run is being brought to an end before all its steps have run."""
