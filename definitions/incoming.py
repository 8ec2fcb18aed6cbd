"""What comes into a run from outside, made sense of.

Anybody with a Temporal client can start a run, signal it, or end one of its activities by hand, with any JSON at all. A
workflow that raises anything but an error of ours repeats its task for ever: what is read here never makes it do that.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeGuard

from definitions.bounded_text import bounded
from definitions.by_reference import digest_of
from definitions.calls import StepFailure, StepResult
from definitions.errors import LongpoleError
from definitions.ids import to_uuid
from definitions.messages import INTERPRETER_VERSION, CancelRequest, RunInput, Timetable
from definitions.prepared import Prepared
from definitions.program import Program, programs
from definitions.run_state import RunState
from definitions.values import unpack

REASON_LIMIT = 1024
MESSAGE_LIMIT = 4 * 1024
_NO_SENSE = (TypeError, ValueError, LookupError, AttributeError, RecursionError)
"""What Python raises where JSON has another shape than the code thinks."""
_LONGEST_GRACE = 86_400
_LAST_MOMENT = 32_503_680_000
"""The year 3000."""


class Beginning(NamedTuple):
    """What a run begins with, or goes on from."""

    run: RunInput
    program: Program
    state: RunState


prepared: Prepared[Beginning] = Prepared()
"""Runs whose definition or checkpoint was loaded already: `{"prepared": token}` is what such a workflow is given."""


def beginning(fields: Any, *, execution_id: str) -> Beginning:
    """The fields of a `RunInput`, and what follows from them. Raises `LongpoleError` for whatever makes none, and for
    those of another run, whose records it would write over; `RuntimeError` where a worker has not loaded what it
    should have."""
    token = fields.get("prepared") if isinstance(fields, dict) else None
    begun = prepared.take(token) if isinstance(token, str) else begin(fields, {})
    to_uuid(execution_id)
    if begun.run.execution_id != execution_id:
        raise _no_beginning(ValueError(f"it is that of {begun.run.execution_id!r}"))
    return begun


def begin(fields: Any, loaded: Mapping[str, Any]) -> Beginning:
    """What follows from the fields of a `RunInput`; `loaded`: values by digest of what it has by reference.

    Raises `LongpoleError`, and `RuntimeError` when something that it has by reference is not among them."""
    try:
        run = RunInput(**fields)
        if run.interpreter > INTERPRETER_VERSION:
            raise LongpoleError(
                f"this run was started for interpreter {run.interpreter}, this worker has {INTERPRETER_VERSION}",
                code="interpreter_too_old",
                remedy="update the workers",
            )
        program = _program(run, loaded)
        if run.checkpoint is None:
            state = RunState.new(program.order, unpack(run.input, run.slots), dict(program.definition.context))
        else:
            state = RunState.from_checkpoint(program.root, _whole(run.checkpoint, loaded))
    except _NO_SENSE as error:
        raise _no_beginning(error) from None
    return Beginning(run, program, state)


def _program(run: RunInput, loaded: Mapping[str, Any]) -> Program:
    program = programs.known(run.digest)
    return program if program is not None else programs.get(_whole(run.definition, loaded), run.digest)


def _whole(value: dict[str, Any], loaded: Mapping[str, Any]) -> dict[str, Any]:
    digest = digest_of(value)
    if digest is None:
        return value
    if digest not in loaded:
        raise RuntimeError(
            f"{digest} was not loaded before the workflow's task: its worker's client has no codec for it"
        )
    whole: dict[str, Any] = loaded[digest]
    return whole


def _no_beginning(error: Exception) -> LongpoleError:
    return LongpoleError(
        f"a run can't begin with this: {type(error).__name__}: {error}",
        code="run_input_invalid",
        remedy="start runs with `longpole run`",
    )


def cancel_request(argument: Any) -> CancelRequest:
    """What was typed in, as far as it can be understood: an operator's cancel is never refused for its form."""
    given = argument if isinstance(argument, dict) else {"reason": argument}
    reason = given.get("reason")
    grace = given.get("grace_seconds")
    fails_as = given.get("fails_as")
    return CancelRequest(
        reason=bounded(reason, REASON_LIMIT) if isinstance(reason, str) and reason else CancelRequest.reason,
        grace_seconds=float(min(max(grace, 0), _LONGEST_GRACE)) if _is_number(grace) else CancelRequest.grace_seconds,
        save_partial_results=given.get("save_partial_results") is not False,
        fails_as=bounded(fails_as, REASON_LIMIT) if isinstance(fails_as, str) else "",
    )


def rescheduling(argument: Any) -> Timetable | None:
    """A timetable that was sent to a run; None: it can't be understood."""
    if not isinstance(argument, dict) or not _is_moment(argument.get("start")):
        return None
    steps = argument.get("steps")
    given = steps if isinstance(steps, dict) else {}
    moments = {str(step): float(at) for step, at in given.items() if _is_moment(at)}
    return Timetable(float(argument["start"]), moments)


def step_result(value: Any) -> StepResult:
    """What a step's activity returned. Raises `LongpoleError` for what no worker of ours made."""
    if not (
        isinstance(value, dict)
        and isinstance(value.get("context", {}), dict)
        and all(_is_number(amount) for amount in _mapping(value.get("usage", {})).values())
        and all(isinstance(each, dict) for each in _list(value.get("artifacts", [])))
        and all(type(value.get(count, 1)) is int for count in ("attempts", "lost"))
        and _unpacks(value.get("output"), value.get("slots", []))
    ):
        raise LongpoleError(
            "what its activity returned is not the result of a step",
            code="result_not_json",
            remedy='to complete a step by hand, give `{"output": ...}`',
        )
    return StepResult(**value)  # type: ignore[typeddict-item]


def step_failure(detail: Any, *, message: str, error_class: str) -> StepFailure:
    """What a step's activity failed with; `message` and `error_class` where the detail is not one of ours."""
    told = detail if isinstance(detail, dict) else {}
    texts = {name: text for name in ("message", "error_class", "traceback") if isinstance(text := told.get(name), str)}
    counts = {name: count for name in ("attempts", "lost") if type(count := told.get(name)) is int}
    fallback = StepFailure(message=bounded(message, MESSAGE_LIMIT), error_class=bounded(error_class, REASON_LIMIT))
    return StepFailure(**{**fallback, **texts, **counts})  # type: ignore[typeddict-item]


def _is_number(value: Any) -> TypeGuard[int | float]:
    """A number that is one: not a truth value, and not NaN."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value


def _is_moment(value: Any) -> TypeGuard[int | float]:
    """A Unix time that a timer can be set to."""
    return _is_number(value) and 0 <= value < _LAST_MOMENT


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {"": None}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [None]


def _unpacks(output: Any, slots: Any) -> bool:
    if slots == []:
        return True
    try:
        unpack(copy.deepcopy(output), slots)
    except _NO_SENSE:
        return False
    return True
