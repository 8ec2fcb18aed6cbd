"""How a run stands, or stood when it ended, by the workflow's own account: a worker replays its history to tell it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from definitions.calls import OutcomePage, StepOutcome, StepResult
from definitions.errors import Conflict, LongpoleError, ServiceUnavailable
from definitions.incoming import step_result
from engine.temporal import answer
from store.instances import RUN_ENDED

QUERY_TIMEOUT = timedelta(seconds=10)


@dataclass(frozen=True)
class Account:
    """The steps that had begun or ended, and the run's shared context."""

    steps: tuple[StepOutcome, ...]
    context: dict[str, Any]


async def ask_for_account(client: Client, execution_id: str, *, error_handlers: Collection[str]) -> Account | None:
    """How a run stood that Temporal ended. None: Temporal does not have it, or no worker can make sense of it.

    Raises `Conflict` when it goes on in Temporal, and `ServiceUnavailable` when nobody answers."""
    try:
        description = await answer(client, client.get_workflow_handle(execution_id).describe())
        if description.status is WorkflowExecutionStatus.RUNNING:
            raise Conflict(
                f"{execution_id} goes on in Temporal: it was reset there",
                code="invalid_status",
                remedy="the records will say so within seconds",
            )
        handle = client.get_workflow_handle(execution_id, run_id=description.run_id)
        pages = await outcome_pages(handle, "account", QUERY_TIMEOUT)
        if not pages:
            return None
        steps = [step for page in pages for step in page.steps if step["status"] != "pending"]
        running = {_activity_id(step) for step in steps if step["status"] == "running"} - set(error_handlers)
        unheard = await _unheard_results(client, handle, running) if running else {}
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise ServiceUnavailable(
            f"no worker tells how the steps of {execution_id} stood when it ended: {error.message}",
            remedy="see to it that a worker runs (`longpole up` or `longpole worker`), and try again",
        ) from error
    context = dict(pages[-1].context or {})
    ended_at = description.close_time.timestamp() if description.close_time else None
    told = []
    for step in steps:
        result = unheard.get(_activity_id(step)) if step["status"] == "running" else None
        if result is not None:
            context.update(result.get("context", {}))
        told.append(_as_ended(step, result, ended_at))
    return Account(tuple(told), context)


async def outcome_pages(handle: WorkflowHandle[Any, Any], query: str, timeout: timedelta) -> list[OutcomePage]:
    """All pages that the query gives; none when it gives nothing or can't be answered. Raises `RPCError`."""
    pages: list[OutcomePage] = []
    while not pages or not pages[-1].last:
        try:
            fields = await handle.query(query, len(pages), rpc_timeout=timeout)
        except WorkflowQueryFailedError:
            return []
        if fields is None:
            return []
        pages.append(OutcomePage(**fields))
    return pages


def _activity_id(step: StepOutcome) -> str:
    start = step.get("start", 1)
    return step["step_id"] if start == 1 else f"{step['step_id']}#{start}"


async def _unheard_results(
    client: Client, handle: WorkflowHandle[Any, Any], wanted: Collection[str]
) -> dict[str, StepResult]:
    """What activities returned that the workflow did not get to hear of before it was ended, by activity id."""
    names: dict[int, str] = {}
    results: dict[str, StepResult] = {}
    async for event in handle.fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            names[event.event_id] = event.activity_task_scheduled_event_attributes.activity_id
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
            completed = event.activity_task_completed_event_attributes
            name = names.get(completed.scheduled_event_id, "")
            if name in wanted:
                values = await client.data_converter.decode(completed.result.payloads)
                try:
                    results[name] = step_result(values[0] if values else None)
                except LongpoleError:
                    continue  # the workflow would have failed the step
    return results


def _as_ended(step: StepOutcome, result: StepResult | None, ended_at: float | None) -> StepOutcome:
    """What ran when the run was ended has completed, or was cut short."""
    if step["status"] != "running":
        return step
    ended: StepOutcome = {**step, "completed_at": ended_at}
    if result is None:
        ended["status"], ended["reason"] = "cancelled", RUN_ENDED
        return ended
    ended["status"] = "completed"
    ended["output"], ended["slots"] = result.get("output"), result.get("slots", [])
    ended["attempts"], ended["lost"] = result.get("attempts", 1), result.get("lost", 0)
    return ended
