"""Approvals: questions to people, their answers, and what happens without one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from definitions.block import ApprovalProgram
from definitions.calls import StepFailure
from definitions.errors import DecisionRefused, LongpoleError
from definitions.input_schema import input_problems
from definitions.json_values import json_problems
from definitions.messages import Decision
from definitions.model import Approval
from definitions.nearest import did_you_mean
from definitions.open_state import ApprovalState
from definitions.values import contains_deferred, pack
from definitions.wording import named
from workflows.frames import OpenStep
from workflows.moments import iso

if TYPE_CHECKING:
    from workflows.controls import Controls

MAX_VALUES_BYTES = 256 * 1024
"""What the values of a decision may take."""


class Approvals:
    """The approvals of one run that are open."""

    def __init__(self, controls: Controls) -> None:
        self._controls = controls
        self._stepping = controls.stepping

    def begin(self, opened: OpenStep, control: ApprovalProgram, now: float) -> None:
        """Ask. Raises `LongpoleError` where references lead nowhere, and for what can't be shown."""
        approval, scope = control.approval, opened.frame.scope
        message, values = control.message.resolve(scope), control.values.resolve(scope)
        if not isinstance(message, str):
            raise LongpoleError(
                "the message of the approval is no text, or holds a value of over 64 KiB",
                code="bad_message",
                remedy="put large values into `values`",
            )
        if approval.form is not None and contains_deferred(values):
            raise LongpoleError(
                "the values of the approval are over 64 KiB, which a form can't be checked with",
                code="values_too_large",
                remedy="leave `form` out, or show less",
            )
        opened.state.approval = ApprovalState(message, values, now)
        opened.frame.state.steps[opened.step_id].waiting_for = "approval"
        self._stepping.tell("approval.requested", now, opened.path, **_shown(approval, opened.state.approval))
        if approval.timeout is not None:
            self._controls.timers.begin(opened, "expires", approval.timeout, now)

    def all_open(self) -> list[dict[str, Any]]:
        """What is asked now: `step_id` (its path), `message`, `approvers`, `values` and `slots`, `form`,
        `requested_at` (Unix seconds) and `expires_at` (null: never)."""
        told = []
        for path, opened in self._controls.opened.items():
            approval, asked = opened.compiled.step.approval, opened.state.approval
            if approval is not None and asked is not None:
                expires = opened.state.timers.get("expires")
                times = {"requested_at": asked.requested_at, "expires_at": expires.due if expires else None}
                told.append({"step_id": path, **_shown(approval, asked), **times})
        return told

    def check(self, path: str, decision: Decision) -> None:
        """Raises `DecisionRefused` for an answer that can't be taken: nothing is asked there, not by them, or with
        values that break the form."""
        self._answered(path, decision)

    def decided(self, path: str, decision: Decision, now: float) -> None:
        """Somebody has answered. Raises `DecisionRefused`."""
        opened, approval, values = self._answered(path, decision)
        self._answer(opened, approval, decision, values, now)

    def expired(self, opened: OpenStep, now: float) -> None:
        """Nobody has answered in time."""
        approval, asked = opened.compiled.step.approval, opened.state.approval
        if approval is None or asked is None:
            return
        if approval.on_timeout == "fail":
            message = f"nobody answered within {approval.timeout:g} s"
            self._controls.fail(opened, StepFailure(message=message, error_class="timeout"), now)
            return
        decision = Decision(approval.on_timeout == "approve", comment="nobody answered in time")
        self._answer(opened, approval, decision, asked.values, now)

    def _answered(self, path: str, decision: Decision) -> tuple[OpenStep, Approval, Any]:
        """The step, and the values as they are then."""
        opened = self._controls.opened.get(path)
        approval = opened.compiled.step.approval if opened is not None else None
        asked = opened.state.approval if opened is not None else None
        if opened is None or approval is None or asked is None or opened.closing:
            known = [each["step_id"] for each in self.all_open()]
            remedy = did_you_mean(path, known) or (f"open are {named(known)}" if known else "nothing is asked now")
            raise DecisionRefused(f"step {path[:200]!r} is no open approval", code="not_an_approval", remedy=remedy)
        if approval.approvers and decision.by not in approval.approvers:
            who = repr(decision.by[:200]) if decision.by else "somebody without a name"
            raise DecisionRefused(
                f"{who} is none of the approvers of {path!r}",
                code="not_an_approver",
                remedy=f"{named(approval.approvers, 'or')} may answer",
            )
        values = asked.values if decision.values is None else self._changed(approval, asked, decision.values)
        if approval.form is not None and (decision.approved or decision.values is not None):
            problems = input_problems(approval.form, values, "form")
            if problems:
                raise _values_refused("; ".join(str(problem) for problem in problems[:5]))
        return opened, approval, values

    @staticmethod
    def _changed(approval: Approval, asked: ApprovalState, changed: Mapping[str, Any]) -> dict[str, Any]:
        problems = json_problems(changed, max_bytes=MAX_VALUES_BYTES)
        if problems:
            raise _values_refused("; ".join(str(problem) for problem in problems[:5]))
        unknown = [key for key in changed if key not in asked.values] if approval.form is None else []
        if unknown:
            remedy = did_you_mean(unknown[0], asked.values) or f"values are {named(asked.values) or 'none'}"
            raise _values_refused(f"{unknown[0][:80]!r} is no value of this approval", remedy)
        return {**asked.values, **changed}

    def _answer(self, opened: OpenStep, approval: Approval, decision: Decision, values: Any, now: float) -> None:
        by, comment = decision.by, decision.comment
        self._stepping.tell("approval.decided", now, opened.path, approved=decision.approved, by=by, comment=comment)
        if not decision.approved and approval.on_reject == "fail":
            message = f"it was rejected{f' by {by}' if by else ''}{f': {comment}' if comment else ''}"
            self._controls.fail(opened, StepFailure(message=message, error_class="rejected"), now)
            return
        output = {"approved": decision.approved, "by": by, "at": iso(now), "comment": comment, "values": values}
        self._controls.finish(opened, output, now)


def _shown(approval: Approval, asked: ApprovalState) -> dict[str, Any]:
    values, slots = pack(asked.values)
    shown = {"message": asked.message, "approvers": list(approval.approvers), "values": values, "slots": slots}
    return {**shown, "form": dict(approval.form)} if approval.form is not None else shown


def _values_refused(why: str, remedy: str = "") -> DecisionRefused:
    return DecisionRefused(f"these values can't be taken: {why}", code="values_invalid", remedy=remedy)
