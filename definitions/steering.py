"""What is said to a run while it goes on, made sense of: events that are sent to it, and answers to approvals.

The same JSON comes by signal, as typed into the Temporal web UI, and by update, where the caller gets an answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypedDict

from definitions.bounded_text import bounded
from definitions.errors import LongpoleError
from definitions.json_values import json_problems
from definitions.messages import Decision

MAX_SAID_BYTES = 64 * 1024
"""Bytes of JSON that an event or an answer may carry."""
MAX_NAME = 200
MAX_COMMENT = 4 * 1024


class SentEvent(NamedTuple):
    """An event on its way into a run."""

    name: str
    data: Any
    event_id: str
    """The same event sent again has the same id; empty: it has none."""


class OpenApproval(TypedDict):
    """An approval that waits for an answer."""

    step: str
    """The path of the step."""
    message: str
    approvers: list[str]
    """Who may answer; empty: anybody."""
    values: Any
    """What is shown, and may be changed by who answers."""
    form: dict[str, Any] | None
    """The JSON Schema of the values."""
    requested_at: float
    """Unix time, as are all here."""
    expires_at: float | None


def sent_event(argument: Any) -> SentEvent:
    """`{"name": ..., "data": ..., "id": ...}`, the last two may be left out.

    Raises `LongpoleError` (`event_invalid`)."""
    code, remedy = "event_invalid", 'send {"name": "...", "data": ...}'
    given = _fields(argument, {"name", "data", "id"}, code=code, remedy=remedy)
    name, event_id = given.get("name"), given.get("id", "")
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME:
        raise LongpoleError(f"`name` is no text of 1 to {MAX_NAME} characters", code=code, remedy=remedy)
    if not isinstance(event_id, str) or len(event_id) > MAX_NAME:
        raise LongpoleError(f"`id` is no text of up to {MAX_NAME} characters", code=code, remedy=remedy)
    _require_small("data", given.get("data"), code)
    return SentEvent(name, given.get("data"), event_id)


def answer_of(argument: Any) -> tuple[str, Decision]:
    """`{"step": path, "approved": true or false, "by": ..., "comment": ..., "values": {...}}`, the last three may be
    left out: the path and the decision. Raises `LongpoleError` (`decision_invalid`)."""
    code, remedy = "decision_invalid", 'send {"step": "...", "approved": true, "by": "..."}'
    given = _fields(argument, {"step", "approved", "by", "comment", "values"}, code=code, remedy=remedy)
    step, approved, values = given.get("step"), given.get("approved"), given.get("values")
    if not isinstance(step, str) or not step:
        raise LongpoleError("`step` is not the path of a step", code=code, remedy=remedy)
    if not isinstance(approved, bool):
        raise LongpoleError("`approved` is neither true nor false", code=code, remedy=remedy)
    texts = {"by": given.get("by") or "", "comment": given.get("comment") or ""}
    for name, text in texts.items():
        if not isinstance(text, str):
            raise LongpoleError(f"`{name}` is no text", code=code, remedy=remedy)
    if values is not None and not isinstance(values, dict):
        raise LongpoleError("`values` is no object", code=code, remedy='give {"name": value, ...}')
    _require_small("values", values, code)
    by, comment = bounded(texts["by"], MAX_NAME), bounded(texts["comment"], MAX_COMMENT)
    return step, Decision(approved=approved, by=by, comment=comment, values=values)


def _fields(argument: Any, known: set[str], *, code: str, remedy: str) -> Mapping[str, Any]:
    if not isinstance(argument, Mapping):
        raise LongpoleError("what was sent is no JSON object", code=code, remedy=remedy)
    unknown = [str(key) for key in argument if key not in known]
    if unknown:
        raise LongpoleError(f"`{bounded(unknown[0], 80)}` means nothing here", code=code, remedy=remedy)
    return argument


def _require_small(name: str, value: Any, code: str) -> None:
    problems = json_problems(value, max_bytes=MAX_SAID_BYTES)
    if problems:
        problem = problems[0]
        remedy = problem.remedy if problem.code != "too_large" else "send the address of what is larger"
        at = name if not problem.path else f"{name}.{problem.path}"
        raise LongpoleError(f"`{at}`: {problem.message}", code=code, remedy=remedy)
