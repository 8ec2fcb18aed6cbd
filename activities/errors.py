"""Error classes of steps: what handlers can raise, and what any exception at all is taken for.

* Exception
  + StepError              the base of what handlers raise on purpose
    + TemporaryFailure     `temporary_failure`: worth another attempt
      + RateLimited        `rate_limit`
      + ModelUnavailable   `model_unavailable`
    + PermanentFailure     `error`: no attempt after this one
      + InvalidInput       `invalid_input`
* BaseException
  + StepCancelled          `cancelled`: raised by `step.raise_if_cancelled()`

Light on purpose: handlers import it through `longpole`.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar

from definitions.errors import LongpoleError, ServiceUnavailable
from store.blobs import BlobError

ERROR = "error"
TIMEOUT = "timeout"
RATE_LIMIT = "rate_limit"
TEMPORARY_FAILURE = "temporary_failure"
MODEL_UNAVAILABLE = "model_unavailable"
AUTHENTICATION = "authentication"
INVALID_INPUT = "invalid_input"
NOT_FOUND = "not_found"
REFERENCE_ERROR = "reference_error"
RESULT_NOT_JSON = "result_not_json"
RESULT_TOO_LARGE = "result_too_large"
HANDLER_NOT_ALLOWED = "handler_not_allowed"
HANDLER_NOT_FOUND = "handler_not_found"
BLOB_MISSING = "blob_missing"
WORKER_LOST = "worker_lost"
CANCELLED = "cancelled"

PERMANENT = frozenset({AUTHENTICATION, INVALID_INPUT, NOT_FOUND})
"""Not worth another attempt, unless the step's `retry_on_errors` names them."""
FINAL = frozenset(
    {
        REFERENCE_ERROR,
        RESULT_NOT_JSON,
        RESULT_TOO_LARGE,
        HANDLER_NOT_ALLOWED,
        HANDLER_NOT_FOUND,
        BLOB_MISSING,
    }
)
"""Another attempt would end the same way, whatever the step's policy says."""
CLASSES = PERMANENT | FINAL | {ERROR, TIMEOUT, RATE_LIMIT, TEMPORARY_FAILURE, MODEL_UNAVAILABLE, WORKER_LOST, CANCELLED}

_BY_STATUS = {401: AUTHENTICATION, 403: AUTHENTICATION, 404: NOT_FOUND, 408: TIMEOUT, 410: NOT_FOUND, 504: TIMEOUT}
_BY_STATUS |= {400: INVALID_INPUT, 422: INVALID_INPUT, 429: RATE_LIMIT}
_MAX_LEAVES = 1_000
LONGEST_RETRY_AFTER = 86_400.0


@dataclass(frozen=True)
class Classified:
    """What an exception is taken for.

    `permanent`: no further attempt unless the policy names the class; `final`: none at all; `retry_after`: seconds that
    the other side asked for."""

    error_class: str
    permanent: bool = False
    final: bool = False
    retry_after: float | None = None


class StepError(Exception):
    """A failure that the handler knows. `error_class` is what `retry_on_errors` is compared with."""

    default_class: ClassVar[str] = ERROR
    permanent: ClassVar[bool] = False

    def __init__(self, message: str = "", *, error_class: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.error_class = error_class or self.default_class
        self.retry_after = retry_after
        """Seconds to wait at least before the next attempt."""


class TemporaryFailure(StepError):
    """May well work next time."""

    default_class = TEMPORARY_FAILURE


class RateLimited(TemporaryFailure):
    """The other side wants fewer calls; `retry_after` in seconds."""

    default_class = RATE_LIMIT


class ModelUnavailable(TemporaryFailure):
    """A model that does not answer now."""

    default_class = MODEL_UNAVAILABLE


class PermanentFailure(StepError):
    """Trying again is of no use: the step fails at once, whatever its retry policy."""

    permanent = True


class InvalidInput(PermanentFailure):
    """The step's input is wrong; the message says what about it and what would be right."""

    default_class = INVALID_INPUT


class StepCancelled(BaseException):
    """The run is being cancelled. Like `asyncio.CancelledError` no `Exception`, so that `except Exception` lets it
    pass."""


def classify(error: BaseException) -> Classified:
    """What the exception is taken for. Never raises, whatever the exception is."""
    if isinstance(error, BaseExceptionGroup):
        return _classify_group(error)
    if isinstance(error, StepError):
        error_class = str(error.error_class)[:64]
        return Classified(error_class, error.permanent, error.permanent, wait_seconds(error.retry_after))
    if isinstance(error, StepCancelled | asyncio.CancelledError | concurrent.futures.CancelledError):
        return Classified(CANCELLED)
    if isinstance(error, BlobError):
        return Classified(BLOB_MISSING, permanent=True, final=True)
    if isinstance(error, ServiceUnavailable):
        return Classified(TEMPORARY_FAILURE)
    if isinstance(error, LongpoleError):
        return Classified(error.code, permanent=True, final=error.code in FINAL)
    if _get(error, "non_retryable") is True:
        return Classified(ERROR, permanent=True, final=True)
    status = _status(error)
    error_class = _by_status(status) if status is not None else _by_type(error)
    retry_after = _retry_after(error) if error_class in (RATE_LIMIT, TEMPORARY_FAILURE) else None
    return Classified(error_class, error_class in PERMANENT, error_class in FINAL, retry_after)


def _classify_group(group: BaseExceptionGroup[BaseException]) -> Classified:
    parts = [classify(leaf) for leaf in _leaves(group)]
    classes = {part.error_class for part in parts}
    waits = [part.retry_after for part in parts if part.retry_after is not None]
    return Classified(
        classes.pop() if len(classes) == 1 else ERROR,
        any(part.permanent for part in parts),
        any(part.final for part in parts),
        max(waits, default=None),
    )


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    stack: list[BaseException] = [group]
    seen = 0
    while stack and seen < _MAX_LEAVES:
        error = stack.pop()
        if isinstance(error, BaseExceptionGroup):
            stack.extend(error.exceptions)
        else:
            seen += 1
            yield error


def _by_type(error: BaseException) -> str:
    # Clients' own exceptions (httpx, requests, aiohttp, ...) are known by the names of their classes: nothing of them
    # has to be imported for it.
    names = {kind.__name__ for kind in type(error).__mro__}
    if isinstance(error, TimeoutError) or names & {"TimeoutException", "Timeout", "APITimeoutError"}:
        return TIMEOUT
    if isinstance(error, ConnectionError) or names & {"TransportError", "ConnectionError", "ClientConnectionError"}:
        return TEMPORARY_FAILURE
    return ERROR


def _by_status(status: int) -> str:
    known = _BY_STATUS.get(status)
    if known:
        return known
    return TEMPORARY_FAILURE if status >= 500 else ERROR


def _status(error: BaseException) -> int | None:
    for holder, name in (
        (_get(error, "response"), "status_code"),
        (error, "status_code"),
        (error, "status"),
        (error, "code"),
    ):
        status = _get(holder, name)
        if type(status) is int and 400 <= status <= 599:
            return status
    return None


def _retry_after(error: BaseException) -> float | None:
    headers = _get(_get(error, "response"), "headers") or _get(error, "headers")
    if headers is None:
        return None
    try:
        # Not every client's headers are a Mapping, or blind to upper and lower case.
        value = headers.get("Retry-After") or headers.get("retry-after")
    except Exception:  # noqa: BLE001 - someone else's object
        return None
    return wait_seconds(value)


def wait_seconds(value: Any) -> float | None:
    """What a `Retry-After` says, a number or a date, as seconds; None: nothing that can be used."""
    if value is None or isinstance(value, bool | Mapping):
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        try:
            at = parsedate_to_datetime(str(value))
        except (TypeError, ValueError):
            return None
        seconds = (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    # NaN compares false with everything.
    return min(seconds, LONGEST_RETRY_AFTER) if seconds > 0 else None


def _get(holder: Any, name: str) -> Any:
    try:
        return getattr(holder, name, None)
    except Exception:  # noqa: BLE001 - a property of someone else's exception
        return None
