"""Why the steps of a run are where they are: what its workflow, Temporal and the records know of that."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client

from definitions.calls import FINAL_RUN_STATUSES, StepExplanation
from definitions.errors import NotFound
from engine.execution_records import ExecutionRecords
from engine.temporal import told_by_run
from engine.views import Execution, StepView

NO_WORKER_SECONDS = 2.0
"""A step that waits longer than this for a worker is said to have none."""
_MOST_OF_A_PATH = 300


async def explain(
    client: Client, records: ExecutionRecords, execution_id: str, step_id: str | None = None
) -> list[StepExplanation]:
    """Why the step, or each that has not ended, is where it is; of a run that is over, why each did not complete.

    Raises `ExecutionNotFound`, `NotFound` (`step_not_found`), and `ServiceUnavailable` where no worker answers."""
    run = await records.get(execution_id)
    if step_id is not None and step_id not in {step.step_id for step in run.steps}:
        return [await _explain_inside(client, records, run, step_id)]
    if run.status in FINAL_RUN_STATUSES:
        return [_of_record(run, step) for step in run.steps if _asked(step, step_id)]
    told, pending = await _told(client, execution_id, step_id)
    if told is None:
        return [_not_begun(run, step) for step in run.steps if step_id in (None, step.step_id)]
    return [_with_attempt(each, pending) for each in told["steps"]]


async def _explain_inside(client: Client, records: ExecutionRecords, run: Execution, path: str) -> StepExplanation:
    """Why a step inside of a control step is where it is. The run itself knows only of blocks that are under way."""
    not_there = f"{run.execution_id} has no step {path[:_MOST_OF_A_PATH]!r}"
    if "." in path and run.status not in FINAL_RUN_STATUSES:
        told, pending = await _told(client, run.execution_id, path)
        if told is not None and told.get("steps"):
            return _with_attempt(told["steps"][0], pending)
        if told is not None and told.get("known"):
            not_there = str(told["error"])
    step = await records.inner_step(run.execution_id, path) if "." in path else None
    if step is not None:
        return _of_record(run, step)
    raise NotFound(
        not_there,
        code="step_not_found",
        remedy=f"its steps can be seen with `longpole show {run.execution_id}`",
    )


async def _told(
    client: Client, execution_id: str, step_id: str | None
) -> tuple[dict[str, Any] | None, Mapping[str, PendingActivityInfo]]:
    """What the workflow says of its steps, and by path what Temporal knows of their activities; None: it has no such
    run."""
    handle = client.get_workflow_handle(execution_id)
    told: dict[str, Any] | None = await told_by_run(client, handle.query("explain", step_id), "why")
    description = await told_by_run(client, handle.describe(), "why")
    if told is None or description is None:
        return None, {}
    pending = description.raw_description.pending_activities
    return told, {activity.activity_id.partition("#")[0]: activity for activity in pending}


def _asked(step: StepView, step_id: str | None) -> bool:
    return step.status != "completed" if step_id is None else step.step_id == step_id


def _with_attempt(told: StepExplanation, pending: Mapping[str, PendingActivityInfo]) -> StepExplanation:
    """The workflow only knows that the step is with Temporal; Temporal knows what it waits for there."""
    activity = pending.get(told["step_id"])
    if told["why"] != "running" or activity is None:
        return told
    now = datetime.now(UTC)
    if activity.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED:
        return {
            **told,
            "message": f"it runs: attempt {activity.attempt} of Temporal's, on {activity.last_worker_identity}",
        }
    until = (
        activity.next_attempt_schedule_time.ToDatetime(UTC) if activity.HasField("next_attempt_schedule_time") else now
    )
    if until > now:
        failure = activity.last_failure.message
        said = f"it failed ({failure}) and is tried again at {until:%Y-%m-%d %H:%M:%S} UTC"
        return {**told, "why": "retry_backoff", "message": said}
    waited = (now - activity.scheduled_time.ToDatetime(UTC)).total_seconds()
    if waited < NO_WORKER_SECONDS:
        return {**told, "message": "it waits for a free worker"}
    return {
        **told,
        "why": "no_worker",
        "message": f"it has waited {waited:.0f} s for a worker: all are busy, or none is running",
    }


def _of_record(run: Execution, step: StepView) -> StepExplanation:
    reason = step.error_message if step.status == "failed" else step.reason.replace("_", " ")
    said = f"it is {step.status}: {reason}" if reason else f"it is {step.status}"
    if run.status in FINAL_RUN_STATUSES:
        said = f"the run is over ({run.status}); {said}"
    return StepExplanation(
        step_id=step.step_id,
        status=step.status,  # type: ignore[typeddict-item]
        why="ended",
        message=said,
        waits_for=[],
    )


def _not_begun(run: Execution, step: StepView) -> StepExplanation:
    said = f"the run is {run.status}: Temporal does not have it yet"
    return StepExplanation(step_id=step.step_id, status="pending", why="starting", message=said, waits_for=[])
