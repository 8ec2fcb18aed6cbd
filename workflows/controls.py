"""Control steps: how they open, hold frames, and end. Each kind but the blocks of a branch is a file of its own.

A control step fails as soon as something in it has failed and what runs of it has ended: nothing new of it starts
meanwhile, and what only waits in it is cancelled at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from definitions.block import (
    ApprovalProgram,
    Block,
    BranchProgram,
    ChildProgram,
    LoopProgram,
    ParallelProgram,
    StepProgram,
    WaitProgram,
    block_named,
    path_prefix,
)
from definitions.block_state import BLOCK_FAILED, PENDING, BlockState
from definitions.calls import StepFailure, brief, failed_by
from definitions.errors import LongpoleError
from definitions.messages import StartChild
from definitions.open_state import OpenState
from workflows.approvals import Approvals
from workflows.frames import Frame, OpenStep, inner_scope
from workflows.loops import Loops
from workflows.sub_workflows import SubWorkflows
from workflows.timers import Timers
from workflows.waits import Waits

if TYPE_CHECKING:
    from workflows.stepping import Stepping


class Controls:
    """The control steps of one run that are open."""

    def __init__(self, stepping: Stepping) -> None:
        self.stepping = stepping
        self.opened: dict[str, OpenStep] = {}
        """By path."""
        self.frames: dict[str, Frame] = {"": stepping.root}
        """By what the path ids of their steps begin with."""
        self.timers = Timers(self)
        self.loops = Loops(self)
        self.waits = Waits(self)
        self.approvals = Approvals(self)
        self.sub_workflows = SubWorkflows(self)

    # -- opening ------

    def begin(self, frame: Frame, compiled: StepProgram, handled: str | None, now: float) -> None:
        """A control step begins; one that takes a slot begins with `start_child`."""
        opened = self._add(frame, compiled, OpenState(handled=handled))
        frame.state.set_status(opened.step_id, "running").starts += 1
        frame.in_flight += 1
        self._tell("step.started", opened, now)
        self._watch(opened, now)
        control = compiled.control
        try:
            if isinstance(control, BranchProgram):
                self._open_branch(opened, control, now)
            elif isinstance(control, ParallelProgram):
                self.open_frame(opened, control.body, "steps", now)
            elif isinstance(control, LoopProgram):
                self.loops.begin(opened, control)
            elif isinstance(control, WaitProgram):
                self.waits.begin(opened, control, now)
            elif isinstance(control, ApprovalProgram):
                self.approvals.begin(opened, control, now)
        except LongpoleError as error:
            self.fail(opened, failed_by(error), now)

    def start_child(
        self, frame: Frame, compiled: StepProgram, activity_id: str, run_input: Any, handled: str | None, now: float
    ) -> StartChild | None:
        """Another workflow begins, as an activity of that id that runs already."""
        opened = self._add(frame, compiled, OpenState(handled=handled, child=activity_id))
        self._tell("step.started", opened, now)
        self._watch(opened, now)
        return self.sub_workflows.start(opened, run_input, now)

    def _add(self, frame: Frame, compiled: StepProgram, state: OpenState) -> OpenStep:
        path = frame.prefix + compiled.step.id
        opened = OpenStep(frame, compiled, path, state, self.stepping.state.begun.get(path))
        self.stepping.state.open[opened.path] = state
        self.opened[opened.path] = opened
        frame.opened[opened.step_id] = opened
        return opened

    def _watch(self, opened: OpenStep, now: float) -> None:
        timeout = opened.compiled.step.timeout
        if timeout is not None:
            self.timers.begin(opened, "timeout", timeout, now)

    def _open_branch(self, opened: OpenStep, control: BranchProgram, now: float) -> None:
        if control.test.test(opened.frame.scope):
            self.open_frame(opened, control.then, "then", now)
        elif control.otherwise is not None:
            self.open_frame(opened, control.otherwise, "else", now)
        else:
            self.finish(opened, None, now)

    def open_frame(
        self,
        opened: OpenStep,
        block: Block,
        name: str,
        now: float,
        *,
        place: int = 0,
        given: Any = None,
        loop: Mapping[str, Any] | None = None,
    ) -> None:
        """An instance of a block begins. `place`: which of them, `given`: what a checkpoint keeps of `loop`."""
        begun = opened.begun.blocks.pop(name, None) if opened.begun is not None else None
        state = begun or BlockState({})
        for step_id in block.order:  # some may be new since it was said what is done
            state.steps.setdefault(step_id, PENDING)
        state.given = given
        opened.state.blocks[name] = state
        frame = self._add_frame(opened, block, state, name, place, loop)
        self.stepping.set_out(frame, self.stepping.count(frame), now)

    def _add_frame(
        self,
        opened: OpenStep,
        block: Block,
        state: BlockState,
        name: str,
        place: int,
        loop: Mapping[str, Any] | None,
    ) -> Frame:
        around, control = opened.frame, opened.compiled.control
        frame = Frame(
            block,
            state,
            inner_scope(around.scope, state, around.scope.loop if loop is None else loop),
            prefix=path_prefix(control, opened.path, name),
            key=(*around.key, opened.compiled.index, place),
            within=opened,
            name=name,
            limit=control.limit if isinstance(control, ParallelProgram) else None,
        )
        opened.frames[name] = self.frames[frame.prefix] = frame
        return frame

    def frames_by(self, root: Block) -> Iterator[tuple[Frame, Block]]:
        """All frames there are, each after the one around it, and their blocks by a definition of these steps."""
        places = deque([(self.stepping.root, root)])
        while places:
            frame, block = places.popleft()
            yield frame, block
            for step_id, opened in frame.opened.items():
                for name, inside in opened.frames.items():
                    inner = block_named(block.steps[step_id].control, name)
                    if inner is not None:
                        places.append((inside, inner))

    # -- ending ------

    def finish(self, opened: OpenStep, output: Any, now: float) -> None:
        """A control step has a result."""
        self._forget(opened)
        self._tell("step.completed", opened, now)
        self.stepping.complete(opened.frame, opened.step_id, opened.state.handled, output, now)

    def fail(self, opened: OpenStep, failure: StepFailure, now: float, *, cancel: str = "") -> None:
        """A control step fails, as soon as what runs of it has ended; with `cancel`, that is told to, and why."""
        if opened.ended or (opened.closing and not cancel):
            return
        if not opened.closing:
            opened.state.failure = failure
        self._close_inside(opened, cancel, now)

    def close_all(self, frame: Frame, cancel: str, now: float) -> None:
        """Cancel the control steps that are open in a frame; without `cancel`, what runs in them goes on to its end."""
        for opened in list(frame.opened.values()):
            if not (opened.ended or opened.closing):
                opened.state.closing = cancel or BLOCK_FAILED
            if not opened.ended:
                self._close_inside(opened, cancel, now)

    def _close_inside(self, opened: OpenStep, cancel: str, now: float) -> None:
        for frame in list(opened.frames.values()):
            self._close_frame(frame, cancel, now)
        if cancel and opened.state.child:
            self.stepping.cancel_activity(opened.state.child)
        self._settle_if_idle(opened, now)

    def _close_frame(self, frame: Frame, cancel: str, now: float) -> None:
        frame.closed = True
        frame.cancel_reason = frame.cancel_reason or cancel
        self.close_all(frame, cancel, now)
        if cancel:
            self.stepping.cancel_frame(frame)
        self.end_if_idle(frame, now)

    def member_failed(self, frame: Frame, step_id: str, now: float) -> None:
        """A step of a frame has failed for good: so does the control step, unless it is a loop that goes on."""
        opened = frame.within
        if opened is None or frame.closed:
            return
        control = opened.compiled.control
        if isinstance(control, LoopProgram) and control.goes_on:
            self._close_frame(frame, "", now)
            return
        stops_all = self.stepping.program.definition.fail_fast
        cancel = f"step {frame.prefix + step_id!r} failed" if stops_all else ""
        self.fail(opened, failure_inside(frame, step_id), now, cancel=cancel)

    def end_if_idle(self, frame: Frame, now: float) -> None:
        """A frame ends when all of its steps have settled or, once it is closed, when none is under way any more."""
        opened = frame.within
        if opened is None or frame.ended or not (frame.unsettled == 0 or (frame.closed and not frame.in_flight)):
            return
        frame.ended = True
        self.stepping.settled_inside += (
            frame.state.outcome(step_id, frame.prefix)
            for step_id, step in frame.state.steps.items()
            if step.status != "pending"
        )
        del opened.frames[frame.name], opened.state.blocks[frame.name], self.frames[frame.prefix]
        if opened.closing:
            self._settle_if_idle(opened, now)
        elif isinstance(opened.compiled.control, LoopProgram):
            self.loops.iteration_ended(opened, opened.compiled.control, frame, now)
        else:
            self.finish(opened, frame.block.result(frame.state.outputs), now)

    def child_ended(
        self, frame: Frame, step_id: str, now: float, *, completed: bool = False, failure: StepFailure | None = None
    ) -> bool:
        """The activity of a step has ended; if that was another workflow, whether it was to fail anyhow, and has."""
        opened = frame.opened.get(step_id)
        if opened is None:
            return False
        self._forget(opened)
        if opened.state.failure is not None:
            self._fail_at_last(opened, opened.state.failure, now)
            return True
        if completed:
            self._tell("step.completed", opened, now)
        elif failure is not None:
            self._tell_failure(opened, failure, now)
        return False

    def _settle_if_idle(self, opened: OpenStep, now: float) -> None:
        if opened.ended or opened.frames or opened.state.child or not opened.closing:
            return
        self._forget(opened)
        if opened.state.failure is not None:
            self._fail_at_last(opened, opened.state.failure, now)
        else:
            handled = opened.state.handled
            self.stepping.cancelled(opened.frame, opened.step_id, handled, opened.state.closing, now)

    def _fail_at_last(self, opened: OpenStep, failure: StepFailure, now: float) -> None:
        self._tell_failure(opened, failure, now)
        self.stepping.fail(opened.frame, opened.step_id, opened.state.handled, failure, now)

    def _tell_failure(self, opened: OpenStep, failure: StepFailure, now: float) -> None:
        self._tell("step.failed", opened, now, **brief(failure))

    def _tell(self, event_type: str, opened: OpenStep, now: float, **data: Any) -> None:
        start = opened.frame.state.steps[opened.step_id].starts
        self.stepping.tell(event_type, now, opened.path, start=start, **data)

    def _forget(self, opened: OpenStep) -> None:
        opened.ended = True
        frame = opened.frame
        if not opened.state.child:
            frame.in_flight -= 1  # that of a child is counted as what runs
        frame.state.steps[opened.step_id].waiting_for = ""
        self.timers.end_all(opened)
        self.stepping.state.begun.pop(opened.path, None)
        del self.opened[opened.path], self.stepping.state.open[opened.path], frame.opened[opened.step_id]
        if opened.state.handled is not None:
            self.stepping.handling.ended(opened.step_id)

    # -- going on from a checkpoint ------

    def restore(self, frame: Frame, now: float) -> list[tuple[Frame, list[str]]]:
        """Open again what was open in a frame, in the order of its steps. Returns this frame and those inside of it,
        each counted, with the steps that wait for nothing."""
        counted = [(frame, self.stepping.count(frame))]
        for step_id, step in frame.state.steps.items():
            if step.status != "running":
                continue
            compiled = frame.block.steps[step_id]
            opened = self._add(frame, compiled, self.stepping.state.open[frame.prefix + step_id])
            frame.in_flight += 1
            if frame.limit is not None:
                frame.admitted[step_id] = None
            self.timers.restore(opened, now)
            control = compiled.control
            if isinstance(control, ChildProgram):
                self.sub_workflows.restore(opened)
            elif isinstance(control, WaitProgram):
                self.waits.restore(opened, control)
            elif isinstance(control, LoopProgram):
                self.loops.restore(opened)
            for name, state in opened.state.blocks.items():
                counted += self._restore_frame(opened, name, state, now)
        return counted

    def _restore_frame(
        self, opened: OpenStep, name: str, state: BlockState, now: float
    ) -> list[tuple[Frame, list[str]]]:
        control = opened.compiled.control
        block = block_named(control, name)
        if block is None:
            raise ValueError(f"{opened.path} has no block {name!r}")  # reading the checkpoint refuses it
        loop, place = None, 0
        if isinstance(control, LoopProgram):
            place = int(name)
            loop = self.loops.values(opened, control, place, state.given)
        frame = self._add_frame(opened, block, state, name, place, loop)
        frame.closed = opened.closing or opened.frame.closed or bool(state.failures)
        return self.restore(frame, now)


def failure_inside(frame: Frame, step_id: str) -> StepFailure:
    """The failure of a step, as that of the control step around it: it names the innermost step that failed."""
    error = frame.state.steps[step_id].error or StepFailure()
    told = brief(error)
    path = frame.prefix + step_id
    if "at" in error:
        told["at"] = error["at"]
    else:
        told["message"] = f"step {path!r} failed: {told['message'] or 'no reason was given'}"
        told["at"] = path
    return told
