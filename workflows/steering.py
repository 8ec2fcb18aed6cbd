"""Events and decisions that come into a run, by signal or by update."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from definitions.errors import LongpoleError
    from definitions.steering import answer_of, sent_event

from workflows.runner import Runner


class Steering:
    """Hands on to the runner what makes sense, and says what does not."""

    def __init__(self, runner: Runner, woken: Callable[[], None]) -> None:
        self._runner = runner
        self._woken = woken
        self._take: dict[str, Callable[[Any], None]] = {"event": self._event, "approve": self._answer}

    def signalled(self, signal: str, argument: Any) -> None:
        """What came by signal, to which there is no answer: a refusal becomes an event of the run's."""
        try:
            self._take[signal](argument)
        except LongpoleError as error:
            now = workflow.time()
            self._runner.tell("signal.refused", now, signal=signal, message=str(error), error_class=error.code)
        self._woken()

    def check_event(self, argument: Any) -> None:
        """Raises `ApplicationError` for an event that can't be taken."""
        try:
            sent = sent_event(argument)
            self._runner.check_event(sent.name, sent.data)
        except LongpoleError as error:
            raise _refused(error) from None

    def send_event(self, argument: Any) -> None:
        """Take an event. Raises `ApplicationError`."""
        self._update(self._event, argument)

    def check_decision(self, argument: Any) -> None:
        """Raises `ApplicationError` for a decision that can't be taken."""
        try:
            self._runner.check_decision(*answer_of(argument))
        except LongpoleError as error:
            raise _refused(error) from None

    def decide(self, argument: Any) -> None:
        """Take a decision. Raises `ApplicationError`."""
        self._update(self._answer, argument)

    def _update(self, take: Callable[[Any], None], argument: Any) -> None:
        # What the validator has let pass may have lost its sense since, e.g. to an answer that came before it.
        try:
            take(argument)
        except LongpoleError as error:
            raise _refused(error) from None
        self._woken()

    def _event(self, argument: Any) -> None:
        sent = sent_event(argument)
        self._runner.event_received(sent.name, sent.data, workflow.time(), sent.event_id)

    def _answer(self, argument: Any) -> None:
        path, decision = answer_of(argument)
        self._runner.decided(path, decision, workflow.time())


def _refused(error: LongpoleError) -> ApplicationError:
    return ApplicationError(error.message, {"remedy": error.remedy}, type=error.code, non_retryable=True)
