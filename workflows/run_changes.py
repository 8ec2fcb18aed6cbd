"""A run is changed while it goes on: what was asked by signal or update, and what the run goes by from then on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from definitions.calls import RunAsChanged
    from definitions.errors import ChangeRefused
    from definitions.messages import RunInput

from workflows import attributes
from workflows.changing import Changed, change_run, check_change, refuse_change
from workflows.event_recording import EventRecording
from workflows.runner import Runner
from workflows.steps_in_flight import StepsInFlight


class RunChanges:
    """Changes one run. `woken` is called when it is another."""

    def __init__(
        self, run: RunInput, runner: Runner, steps: StepsInFlight, records: EventRecording, woken: Callable[[], None]
    ) -> None:
        self.run = run
        """What the run goes by; a new history begins with it."""
        self._runner = runner
        self._steps = steps
        self._records = records
        self._woken = woken

    def signalled(self, argument: Any) -> None:
        """What came by signal, to which there is no answer: a refusal becomes an event of the run's."""
        now = workflow.time()
        try:
            self._take(self._change(argument, now))
        except ChangeRefused as refused:
            refuse_change(self._runner, refused, now)
        self._woken()

    def check(self, argument: Any) -> None:
        """Raises `ApplicationError` for a change that can't be made."""
        try:
            check_change(self._runner, argument, interpreter=self.run.interpreter)
        except ChangeRefused as refused:
            raise _refusal(refused) from None

    def change(self, argument: Any) -> dict[str, Any]:
        """Make a change; what the run goes by now. Raises `ApplicationError`."""
        try:
            self._take(self._change(argument, workflow.time()))
        except ChangeRefused as refused:  # what came in since the validator let it pass
            raise _refusal(refused) from None
        self._woken()
        return {"digest": self.run.digest, "changes": self.run.changes}

    def _change(self, argument: Any, now: float) -> Changed:
        return change_run(self._runner, argument, now, interpreter=self.run.interpreter)

    def _take(self, changed: Changed) -> None:
        run, priority = self.run, changed.change.priority
        if changed.definition is not None:
            document, digest = changed.definition.document, changed.definition.digest
            run = replace(run, definition=document, digest=digest, changes=run.changes + 1)
            workflow.upsert_memo({attributes.MEMO_DIGEST: digest})
        if priority is not None:
            run = replace(run, priority=priority)
            workflow.upsert_search_attributes([attributes.PRIORITY.value_set(priority)])
            self._steps.priority = priority
        self.run = run
        self._records.changed = RunAsChanged(run.definition if run.changes else None, run.digest, run.changes, priority)


def _refusal(refused: ChangeRefused) -> ApplicationError:
    problems = [problem.as_dict() for problem in refused.problems]
    return ApplicationError(refused.message, {"problems": problems}, type=refused.code, non_retryable=True)
