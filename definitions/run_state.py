"""The state of a run, and its typed checkpoint.

A checkpoint is keyed by step id, never by position: a step id that the definition does not have is an error, not a step
that is quietly left out.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import lru_cache
from itertools import chain
from typing import Any

from definitions.calls import FINAL_STEP_STATUSES, StepFailure, StepOutcome, StepStatus
from definitions.errors import CheckpointInvalid
from definitions.values import json_size, pack, unpack

CHECKPOINT_VERSION = 2
READABLE_VERSIONS = (1, 2)
UPSTREAM_FAILED = "upstream_failed"


@dataclass(slots=True)
class StepState:
    """What the run knows of one step. Times are Unix seconds of the workflow's clock."""

    status: StepStatus = "pending"
    reason: str = ""
    """Why it was skipped, cancelled or counts as completed: `condition`, `upstream_failed`, `upstream_skipped`,
    `not_needed`, `recovered`, `abandoned`, or what the canceller said."""
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

    @property
    def fails_dependants(self) -> bool:
        """Whether what depends on it can't run."""
        return self.status == "failed" or (self.status == "skipped" and self.reason == UPSTREAM_FAILED)


class StepsWithoutValue:
    """The steps whose values are null in references and conditions: a live view, so that a scope is made once."""

    def __init__(self, steps: Mapping[str, StepState]) -> None:
        self._steps = steps

    def __contains__(self, step_id: object) -> bool:
        step = self._steps.get(str(step_id))
        return step is not None and step.status in ("skipped", "failed", "cancelled")


@dataclass(slots=True)
class RunState:
    """Everything a run needs to go on, in another worker or another history."""

    input: Any
    context: dict[str, Any]
    steps: dict[str, StepState]
    outputs: dict[str, Any] = field(default_factory=dict)
    """Outputs of completed steps; what nothing can need any more may have been dropped."""
    started_at: float = 0.0
    active_seconds: float = 0.0
    """Time that counts towards the run's timeout, up to the last pause or checkpoint."""
    paused: bool = False
    failures: list[str] = field(default_factory=list)
    """Steps that settled as failed, in that order."""
    counts: Counter[str] = field(default_factory=Counter)
    """How many steps have each status; kept as they change, so that telling it costs nothing."""

    @classmethod
    def new(cls, step_ids: Iterable[str], run_input: Any, context: dict[str, Any]) -> RunState:
        """The state of a run before its first step."""
        steps = {step_id: StepState() for step_id in step_ids}
        return cls(input=run_input, context=context, steps=steps, counts=Counter({"pending": len(steps)}))

    def set_status(self, step_id: str, status: StepStatus) -> StepState:
        """Change a step's status and the counts with it."""
        step = self.steps[step_id]
        if step.recorded:  # its state may be shared
            step = self.steps[step_id] = replace(step, recorded=False)
        self.counts[step.status] -= 1
        self.counts[status] += 1
        step.status = status
        return step

    def outcome(self, step_id: str) -> StepOutcome:
        """One step as the final record tells it."""
        step = self.steps[step_id]
        told = StepOutcome(
            step_id=step_id,
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

    def packed_outputs(self) -> dict[str, list[Any]]:
        """The outputs as a checkpoint has them."""
        return {step_id: list(pack(output)) for step_id, output in self.outputs.items()}

    def checkpoint(self) -> dict[str, Any]:
        """The state as JSON, to be taken when nothing is running."""
        packed_input, input_slots = pack(self.input)
        return {
            "version": CHECKPOINT_VERSION,
            "input": packed_input,
            "input_slots": input_slots,
            "context": self.context,
            "steps": {
                step_id: changed
                for step_id, step in self.steps.items()
                if not is_shared(step) and (changed := _changed_fields(step))
            },
            "recorded": grouped(self.steps),
            "outputs": self.packed_outputs(),
            "started_at": self.started_at,
            "active_seconds": self.active_seconds,
            "paused": self.paused,
            "failures": self.failures,
        }

    @classmethod
    def from_checkpoint(cls, step_ids: Iterable[str], checkpoint: dict[str, Any]) -> RunState:
        """The state that `checkpoint` wrote, for the same definition.

        Raises `CheckpointInvalid` for another version, an unknown step id, or a step that was still running.
        """
        checkpoint = _inflated(checkpoint)
        if checkpoint.get("version") not in READABLE_VERSIONS:
            raise CheckpointInvalid(
                f"this checkpoint has version {checkpoint.get('version')!r}, this worker reads {CHECKPOINT_VERSION}",
                remedy="run workers of the version that wrote it, or start the run again",
            )
        known: dict[str, StepState | None] = dict.fromkeys(step_ids)
        recorded = ungrouped(checkpoint.get("recorded", []))
        named = (recorded, checkpoint["steps"], checkpoint["outputs"], checkpoint["failures"])
        unknown = next((step_id for step_id in chain(*named) if step_id not in known), None)
        if unknown is not None:
            raise CheckpointInvalid(
                f"the checkpoint names step {unknown!r}, which the definition does not have",
                remedy="a run goes on only with the definition it started with",
            )
        known.update(recorded)
        for step_id, changed in checkpoint["steps"].items():
            step = StepState(**changed)
            if step.status != "pending" and step.status not in FINAL_STEP_STATUSES:
                raise CheckpointInvalid(f"the checkpoint was taken while step {step_id!r} was {step.status}")
            known[step_id] = step
        steps = {step_id: step or StepState() for step_id, step in known.items()}
        return cls(
            input=unpack(checkpoint["input"], checkpoint["input_slots"]),
            context=checkpoint["context"],
            steps=steps,
            outputs={step_id: unpack(*packed) for step_id, packed in checkpoint["outputs"].items()},
            started_at=checkpoint["started_at"],
            active_seconds=checkpoint["active_seconds"],
            paused=checkpoint["paused"],
            failures=list(checkpoint["failures"]),
            counts=Counter(step.status for step in steps.values()),
        )


def require_room(checkpoint: dict[str, Any], definition: Mapping[str, Any], most: int) -> None:
    """Raises `CheckpointInvalid` (`checkpoint_too_large`) when both together take more than `most` bytes."""
    size = json_size(checkpoint) + json_size(definition)
    if size > most:
        raise CheckpointInvalid(
            f"the run can't go on in a new history: its state takes {size:,} bytes, {most:,} fit",
            code="checkpoint_too_large",
            remedy="let steps return less, or keep less in the context",
        )


def deflated(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """The same checkpoint in about a tenth of the room: that of 10,000 steps has 1.4 MB, and what Temporal takes is
    2 MB with the definition."""
    content = zlib.compress(json.dumps(checkpoint, separators=(",", ":")).encode())
    return {"version": checkpoint["version"], "deflated": base64.b64encode(content).decode()}


def _inflated(checkpoint: dict[str, Any]) -> dict[str, Any]:
    if "deflated" not in checkpoint:
        return checkpoint
    try:
        content = zlib.decompressobj().decompress(base64.b64decode(checkpoint["deflated"]), _MOST_INFLATED)
        inflated: dict[str, Any] = json.loads(content)
    except (zlib.error, ValueError, TypeError) as error:
        raise CheckpointInvalid(f"the checkpoint can't be read: {error}") from None
    return inflated


_MOST_INFLATED = 64 * 1024 * 1024
_DEFAULTS = asdict(StepState())


def _changed_fields(step: StepState) -> dict[str, Any]:
    """Only what differs from a new step: a checkpoint of many steps stays small."""
    values = ((each.name, getattr(step, each.name)) for each in fields(step))
    return {name: value for name, value in values if value != _DEFAULTS[name]}


# -- steps whose outcome the store has: what is left of them is shared, and told in groups ------


@lru_cache(1024)
def shared_state(status: StepStatus, reason: str) -> StepState:
    """All that a run needs to know of a step whose outcome is recorded: one object for all that ended alike."""
    return StepState(status=status, reason=reason, settled=True, recorded=True)


def is_shared(step: StepState) -> bool:
    """Whether nothing more is known of it than how it ended."""
    return step.recorded and step.completed_at is None


def grouped(steps: Mapping[str, StepState]) -> list[list[Any]]:
    """Of those steps `[status, reason, ids]` for each way in which they ended."""
    groups: dict[tuple[str, str], list[str]] = {}
    for step_id, step in steps.items():
        if is_shared(step):
            groups.setdefault((step.status, step.reason), []).append(step_id)
    return [[status, reason, ids] for (status, reason), ids in groups.items()]


def ungrouped(groups: Iterable[list[Any]]) -> dict[str, StepState]:
    """What `grouped` was given."""
    return {step_id: shared_state(status, reason) for status, reason, ids in groups for step_id in ids}
