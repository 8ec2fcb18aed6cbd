"""The outcome of runs into the store: the whole of it, by the workflow's own account, until it holds.

The workflow hands it over in the worker's own process and does not wait: neither a slow database nor a missing one
holds up the end of a run. What is lost with a worker that dies before it has written is fetched from the workflow once
more by the reconciler (`engine.reconciler`), which asks its query `outcome`.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import structlog

from activities.masking import Masker
from activities.recording import Recorder
from definitions.calls import OutcomePage, StepOutcome
from store.continuing import is_superseded
from store.database import Session, StoreUnavailable
from store.instances import end_run, reopen_run
from store.locks import Runs
from store.outcomes import from_unix, record_outcome_steps
from store.records import EventRecord

log = structlog.get_logger(__name__)

MOST_WAITING = 1_000
"""Outcomes kept in memory while the database is away; those that are dropped then are left to the reconciler."""
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0


class OutcomeWriter:
    """Writes outcomes in a thread of its own."""

    def __init__(self, recorder: Recorder, masker: Masker) -> None:
        self._recorder = recorder
        self._masker = masker
        self._waiting: deque[Sequence[OutcomePage]] = deque()
        self._changed = threading.Condition()
        self._give_up_at = float("inf")
        self._thread = threading.Thread(target=self._run, name="longpole-outcomes", daemon=True)
        self._thread.start()

    def submit(self, pages: Sequence[OutcomePage]) -> None:
        """Take over the outcome of a run; returns at once, from any thread."""
        with self._changed:
            if len(self._waiting) >= MOST_WAITING:
                dropped = self._waiting.popleft()
                log.warning("an outcome is left to the reconciler", execution_id=dropped[0].execution_id)
            self._waiting.append(pages)
            self._changed.notify_all()

    def write(self, pages: Sequence[OutcomePage]) -> None:
        """Write an outcome now, page by page; safe to repeat. Blocks. Raises `StoreUnavailable`."""
        for page in pages:
            self._write_page(self._masked(page), ended_at=from_unix(pages[-1].completed_at), alone=len(pages) == 1)
        self._masker.forget(pages[-1].execution_id)

    def write_steps(self, page: OutcomePage) -> None:
        """Write how some of the steps of a run ended that goes on; safe to repeat. Blocks. Raises `StoreUnavailable`.

        It opens no run again: one that is over by now was ended behind the back of the workflow that tells this."""
        masked = self._masked(page)

        def write(session: Session, runs: Runs) -> list[EventRecord]:
            run = runs.get(page.execution_id)
            if run is not None and not is_superseded(session, run, page.temporal_run_id):
                record_outcome_steps(session, run, masked.steps)
            return []

        self._recorder.write_with(page.execution_id, write)

    def close(self, timeout: float = 5.0) -> bool:
        """Write what is waiting and end the thread. False: something was left after that many seconds."""
        with self._changed:
            self._give_up_at = time.monotonic() + timeout
            self._changed.notify_all()
        self._thread.join(timeout + 1.0)
        if self._waiting:
            log.warning("outcomes are left to the reconciler", runs=len(self._waiting))
        return not self._waiting

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    return
                pages = self._waiting[0]
            try:
                self.write(pages)
            except StoreUnavailable as error:
                log.warning("an outcome can't be written now and waits", runs=len(self._waiting), error=str(error))
                with self._changed:
                    if time.monotonic() + pause >= self._give_up_at:
                        return
                    self._changed.wait_for(lambda: self._closing, pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                continue
            except Exception:
                log.exception("an outcome was refused; the reconciler will try", execution_id=pages[0].execution_id)
            pause = _FIRST_PAUSE
            with self._changed:
                if self._waiting and self._waiting[0] is pages:
                    self._waiting.popleft()

    @property
    def _closing(self) -> bool:
        return self._give_up_at != float("inf")

    def _masked(self, page: OutcomePage) -> OutcomePage:
        def mask(tree: Any) -> Any:
            return self._masker.tree(page.execution_id, tree)

        return replace(
            page,
            steps=[self._masked_step(step, mask) for step in page.steps],
            output=mask(page.output),
            error=mask(page.error),
            context=mask(page.context),
        )

    @staticmethod
    def _masked_step(step: StepOutcome, mask: Callable[[Any], Any]) -> StepOutcome:
        masked: StepOutcome = {**step, "error": mask(step.get("error"))}
        if "output" in step:  # one that the workflow has dropped stays untold
            masked["output"] = mask(step["output"])
        return masked

    def _write_page(self, page: OutcomePage, ended_at: datetime | None, *, alone: bool) -> None:
        def write(session: Session, runs: Runs) -> list[EventRecord]:
            run = runs.get(page.execution_id)
            if run is None:
                log.warning("the store does not have this execution: its outcome is lost", execution=page.execution_id)
                return []
            if is_superseded(session, run, page.temporal_run_id):
                return []
            told: list[EventRecord | None] = []
            if page.temporal_run_id:
                # A run that was reset may be over again before anybody has seen that it went on.
                told.append(reopen_run(session, run, page.execution_id, page.temporal_run_id, ended_before=ended_at))
            record_outcome_steps(session, run, page.steps)
            if page.last and not run.closed:
                told.append(
                    end_run(
                        session,
                        run,
                        page.execution_id,
                        status=page.status,
                        started_at=from_unix(page.started_at),
                        completed_at=ended_at or datetime.now(UTC),
                        temporal_run_id=page.temporal_run_id or None,
                        output=page.output,
                        slots=page.slots,
                        error=dict(page.error) if page.error else None,
                        execution_state={"context": page.context} if page.context is not None else None,
                        all_settled=alone,
                    )
                )
            return [event for event in told if event is not None]

        self._recorder.write_with(page.execution_id, write)
