"""What an activity beside steps fails with, so that the workflow knows it again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from temporalio.exceptions import ApplicationError

from activities.errors import StepError, classify
from activities.failures import MESSAGE_LIMIT, message_of
from definitions.bounded_text import bounded
from definitions.calls import StepFailure
from definitions.errors import LongpoleError, ServiceUnavailable


@contextmanager
def typed_failures() -> Iterator[None]:
    """Errors that another attempt would meet again fail the activity for good, told as a `StepFailure`; what is away
    for a while (the database, a disk) is left to Temporal's retries."""
    try:
        yield
    except ServiceUnavailable:
        raise
    except (LongpoleError, StepError) as error:
        error_class = error.code if isinstance(error, LongpoleError) else classify(error).error_class
        failure = StepFailure(message=bounded(message_of(error), MESSAGE_LIMIT), error_class=error_class)
        raise ApplicationError(failure["message"], failure, type=error_class, non_retryable=True) from None
