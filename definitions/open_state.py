"""The state of control steps that are open: what a run must know of them to go on in another history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from definitions.block_state import BlockState
from definitions.calls import StepFailure
from definitions.values import BlobRef, pack, unpack


@dataclass(slots=True)
class Timer:
    """When something is due, in Unix seconds; `left` is set while it stands still."""

    due: float
    left: float | None = None


@dataclass(slots=True)
class LoopState:
    """How far a loop has come. The results of iterations 0 to `stored` - 1 are in `chunks`, lists in blob storage."""

    next: int = 0
    """The iteration that starts next."""
    total: int | None = None
    """How many there are; None: not known yet, or never (`while`)."""
    items: list[Any] | BlobRef | None = None
    results: dict[int, Any] = field(default_factory=dict)
    chunks: list[BlobRef] = field(default_factory=list)
    stored: int = 0
    previous: Any = None
    """With `while`: the result of the last iteration."""

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON."""
        return {
            "next": self.next,
            "total": self.total,
            "items": list(pack(self.items)),
            "results": {str(index): list(pack(self.results[index])) for index in sorted(self.results)},
            "chunks": [[chunk.digest, chunk.size, list(chunk.path)] for chunk in self.chunks],
            "stored": self.stored,
            "previous": list(pack(self.previous)),
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> LoopState:
        """What `to_json` wrote."""
        return cls(
            next=told["next"],
            total=told["total"],
            items=unpack(*told["items"]),
            results={int(index): unpack(*packed) for index, packed in told["results"].items()},
            chunks=[BlobRef(digest, size, tuple(path)) for digest, size, path in told["chunks"]],
            stored=told["stored"],
            previous=unpack(*told["previous"]),
        )


@dataclass(slots=True)
class ApprovalState:
    """A question that is open."""

    message: str
    values: Any
    """What is shown; may hold deferred values (`definitions.values`)."""
    requested_at: float


@dataclass(slots=True)
class OpenState:
    """A control step that is open."""

    handled: str | None = None
    """The step whose failure it was started for, as an error handler."""
    failure: StepFailure | None = None
    """What it fails with, as soon as what runs of it has ended."""
    closing: str = ""
    """Why it is cancelled, as soon as what runs of it has ended."""
    child: str = ""
    """The activity id of the workflow that it is."""
    timers: dict[str, Timer] = field(default_factory=dict)
    """`timeout` (of the whole step), `due` (what it waits for) and `expires` (an event's or approval's timeout)."""
    blocks: dict[str, BlockState] = field(default_factory=dict)
    """Instances that are under way, by `then`, `else`, `steps` or the number of the iteration."""
    loop: LoopState | None = None
    approval: ApprovalState | None = None

    def to_json(self) -> dict[str, Any]:
        """What there is of it, as JSON."""
        told: dict[str, Any] = {
            "handled": self.handled,
            "failure": self.failure,
            "closing": self.closing,
            "child": self.child,
            "timers": {kind: [timer.due, timer.left] for kind, timer in self.timers.items()},
            "blocks": {name: block.to_json() for name, block in self.blocks.items()},
        }
        if self.loop is not None:
            told["loop"] = self.loop.to_json()
        if self.approval is not None:
            asked = self.approval
            told["approval"] = [asked.message, list(pack(asked.values)), asked.requested_at]
        return {name: value for name, value in told.items() if value}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> OpenState:
        """What `to_json` wrote, without its blocks: whose steps these have, the definition says."""
        state = cls(
            handled=told.get("handled"),
            failure=told.get("failure"),
            closing=told.get("closing", ""),
            child=told.get("child", ""),
            timers={kind: Timer(*timer) for kind, timer in told.get("timers", {}).items()},
        )
        if "loop" in told:
            state.loop = LoopState.from_json(told["loop"])
        if "approval" in told:
            message, values, requested_at = told["approval"]
            state.approval = ApprovalState(message, unpack(*values), requested_at)
        return state
