from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from activities.errors import (
    Classified,
    InvalidInput,
    ModelUnavailable,
    PermanentFailure,
    RateLimited,
    StepCancelled,
    StepError,
    TemporaryFailure,
    classify,
)
from activities.failures import MESSAGE_LIMIT, TRACEBACK_LIMIT, step_failure
from definitions.errors import HandlerNotFound, ReferenceUnresolved
from store.blobs import BlobCorrupt, BlobMissing


def status_error(status: int, headers: dict[str, str] | None = None) -> httpx.HTTPStatusError:
    request = httpx.Request("GET", "http://localhost/")
    response = httpx.Response(status, headers=headers, request=request)
    return httpx.HTTPStatusError(f"status {status}", request=request, response=response)


class ClientError(Exception):
    """As other clients shape theirs."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


class Hostile(Exception):
    @property
    def response(self) -> Any:
        raise RuntimeError("no")

    def __str__(self) -> str:
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("error", "error_class", "permanent"),
    [
        (RuntimeError("x"), "error", False),
        (TimeoutError(), "timeout", False),
        (ConnectionRefusedError(), "temporary_failure", False),
        (BrokenPipeError(), "temporary_failure", False),
        (FileNotFoundError(), "error", False),
        (httpx.ReadTimeout("slow"), "timeout", False),
        (httpx.ConnectError("gone"), "temporary_failure", False),
        (status_error(500), "temporary_failure", False),
        (status_error(503), "temporary_failure", False),
        (status_error(504), "timeout", False),
        (status_error(429), "rate_limit", False),
        (status_error(401), "authentication", True),
        (status_error(403), "authentication", True),
        (status_error(404), "not_found", True),
        (status_error(422), "invalid_input", True),
        (status_error(418), "error", False),
        (ClientError(status_code=429), "rate_limit", False),
        (ClientError(status=503), "temporary_failure", False),
        (ClientError(code=404), "not_found", True),
        (ClientError(code="404"), "error", False),
        (ClientError(non_retryable=True), "error", True),
        (RateLimited("x"), "rate_limit", False),
        (TemporaryFailure("x"), "temporary_failure", False),
        (ModelUnavailable("x"), "model_unavailable", False),
        (PermanentFailure("x"), "error", True),
        (InvalidInput("x"), "invalid_input", True),
        (StepError("x", error_class="quota"), "quota", False),
        (SystemExit(), "error", False),
        (StepCancelled(), "cancelled", False),
        (asyncio.CancelledError(), "cancelled", False),
        (HandlerNotFound("x"), "handler_not_found", True),
        (ReferenceUnresolved("x"), "reference_error", True),
        (BlobMissing("d", "x"), "blob_missing", True),
        (BlobCorrupt("d", "x"), "blob_missing", True),
        (ExceptionGroup("g", [TimeoutError(), ExceptionGroup("h", [TimeoutError()])]), "timeout", False),
        (ExceptionGroup("g", [TimeoutError(), ValueError()]), "error", False),
        (ExceptionGroup("g", [TimeoutError(), InvalidInput("x")]), "error", True),
        (Hostile(), "error", False),
    ],
)
def test_exceptions_are_classified(error: BaseException, error_class: str, permanent: bool) -> None:
    found = classify(error)
    assert (found.error_class, found.permanent) == (error_class, permanent)


def test_how_long_to_wait_is_taken_from_the_answer() -> None:
    assert classify(status_error(429, {"Retry-After": "7"})) == Classified("rate_limit", retry_after=7.0)
    assert classify(status_error(503, {"Retry-After": "2.5"})).retry_after == 2.5
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    found = classify(status_error(429, {"Retry-After": later})).retry_after
    assert found is not None
    assert 50 < found <= 60
    for nonsense in ("soon", "-3", "nan", "Mon, 99 Foo"):
        assert classify(status_error(429, {"Retry-After": nonsense})).retry_after is None
    assert classify(RateLimited("x", retry_after=3)).retry_after == 3.0
    assert classify(ExceptionGroup("g", [RateLimited(retry_after=3), RateLimited(retry_after=9)])).retry_after == 9.0


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:  # noqa: BLE001
        return caught


@pytest.mark.parametrize(
    "error",
    [RuntimeError("x" * 5_000_000), RuntimeError("ü\n" * 1_000_000), Hostile(), RuntimeError("\0\ud800"), SystemExit()],
)
def test_failures_are_bounded_and_storable(error: BaseException) -> None:
    failure = step_failure(raised(error), "error", mask=lambda text: text, attempts=1, lost=0)
    for text, limit in ((failure["message"], MESSAGE_LIMIT), (failure["traceback"], TRACEBACK_LIMIT)):
        assert 0 < len(text.encode()) <= limit
        assert "\0" not in text
    assert type(error).__name__ in failure["message"]


def test_nothing_is_cut_before_it_is_masked() -> None:
    for length in range(MESSAGE_LIMIT - 80, MESSAGE_LIMIT):
        text = "a" * length + "SECRETSECRET" + "b" * 5000
        failure = step_failure(
            RuntimeError(text), "error", mask=lambda text: text.replace("SECRETSECRET", "***"), attempts=1, lost=0
        )
        assert "SECRET" not in failure["message"]
