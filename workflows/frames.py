"""What the runner knows of the instances of blocks and of the control steps that are open: beside their state, which a
checkpoint keeps (`definitions.block_state`, `definitions.open_state`), what follows from it."""

from __future__ import annotations

from collections import ChainMap, deque
from collections.abc import Mapping
from typing import Any

from definitions.block import Block, StepProgram
from definitions.block_state import PENDING, BlockState, StepState
from definitions.open_state import OpenState
from definitions.run_state import StepsWithoutValue
from definitions.scope import Scope
from workflows.retention import OutputRetention


class Frame:
    """One instance of a block: the outermost steps, the block of a branch, an iteration of a loop."""

    __slots__ = (
        *("admitted", "block", "cancel_reason", "closed", "ended", "held", "in_flight", "key", "limit", "name"),
        *("opened", "prefix", "retention", "scope", "settled", "state", "unsettled", "waiting", "within"),
    )

    def __init__(
        self,
        block: Block,
        state: BlockState,
        scope: Scope,
        *,
        prefix: str = "",
        key: tuple[int, ...] = (),
        within: OpenStep | None = None,
        name: str = "",
        limit: int | None = None,
    ) -> None:
        self.block = block
        self.state = state
        self.scope = scope
        self.prefix = prefix
        """What the path ids of its steps begin with."""
        self.key = key
        """Its place among all frames: the turns of steps are taken in this order."""
        self.within = within
        """The control step that it is an instance of a block of; None: the outermost."""
        self.name = name
        self.limit = limit
        """How many of its steps may be under way at once."""
        self.admitted: dict[str, None] = {}
        """With a limit: the steps whose turn has come."""
        self.held: list[int] = []
        """With a limit: the steps that wait for the turn of others to end."""
        self.waiting: dict[str, int] = {}
        """How many steps must settle before each step's turn comes."""
        self.unsettled = 0
        self.in_flight = 0
        """Steps that run, or are open."""
        self.opened: dict[str, OpenStep] = {}
        self.settled: deque[str] = deque()
        self.closed = False
        """Nothing new of it starts."""
        self.cancel_reason = ""
        """Why what runs of it was told to end."""
        self.ended = False
        self.retention = OutputRetention(block, state.outputs)

    def go_by(self, block: Block) -> None:
        """Go by the same block as it is now, with steps that were not in it; all of it is to be counted anew."""
        self.block = block
        for step_id in block.order:
            self.state.steps.setdefault(step_id, PENDING)
        self.retention = OutputRetention(block, self.state.outputs)
        self.admitted = {each: None for each in self.admitted if self.state.steps[each].status == "running"}
        self.held.clear()
        self.unsettled = 0

    def step(self, step_id: str) -> StepState:
        """The state of a step of this frame or of one around it."""
        frame: Frame | None = self
        while frame is not None:
            step = frame.state.steps.get(step_id)
            if step is not None:
                return step
            frame = frame.within.frame if frame.within is not None else None
        raise KeyError(step_id)


class OpenStep:
    """A control step that is open."""

    __slots__ = (
        "begun",
        "compiled",
        "ended",
        "frame",
        "frames",
        "items",
        "kept_bytes",
        "path",
        "prefix_bytes",
        "queued",
        "ready",
        "sizes",
        "state",
        "storing",
    )

    def __init__(
        self, frame: Frame, compiled: StepProgram, path: str, state: OpenState, begun: OpenState | None = None
    ) -> None:
        self.frame = frame
        """The one that it is a step of."""
        self.compiled = compiled
        self.path = path
        self.state = state
        self.begun = begun
        """What of it was done before it began."""
        self.frames: dict[str, Frame] = {}
        self.ended = False
        # of a loop:
        self.queued = False
        """It is in the queue of loops that may go on."""
        self.items: deque[Any] = deque()
        """Items that were read from blob storage, from the next iteration's on."""
        self.ready = 0
        """Results before this index are there or stored."""
        self.prefix_bytes = 0
        """The size of those of them that are not stored or being stored."""
        self.sizes: dict[int, int] = {}
        """Of each result from there on."""
        self.kept_bytes = 0
        """The size of all results that are not stored."""
        self.storing = (0, 0, False)
        """Before which index results are being stored, their size, and whether that is all of them as one list."""

    @property
    def step_id(self) -> str:
        """Its id in its block."""
        return self.compiled.step.id

    @property
    def closing(self) -> bool:
        """Whether it fails or is cancelled as soon as what runs of it has ended."""
        return self.state.failure is not None or bool(self.state.closing)


def inner_scope(around: Scope, state: BlockState, loop: Mapping[str, Any] | None) -> Scope:
    """What the steps of an instance see: their own outputs, then those of the steps around them."""
    outer_outputs = around.step_outputs
    outputs = outer_outputs.maps if isinstance(outer_outputs, ChainMap) else [outer_outputs]
    skipped = around.skipped
    outer_steps = skipped.blocks if isinstance(skipped, StepsWithoutValue) else ()
    return around.within_block(ChainMap(state.outputs, *outputs), StepsWithoutValue(state.steps, *outer_steps), loop)
