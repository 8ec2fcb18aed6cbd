"""What the engine returns: plain values that never change, with the document's attribute names.

Times are timezone-aware UTC, durations seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from definitions.ids import to_uuid
from engine.views import AttemptView, Execution, StoredDefinition
from longpole.workflow_engine.described import definition_of
from longpole.workflow_engine.statuses import status_word


@dataclass(frozen=True)
class WorkflowTemplate:
    """One version of a definition."""

    id: UUID
    name: str
    version: int
    definition: dict[str, Any]
    """The document: as it was given, or as it is in these words where it came in others."""
    description: str
    tags: tuple[str, ...]
    is_active: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class WorkflowInstance:
    """One run of a template. A view of a moment: `get_instance` gives the next."""

    id: UUID
    template_id: UUID
    name: str
    """The template's."""
    status: str
    """pending, running, completed, failed or cancelled."""
    priority: int
    tags: tuple[str, ...]
    input_data: Any
    output_data: Any
    """The result: the output of the only last step, or `{step id: output}` of all last steps. None before its end."""
    execution_state: dict[str, Any]
    """`status` in finer words (scheduled, paused, cancelling, timed_out, ...); `steps`: what is known of each;
    `context`: the shared context. In lists, `steps` and the context of runs that go on are left out."""
    error_message: str | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    timeout_at: datetime | None
    """When the run's timeout is over. While the run is paused it stands still; resuming moves it on."""
    duration_seconds: float | None


@dataclass(frozen=True)
class WorkflowStepExecution:
    """One attempt of a step; `attempt_number` 0: a step that never ran."""

    id: UUID
    workflow_instance_id: UUID
    step_id: str
    status: str
    """running, completed, failed, skipped or cancelled."""
    attempt_number: int
    max_attempts: int
    input_data: Any
    output_data: Any
    error_message: str | None
    error_traceback: str | None
    started_at: datetime | None
    completed_at: datetime | None
    duration_seconds: float | None
    error_class: str | None
    reason: str
    """Why it was skipped or cancelled."""


def template_view(stored: StoredDefinition) -> WorkflowTemplate:
    """A stored definition in the document's words."""
    assert stored.created_at is not None  # noqa: S101
    assert stored.updated_at is not None  # noqa: S101
    return WorkflowTemplate(
        id=to_uuid(stored.workflow_id),
        name=stored.name,
        version=stored.version,
        definition=definition_of(stored),
        description=str(stored.document.get("description", "")),
        tags=tuple(stored.document.get("tags", ())),
        is_active=stored.is_active,
        created_at=stored.created_at,
        updated_at=stored.updated_at,
    )


def instance_view(execution: Execution, *, context: dict[str, Any] | None = None) -> WorkflowInstance:
    """A run in the document's words; `context` is that of a run which goes on."""
    state: dict[str, Any] = {"status": execution.status}
    if execution.steps:
        state["steps"] = {
            step.step_id: {"status": step.status, "attempts": step.attempts, "reason": step.reason}
            for step in execution.steps
        }
    known_context = execution.context if context is None else context
    if known_context is not None:
        state["context"] = known_context
    return WorkflowInstance(
        id=to_uuid(execution.execution_id),
        template_id=to_uuid(execution.workflow_id),
        name=execution.name,
        status=status_word(execution.status),
        priority=execution.priority,
        tags=execution.tags,
        input_data=execution.input,
        output_data=execution.output,
        execution_state=state,
        error_message=(execution.error or {}).get("message"),
        created_at=execution.created_at,
        started_at=execution.started_at,
        completed_at=execution.completed_at,
        timeout_at=execution.timeout_at,
        duration_seconds=execution.duration_seconds,
    )


def step_execution_view(execution_id: str, attempt: AttemptView) -> WorkflowStepExecution:
    """An attempt in the document's words."""
    return WorkflowStepExecution(
        id=attempt.id,
        workflow_instance_id=to_uuid(execution_id),
        step_id=attempt.step_id,
        status=attempt.status,
        attempt_number=attempt.attempt,
        max_attempts=attempt.max_attempts,
        input_data=attempt.input,
        output_data=attempt.output,
        error_message=attempt.error_message,
        error_traceback=attempt.error_traceback,
        started_at=attempt.started_at,
        completed_at=attempt.completed_at,
        duration_seconds=attempt.duration_seconds,
        error_class=attempt.error_class,
        reason=attempt.reason,
    )
