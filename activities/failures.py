"""Any exception as a bounded, masked `StepFailure`."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from types import TracebackType

from activities.errors import StepError
from definitions.bounded_text import bounded, storable
from definitions.calls import StepFailure
from definitions.errors import LongpoleError

MESSAGE_LIMIT = 4 * 1024
TRACEBACK_LIMIT = 8 * 1024
"""Bytes of UTF-8."""
_LINE_LIMIT = 1024
_HEAD = 2 * 1024
_FRAMES = 30


def step_failure(
    error: BaseException, error_class: str, *, mask: Callable[[str], str], attempts: int, lost: int
) -> StepFailure:
    """What the workflow and the records get to know of an exception."""
    return StepFailure(
        message=bounded(mask(message_of(error)), MESSAGE_LIMIT),
        error_class=error_class,
        traceback=traceback_of(error, mask),
        attempts=attempts,
        lost=lost,
    )


def message_of(error: BaseException) -> str:
    """`str(error)`, with the type's name where that alone says too little. Never raises."""
    try:
        text = str(error)
    except BaseException:  # noqa: BLE001 - the exception is the user's, and so is its __str__
        text = "(its text can't be read)"
    kind = type(error).__name__
    if isinstance(error, StepError | LongpoleError):
        return text or kind
    return f"{kind}: {text}" if text else kind


def traceback_of(error: BaseException, mask: Callable[[str], str]) -> str:
    """The traceback from the handler's own frame on: its head and its end if it is long."""
    try:
        lines = list(
            traceback.TracebackException(
                type(error), error, _handlers_part(error.__traceback__), limit=-_FRAMES, compact=True
            ).format()
        )
        # Masked in one piece and before anything is cut off: of a secret that is cut in two, half would be left.
        text = mask("".join(lines))
    except BaseException:  # noqa: BLE001 - sources that can't be read, exceptions that refuse to be looked at
        return "(the traceback can't be read)"
    text = "\n".join([line if len(line) <= _LINE_LIMIT else f"{line[:_LINE_LIMIT]}..." for line in text.splitlines()])
    content = storable(text)
    if len(content) <= TRACEBACK_LIMIT:
        return content.decode()
    gap = b"\n...\n"
    end = content[-(TRACEBACK_LIMIT - _HEAD - len(gap)) :]
    return (content[:_HEAD] + gap + end).decode(errors="ignore")


def _handlers_part(found: TracebackType | None) -> TracebackType | None:
    """Without the frames of ours that every handler has above it."""
    here = found
    while here is not None and here.tb_frame.f_globals.get("__name__") == "activities.handler_loop":
        here = here.tb_next
    return here or found
