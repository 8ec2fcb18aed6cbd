"""Steps whose turn has come, in the order in which they take it: that of the definition, then of the iterations."""

from __future__ import annotations

import heapq

from definitions.block import StepProgram
from definitions.program import Program
from definitions.run_state import RunState
from workflows.frames import Frame

MAX_IN_FLIGHT = 200
"""More than a few hundred activities at once make a run slower, and 2,000 make it hang."""

Turn = tuple[tuple[int, ...], int, Frame]
"""The key of a frame, the index of a step in its block, and the frame."""


class Turns:
    """Three queues, as the outermost steps need no more than their index."""

    __slots__ = ("inner", "openings", "outermost")

    def __init__(self) -> None:
        self.outermost: list[int] = []
        """Outermost steps that take a slot (`StepProgram.takes_slot`)."""
        self.inner: list[Turn] = []
        """Steps in blocks that take a slot."""
        self.openings: list[Turn] = []
        """Control steps that take none."""

    def add(self, frame: Frame, compiled: StepProgram) -> None:
        """The turn of a step has come; in a block with a limit, as soon as there is room."""
        if frame.within is None and (compiled.control is None or compiled.takes_slot):
            heapq.heappush(self.outermost, compiled.index)
        elif frame.limit is not None and len(frame.admitted) >= frame.limit:
            heapq.heappush(frame.held, compiled.index)
        else:
            if frame.limit is not None:
                frame.admitted[compiled.step.id] = None
            heapq.heappush(self.inner if compiled.takes_slot else self.openings, (frame.key, compiled.index, frame))

    def let_another_in(self, frame: Frame, step_id: str) -> None:
        """A step of a block with a limit has ended."""
        if step_id in frame.admitted:
            del frame.admitted[step_id]
            if frame.held and not frame.closed:
                self.add(frame, frame.block.steps[frame.block.order[heapq.heappop(frame.held)]])

    def forget(self, frame: Frame) -> None:
        """The turns of its steps are counted anew."""
        if frame.within is None:
            self.outermost.clear()
        for queue in (self.inner, self.openings):
            queue[:] = [turn for turn in queue if turn[2] is not frame]
            heapq.heapify(queue)


def most_in_flight(program: Program, state: RunState) -> int:
    """How many steps of a run may be in flight at once."""
    limit = state.max_parallel or program.definition.max_parallel_steps
    return min(limit, MAX_IN_FLIGHT) if limit else MAX_IN_FLIGHT
