"""The state of a run, and its typed checkpoint.

A checkpoint is keyed by step id (inside of blocks by path), never by position: an id that the definition does not have
is an error, not a step that is quietly left out.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from definitions.block import Block
from definitions.block_state import PENDING, BlockState, StepState
from definitions.calls import StepStatus
from definitions.errors import CheckpointInvalid
from definitions.open_state import OpenState
from definitions.reading_open import read_begun, read_block, read_open, require_fields
from definitions.values import json_size, pack, unpack

CHECKPOINT_VERSION = 3
READABLE_VERSIONS = (1, 2, 3)
"""Version 1 knew no recorded steps, version 2 no control steps."""
_OF_A_RUN = (
    *("input", "input_slots", "context", "steps", "outputs", "failures"),
    *("started_at", "active_seconds", "paused"),
)


class StepsWithoutValue:
    """The steps whose values are null in references and conditions: a live view, so that a scope is made once."""

    def __init__(self, *blocks: Mapping[str, StepState]) -> None:
        self.blocks = blocks
        """The innermost first."""

    def __contains__(self, step_id: object) -> bool:
        for steps in self.blocks:
            step = steps.get(str(step_id))
            if step is not None:
                return step.status in ("skipped", "failed", "cancelled")
        return False


@dataclass(slots=True, kw_only=True)
class RunState(BlockState):
    """Everything a run needs to go on, in another worker or another history: its outermost steps, and more."""

    input: Any
    context: dict[str, Any]
    open: dict[str, OpenState] = field(default_factory=dict)
    """The control steps that are open, by path."""
    begun: dict[str, OpenState] = field(default_factory=dict)
    """By path what control steps that have not begun will find done in them: results of iterations, instances of
    blocks with steps that are done. Of a rerun."""
    events: dict[str, list[Any]] = field(default_factory=dict)
    """Events that nothing has taken yet, by name."""
    event_ids: dict[str, None] = field(default_factory=dict)
    """Ids of events that came in, the last ones."""
    started_at: float = 0.0
    active_seconds: float = 0.0
    """Time that counts towards the run's timeout, up to the last pause or checkpoint."""
    paused: bool = False
    max_parallel: int | None = None
    """The limit of parallel steps, where it was changed while the run goes on and the definition can't say it."""
    counts: Counter[str] = field(default_factory=Counter)
    """How many of its outermost steps have each status; kept as they change, so that telling it costs nothing."""

    @classmethod
    def new(cls, step_ids: Iterable[str], run_input: Any, context: dict[str, Any]) -> RunState:
        """The state of a run before its first step."""
        steps = dict.fromkeys(step_ids, PENDING)
        return cls(input=run_input, context=context, steps=steps, counts=Counter({"pending": len(steps)}))

    def set_status(self, step_id: str, status: StepStatus) -> StepState:
        """Change a step's status and the counts with it."""
        self.counts[self.steps[step_id].status] -= 1
        self.counts[status] += 1
        return BlockState.set_status(self, step_id, status)

    def checkpoint(self) -> dict[str, Any]:
        """The state as JSON, to be taken when nothing runs but what a new history goes on with: waits, approvals, and
        workflows that are steps of this one."""
        packed_input, input_slots = pack(self.input)
        return {
            "version": CHECKPOINT_VERSION,
            "input": packed_input,
            "input_slots": input_slots,
            "context": self.context,
            **self.to_json(),
            "started_at": self.started_at,
            "active_seconds": self.active_seconds,
            "paused": self.paused,
            "max_parallel": self.max_parallel,
            "open": {path: opened.to_json() for path, opened in self.open.items()},
            "begun": {path: begun.to_json() for path, begun in self.begun.items()},
            "events": {name: [list(pack(data)) for data in waiting] for name, waiting in self.events.items()},
            "event_ids": list(self.event_ids),
        }

    @classmethod
    def from_checkpoint(cls, block: Block, checkpoint: dict[str, Any]) -> RunState:
        """The state that `checkpoint` wrote, for the same definition, whose outermost steps are `block`.

        Raises `CheckpointInvalid` for another version, a missing field, an unknown step id, or a step that was still
        running.
        """
        checkpoint = _inflated(checkpoint)
        if checkpoint.get("version") not in READABLE_VERSIONS:
            raise CheckpointInvalid(
                f"this checkpoint has version {checkpoint.get('version')!r}, this worker reads {CHECKPOINT_VERSION}",
                remedy="run workers of the version that wrote it, or start the run again",
            )
        require_fields(checkpoint, _OF_A_RUN)
        root = read_block(block, checkpoint)
        state = cls(
            input=unpack(checkpoint["input"], checkpoint["input_slots"]),
            context=checkpoint["context"],
            steps=root.steps,
            outputs=root.outputs,
            failures=root.failures,
            events={name: [unpack(*data) for data in told] for name, told in checkpoint.get("events", {}).items()},
            event_ids=dict.fromkeys(checkpoint.get("event_ids", ())),
            started_at=checkpoint["started_at"],
            active_seconds=checkpoint["active_seconds"],
            paused=checkpoint["paused"],
            max_parallel=checkpoint.get("max_parallel"),
            counts=Counter(step.status for step in root.steps.values()),
        )
        state.open = read_open(block, root, checkpoint.get("open", {}))
        state.begun = read_begun(block, checkpoint.get("begun", {}))
        return state


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
        content = zlib.decompressobj().decompress(base64.b64decode(checkpoint["deflated"]), MOST_INFLATED)
        inflated: dict[str, Any] = json.loads(content)
    except (zlib.error, ValueError, TypeError) as error:
        raise CheckpointInvalid(f"the checkpoint can't be read: {error}") from None
    return inflated


MOST_INFLATED = 64 * 1024 * 1024
"""Bytes of a checkpoint that is read."""
