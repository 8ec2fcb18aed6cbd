"""The Orchestration API's words to the core's, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from api.orchestration import wire
from api.orchestration.described import document_of
from api.orchestration.errors import validation_results
from definitions.errors import Problem
from engine.orchestration.estimating import is_machine
from engine.orchestration.logs import LogPage, PluginLine
from engine.orchestration.stopping import StopWish
from engine.orchestration.usage import WORKERS, measured_usage
from engine.orchestration.views import Estimate, ExecutionStatus, LastRun, Origin, StepProgress, WorkflowSummary
from engine.views import StoredDefinition

_WORDS: dict[str, wire.ExecutionWord] = {
    "scheduled": "pending",
    "pending": "running",
    "running": "running",
    "paused": "paused",
    "cancelling": "stopping",
    "completed": "completed",
    "failed": "failed",
    "timed_out": "failed",
    "cancelled": "stopped",
}
_ACTIVATIONS: dict[str, wire.WorkflowStatus] = {"draft": "created", "active": "active", "paused": "paused"}
_GAUGES = ("cluster_id", "job_id", "warehouse")
"""What of a step's config says where it runs."""


def execution_word(status: str) -> wire.ExecutionWord:
    """A run's status."""
    return _WORDS[status]


def core_statuses(word: str) -> list[str]:
    """The core's statuses of which that is the word."""
    return [status for status, its in _WORDS.items() if its == word]


def activation_of(status: wire.ListedStatus | None) -> str | None:
    """The core's word for a workflow that has never been executed, or whatever its executions came to."""
    return next((core for core, word in _ACTIVATIONS.items() if word == status), None)


def last_statuses(status: wire.ListedStatus | None) -> list[str] | None:
    """The core's statuses of the last execution that a filter asks for."""
    return core_statuses(status) if status in ("completed", "failed") else None


def workflow(summary: WorkflowSummary) -> wire.Workflow:
    """A workflow in a list."""
    return wire.Workflow(**_workflow(summary))


def whole_workflow(summary: WorkflowSummary) -> wire.WholeWorkflow:
    """A workflow."""
    stored = summary.stored
    return wire.WholeWorkflow(
        **_workflow(summary),
        updated_at=stored.updated_at,
        revision=stored.revision,
        definition=document_of(stored),
    )


def _workflow(summary: WorkflowSummary) -> dict[str, Any]:
    stored, metrics = summary.stored, summary.metrics
    return {
        "id": stored.workflow_id,
        "name": stored.name,
        "version": stored.definition.version,
        "status": _ACTIVATIONS[stored.activation],
        "description": stored.definition.description,
        "created_by": stored.owner,
        "created_at": stored.created_at,
        "last_execution": None if summary.last is None else last_execution(summary.last),
        "metrics": wire.Metrics(
            total_executions=metrics.total_executions,
            success_rate=metrics.success_rate,
            avg_duration_seconds=metrics.average_seconds,
        ),
        "tags": [*stored.definition.tags],
    }


def last_execution(run: LastRun) -> wire.LastExecution:
    """A run beside its workflow."""
    return wire.LastExecution(
        execution_id=run.execution_id,
        status=_WORDS[run.status],
        started_at=run.started_at,
        completed_at=run.completed_at,
        duration_seconds=run.duration_seconds,
    )


def created(
    stored: StoredDefinition, expected: Estimate, usd: float, *, scheduled: bool, warnings: Sequence[Problem] = ()
) -> wire.CreatedWorkflow:
    """What became of a document that was stored; `usd`: what one unit of the pools' currency is worth; `warnings`: what
    stands against its activation."""
    return wire.CreatedWorkflow(
        id=stored.workflow_id,
        name=stored.name,
        version=stored.definition.version,
        status=_ACTIVATIONS[stored.activation],
        validation_results=validation_results(warnings=warnings),
        estimated_cost=wire.EstimatedCost(
            compute_hours=expected.compute_hours, estimated_usd=expected.cost * usd + expected.usd
        ),
        next_steps=_next_steps(stored, scheduled=scheduled, clashes=bool(warnings)),
    )


def _next_steps(stored: StoredDefinition, *, scheduled: bool, clashes: bool) -> list[str]:
    steps = ["Change the schedule, which conflicts with others"] if clashes else []
    if stored.activation != "active":
        steps.append("Activate workflow to enable scheduling" if scheduled else "Activate workflow")
    if stored.revision == 1:
        steps.append("Test workflow with manual execution")
    if not scheduled:
        steps.append("Add a schedule to run it by itself")
    if not (stored.source or {}).get("notifications"):
        steps.append("Add notifications to learn how executions end")
    return [*steps, "Configure monitoring alerts"]


def execution(found: ExecutionStatus) -> wire.Execution:
    """An execution when it begins, or has ended where the answer waited for it."""
    run = found.execution
    return wire.Execution(
        execution_id=run.execution_id,
        workflow_id=run.workflow_id,
        execution_name=found.origin.name,
        status=_WORDS[run.status],
        started_at=run.started_at or run.created_at,
        estimated_completion=found.origin.estimated_completion,
        completed_at=run.completed_at,
        current_step=found.current_step,
        progress=_progress(found),
        execution_url=found.url,
        output=run.output,
        error=run.error,
    )


def execution_status(found: ExecutionStatus, usd: float) -> wire.ExecutionStatus:
    """An execution, step by step."""
    run, usage = found.execution, found.usage
    return wire.ExecutionStatus(
        execution_id=run.execution_id,
        workflow_id=run.workflow_id,
        execution_name=found.origin.name,
        status=_WORDS[run.status],
        started_at=run.started_at or run.created_at,
        updated_at=found.updated_at,
        completed_at=run.completed_at,
        current_step=found.current_step,
        progress=_progress(found),
        step_details=[_step(each) for each in found.steps],
        resource_usage=wire.ResourceUsage(
            total_compute_hours=usage.compute_hours,
            cost_usd=usage.cost * usd + usage.reported_usd,
            peak_memory_gb=usage.peak_memory_gb or 0,
            peak_cpu_cores=usage.peak_cpu_cores or 0,
        ),
        artifacts=[each["uri"] for each in found.artifacts] or None,
        output=run.output,
        error=run.error,
    )


def _progress(found: ExecutionStatus) -> wire.Progress:
    return wire.Progress(completed_steps=found.done, total_steps=len(found.steps), percentage=found.percentage)


def _step(step: StepProgress) -> wire.StepDetails:
    view = step.view
    is_running, is_pending = view.status == "running", view.status == "pending"
    return wire.StepDetails(
        id=view.step_id,
        status=view.status,
        name=view.title if view.title != view.step_id else None,
        depends_on=[*step.depends_on] if is_pending else None,
        started_at=view.started_at,
        completed_at=view.completed_at,
        duration_seconds=view.duration_seconds,
        attempt=view.attempts if view.attempts > 1 else None,
        progress=_step_progress(step) if is_running else None,
        resource_usage=_step_usage(step) if not is_pending else None,
        artifacts=[*view.artifacts] or None,
        output=view.output if view.status == "completed" else None,
        error=(
            {"message": view.error_message, "error_class": view.error_class} if view.error_message is not None else None
        ),
        reason=view.reason or None,
    )


def _step_progress(step: StepProgress) -> wire.StepProgress | None:
    if step.view.progress is None:
        return None
    label = step.view.progress_label or str(step.config.get("operation", "")) or "running"
    return wire.StepProgress(current_operation=label, percentage=int(100 * step.view.progress))


def _step_usage(step: StepProgress) -> dict[str, Any] | None:
    """What the step has said that it uses, or else its worker has seen, beside what it holds."""
    machines = sum(amount for name, amount in step.amounts.items() if is_machine(name))
    held = {name: step.config[name] for name in _GAUGES if isinstance(step.config.get(name), str)}
    if machines:
        held[WORKERS] = int(machines)
    return {**held, **measured_usage(step.view.measured, step.amounts), **step.view.usage} or None


def stop_wish(request: wire.StopRequest) -> StopWish:
    """How an execution is to end."""
    return StopWish(
        reason=request.reason,
        graceful=request.graceful,
        cleanup_resources=request.cleanup_resources,
        save_partial_results=request.save_partial_results,
    )


def stopping(execution_id: str, wish: StopWish) -> wire.Stopping:
    """What was asked of an execution."""
    return wire.Stopping(
        execution_id=execution_id,
        status="stopping",
        reason=wish.reason,
        graceful=wish.graceful,
        grace_seconds=wish.grace_seconds,
        cleanup_resources=wish.cleanup_resources,
        save_partial_results=wish.save_partial_results,
    )


def levels_from(least: wire.LogLevel | None) -> tuple[str, ...] | None:
    """A level and those above it."""
    levels: tuple[str, ...] = get_args(wire.LogLevel)
    return None if least is None else levels[levels.index(least) :]


def logs(execution_id: str, page: LogPage) -> wire.Logs:
    """A page of a log."""
    return wire.Logs(
        execution_id=execution_id,
        logs=[_log_entry(each, page.origin) for each in page.lines],
        pagination=wire.LogPagination(
            total_entries=page.total,
            returned_entries=len(page.lines),
            has_more=page.cursor is not None,
            next_cursor=None if page.cursor is None else str(page.cursor),
        ),
    )


def _log_entry(found: PluginLine, origin: Origin) -> wire.LogEntry:
    line = found.line
    known = {"correlation_id": origin.correlation_id} if origin.correlation_id is not None else {}
    return wire.LogEntry(
        timestamp=line.at,
        level=line.level,
        step_id=line.step_id,
        plugin=found.plugin,
        message=line.message,
        metadata={**known, "trace_id": origin.trace_id, **line.metadata},
    )
