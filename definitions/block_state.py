"""The state of steps, and of the instances of blocks that they are in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any

from definitions.calls import StepFailure, StepOutcome, StepStatus
from definitions.values import pack, unpack

UPSTREAM_FAILED = "upstream_failed"
BLOCK_FAILED = "block_failed"
"""The reason of what is cancelled since another step of its block, or of a block around it, has failed."""


@dataclass(slots=True)
class StepState:
    """What the run knows of one step. Times are Unix seconds of the workflow's clock."""

    status: StepStatus = "pending"
    reason: str = ""
    """Why it was skipped, cancelled or counts as completed: `condition`, `upstream_failed`, `upstream_skipped`,
    `not_needed`, `recovered`, `abandoned`, `block_failed`, or what the canceller said."""
    started_at: float | None = None
    completed_at: float | None = None
    starts: int = 0
    earlier_starts: int = 0
    """Those of them that were before the run was continued."""
    attempts: int = 0
    lost: int = 0
    error: StepFailure | None = None
    usage: dict[str, float] = field(default_factory=dict)
    artifacts: list[dict[str, Any]] = field(default_factory=list)
    settled: bool = False
    """Ended, its error handler included: what waits for it may go on."""
    recorded: bool = False
    """The store has how it ended (`definitions.recorded_steps`)."""
    waiting_for: str = ""
    """What an open step waits for: `event:NAME`, `approval`, `until 2026-07-02T22:00:00+00:00`."""

    @property
    def fails_dependants(self) -> bool:
        """Whether what depends on it can't run."""
        return self.status == "failed" or (self.status == "skipped" and self.reason == UPSTREAM_FAILED)

    def to_json(self) -> dict[str, Any]:
        """Only what differs from a new step: a checkpoint of many steps stays small."""
        values = ((name, getattr(self, name)) for name in _DEFAULTS)
        return {name: value for name, value in values if value != _DEFAULTS[name]}


_DEFAULTS = asdict(StepState())


class SharedState(StepState):
    """The state of many steps, of which nothing more is known: a large run has few others, so that taking and reading
    a checkpoint hardly costs more than its ids. It is never changed: `BlockState.own` gives a step a state of its
    own."""

    __slots__ = ()

    def __init__(self, status: StepStatus, reason: str = "", *, recorded: bool = False) -> None:
        for name, value in {**asdict(StepState(status, reason)), "settled": recorded, "recorded": recorded}.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{name!r} of a state that steps share is changed: take it by `own`")


PENDING: StepState = SharedState("pending")
"""Of all steps that nothing has happened to."""


@dataclass(slots=True)
class BlockState:
    """One instance of a block: an iteration of a loop, the block of a branch, or the outermost steps."""

    steps: dict[str, StepState]
    """By id, in the block's order."""
    outputs: dict[str, Any] = field(default_factory=dict)
    """Outputs of completed steps; what nothing can need any more may have been dropped."""
    failures: list[str] = field(default_factory=list)
    """Steps that settled as failed, in that order."""
    given: Any = None
    """Of an iteration: its item; with `while` the result of the one before."""

    def own(self, step_id: str) -> StepState:
        """The state of a step, to be changed."""
        step = self.steps[step_id]
        if type(step) is SharedState:
            step = self.steps[step_id] = StepState(step.status, step.reason, settled=step.settled)
        return step

    def set_status(self, step_id: str, status: StepStatus) -> StepState:
        """Change a step's status. The store does not have how it ends then."""
        step = self.own(step_id)
        step.status = status
        step.recorded = False
        return step

    def packed_outputs(self) -> dict[str, list[Any]]:
        """The outputs as a checkpoint has them."""
        return {step_id: list(pack(output)) for step_id, output in self.outputs.items()}

    def outcome(self, step_id: str, prefix: str = "") -> StepOutcome:
        """One step as the final record tells it; `prefix`: what its path begins with."""
        step = self.steps[step_id]
        told = StepOutcome(
            step_id=prefix + step_id,
            status=step.status,
            attempts=step.attempts,
            started_at=step.started_at,
            completed_at=step.completed_at,
        )
        # A step that has not begun again since the run was continued must not be taken for its last start.
        start = step.starts if step.starts > step.earlier_starts else step.earlier_starts + 1
        if start > 1:
            told["start"] = start
        if step.reason:
            told["reason"] = step.reason
        if step.lost:
            told["lost"] = step.lost
        if step.error is not None:
            told["error"] = step.error
        if step.usage:
            told["usage"] = step.usage
        if step.artifacts:
            told["artifacts"] = step.artifacts
        if step_id in self.outputs:
            output, slots = pack(self.outputs[step_id])
            told["output"] = output
            if slots:
                told["slots"] = slots
        return told

    def to_json(self) -> dict[str, Any]:
        """What has happened in it, as JSON."""
        return {
            "steps": {
                step_id: changed
                for step_id, step in self.steps.items()
                if type(step) is StepState and (changed := step.to_json())
            },
            "recorded": grouped(self.steps),
            "outputs": self.packed_outputs(),
            "failures": self.failures,
            "given": list(pack(self.given)),
        }

    @classmethod
    def from_json(cls, step_ids: tuple[str, ...], told: Mapping[str, Any]) -> BlockState:
        """What `to_json` wrote. Raises `KeyError` for an id that is none of these."""
        state = cls(dict.fromkeys(step_ids, PENDING))
        for step_id, step in ungrouped(told.get("recorded", [])).items():
            _ = state.steps[step_id]
            state.steps[step_id] = step
        for step_id, changed in told["steps"].items():
            _ = state.steps[step_id]
            state.steps[step_id] = StepState(**changed)
        for step_id, packed in told["outputs"].items():
            _ = state.steps[step_id]
            state.outputs[step_id] = unpack(*packed)
        for step_id in told["failures"]:
            _ = state.steps[step_id]
            state.failures.append(step_id)
        state.given = unpack(*told.get("given", (None, [])))
        return state


# -- steps whose outcome the store has: what is left of them is shared, and told in groups ------


@lru_cache(1024)
def recorded_state(status: StepStatus, reason: str) -> StepState:
    """All that a run needs to know of a step whose outcome is recorded: one object for all that ended alike."""
    return SharedState(status, reason, recorded=True)


def grouped(steps: Mapping[str, StepState]) -> list[list[Any]]:
    """Of those steps `[status, reason, ids]` for each way in which they ended."""
    groups: dict[tuple[str, str], list[str]] = {}
    for step_id, step in steps.items():
        if step is not PENDING and type(step) is SharedState:
            groups.setdefault((step.status, step.reason), []).append(step_id)
    return [[status, reason, ids] for (status, reason), ids in groups.items()]


def ungrouped(groups: Iterable[list[Any]]) -> dict[str, StepState]:
    """What `grouped` was given."""
    return {step_id: recorded_state(status, reason) for status, reason, ids in groups for step_id in ids}
