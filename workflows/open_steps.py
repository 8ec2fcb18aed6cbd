"""Control steps that are open, for those who look at a run: what each waits for, how far its loop is, what is in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypedDict

from definitions.block import ApprovalProgram, ChildProgram, LoopProgram, WaitProgram
from definitions.wording import named
from workflows.frames import Frame, OpenStep
from workflows.moments import iso
from workflows.runner import Runner

TEXT_LENGTH = 160
"""How much of a name or a message is shown."""


class LoopProgress(TypedDict):
    """How far a loop is."""

    done: int
    under_way: int
    total: int | None
    """None: not known, or never (`while`)."""


def loop_progress(opened: OpenStep) -> LoopProgress | None:
    """Of a loop; None of anything else."""
    loop = opened.state.loop
    if loop is None:
        return None
    return LoopProgress(done=loop.next - len(opened.frames), under_way=len(opened.frames), total=loop.total)


def kind_of(opened: OpenStep) -> str:
    """`timer`, `event`, `approval`, `workflow`, `inside`, or `stopping` once nothing new of it starts."""
    if opened.closing:
        return "stopping"
    control = opened.compiled.control
    if isinstance(control, WaitProgram):
        return "event" if control.wait.event is not None else "timer"
    if isinstance(control, ApprovalProgram):
        return "approval"
    return "workflow" if isinstance(control, ChildProgram) else "inside"


def short(text: str) -> str:
    """As much of a text as is shown."""
    return text if len(text) <= TEXT_LENGTH else f"{text[: TEXT_LENGTH - 3]}..."


def said_of(opened: OpenStep, shown: Callable[[str], str] = short) -> str:
    """What it waits for, in a few words; `shown` makes names and messages of strangers fit to be shown."""
    control, kind = opened.compiled.control, kind_of(opened)
    limit = opened.state.timers.get("expires") or opened.state.timers.get("timeout")
    until = f", until {iso(limit.due)}" if limit is not None and limit.left is None else ""
    if kind == "stopping":
        why = (opened.state.failure or {}).get("message") or opened.state.closing
        return f"ends as soon as what runs in it has ended: {shown(why)}"
    if kind == "timer":
        return f"waits {opened.frame.state.steps[opened.step_id].waiting_for}"
    if isinstance(control, WaitProgram):
        return f"waits for the event `{shown(control.wait.event or '')}`{until}"
    if isinstance(control, ApprovalProgram):
        who = named((shown(each) for each in control.approval.approvers), "or") or "anybody"
        return f"waits for an answer from {who}{until}"
    if isinstance(control, ChildProgram):
        return f"the workflow `{shown(control.workflow.name)}` runs{until}"
    progress = loop_progress(opened)
    if isinstance(control, LoopProgram) and progress is not None:
        of = f" of {progress['total']}" if progress["total"] is not None else ""
        return f"{progress['done']}{of} iterations done, {progress['under_way']} under way{until}"
    return f"what is in it runs{until}"


def under_way(runner: Runner) -> Iterator[tuple[Frame, str]]:
    """All steps that run or are open, wherever they are: first those that take a slot, in the order of their starts."""
    for frame, step_id, _ in runner.running_activities.values():
        yield frame, step_id
    for opened in runner.controls.opened.values():
        if not opened.state.child:
            yield opened.frame, opened.step_id
