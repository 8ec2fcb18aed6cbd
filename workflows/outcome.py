"""The whole outcome of a run, in pages of bounded size, and how it gets out of the workflow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from definitions.calls import SUBMIT_OUTCOME, OutcomePage, StepOutcome
    from definitions.values import json_size, pack

from definitions.messages import Ending
from definitions.run_state import RunState

PAGE_BYTES = 512 * 1024
PAGE_STEPS = 500
MAX_RESULT_BYTES = 512 * 1024
"""The server terminates a workflow whose result is over 2 MB, without a word to anybody."""


def pages_of(outcomes: Iterable[StepOutcome]) -> Iterator[list[StepOutcome]]:
    """How steps stand, in pages of bounded size, each made when it is asked for."""
    page: list[StepOutcome] = []
    size = 0
    for told in outcomes:
        told_size = json_size(told)
        if page and (len(page) >= PAGE_STEPS or size + told_size > PAGE_BYTES):
            yield page
            page, size = [], 0
        page.append(told)
        size += told_size
    if page:
        yield page


def outcome_pages(state: RunState, execution_id: str, ending: Ending, now: float) -> list[OutcomePage]:
    """The steps in the definition's order, in pages of bounded size; the last page carries the run itself. Steps that
    have not begun, and those whose outcome is in the store, are left out."""
    told = (step_id for step_id, step in state.steps.items() if step.status != "pending" and not step.recorded)
    pages = list(pages_of(map(state.outcome, told))) or [[]]
    output, slots = pack(ending.output)
    run_id = workflow.info().run_id
    last = OutcomePage(
        execution_id=execution_id,
        steps=pages[-1],
        last=True,
        temporal_run_id=run_id,
        status=ending.status,
        output=output,
        slots=slots,
        error=ending.error,
        context=state.context,
        started_at=state.started_at or None,
        completed_at=now,
    )
    before = (
        OutcomePage(execution_id=execution_id, steps=steps, last=False, temporal_run_id=run_id) for steps in pages[:-1]
    )
    return [*before, last]


def workflow_result(last: OutcomePage) -> Any:
    """The run's result as Temporal shows it. What is too large for that is only in the store, and says so."""
    size = json_size(last.output)
    if size > MAX_RESULT_BYTES:
        return {"longpole": f"the result has {size} bytes and is kept in the store: longpole show {last.execution_id}"}
    return last.output


def submit_outcome(pages: list[OutcomePage]) -> None:
    """Hand the outcome to the worker, which writes it beside the end of the run.

    A worker that only replays (a query, a replay test) hands over nothing: it is no news."""
    if not workflow.unsafe.is_replaying():
        submit = workflow.extern_functions().get(SUBMIT_OUTCOME)
        if submit is not None:
            with workflow.unsafe.sandbox_unrestricted():
                submit(pages)
