"""How far an execution is: its steps, what they use, what it has cost so far. Only reads."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from definitions.calls import FINAL_STEP_STATUSES
from definitions.graph import dependencies
from definitions.ids import to_uuid
from definitions.model import Definition
from engine.core import Engine
from engine.orchestration.usage import usage_of
from engine.orchestration.views import ExecutionStatus, Origin, StepProgress
from engine.run_link import run_link
from engine.scheduling.pools import PoolBook
from engine.views import Event, Execution, StepView
from store import events, instances, steps
from store.orchestration import origin_of
from store.orchestration_tables import ExecutionOrigin
from store.run_definitions import definition_of
from store.tables import WorkflowStepExecution

UPSTREAM_FAILED = "upstream_failed"
_EVENTS = 10_000
_OF_STEPS = {
    "step.started": "running",
    "step.completed": "completed",
    "step.recovered": "completed",
    "step.failed": "failed",
    "step.skipped": "skipped",
    "step.cancelled": "cancelled",
}


class Following:
    """Reads of executions, for whoever the engine is for."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pools = PoolBook(engine.database, engine.settings.pools_file)

    async def status(self, execution_id: str) -> ExecutionStatus:
        """How far a run is. Raises `ExecutionNotFound`."""
        execution = await self._engine.executions.get(execution_id)

        def read() -> ExecutionStatus:
            with self._engine.database.read() as session:
                row = instances.get_instance(session, execution_id)
                definition = Definition.model_validate(definition_of(session, row).document)
                attempts = steps.list_steps(session, execution_id)
                told: list[Event] = []
                if _has_silent_steps(definition, execution):
                    rows = events.since(session, execution_id, limit=_EVENTS)
                    told = [Event(each.sequence, each.type, each.at, each.step_id, each.data) for each in rows]
                origin = origin_of(session, execution_id)
                pools = self._pools.read(session)
            now = datetime.now(UTC)
            found = _steps(definition, execution, told)
            amounts = {each.view.step_id: each.amounts for each in found}
            return ExecutionStatus(
                execution=execution,
                steps=found,
                usage=usage_of(attempts, amounts, pools, now),
                origin=origin_or_own(origin, execution_id),
                updated_at=_updated(execution, attempts, told),
                done=sum(_is_behind(each.view) for each in found),
                current_step=_current(execution, found),
                url=self.url(execution_id),
                artifacts=tuple(each for attempt in attempts for each in attempt.artifacts),
            )

        return await asyncio.to_thread(read)

    def url(self, execution_id: str) -> str | None:
        """The run's page in the Temporal web UI; None: nobody knows where that is."""
        settings = self._engine.settings
        ui_url = settings.temporal_ui_url
        if ui_url is None and settings.temporal_ui_port:
            ui_url = f"http://127.0.0.1:{settings.temporal_ui_port}"
        return run_link(ui_url, execution_id, self._engine.client.namespace)


def origin_or_own(row: ExecutionOrigin | None, execution_id: str) -> Origin:
    """How a run was begun; of one that began otherwise, its own trace."""
    if row is None:
        return Origin(None, None, to_uuid(execution_id).hex)
    return Origin(row.name, row.correlation_id or None, row.trace_id, row.estimated_completion)


def _has_silent_steps(definition: Definition, execution: Execution) -> bool:
    """Whether there are steps without attempts of their own, which are told of by events until the run is over."""
    return execution.completed_at is None and any(step.handler is None for step in definition.steps)


def _steps(definition: Definition, execution: Execution, told: Sequence[Event]) -> tuple[StepProgress, ...]:
    views = {view.step_id: view for view in execution.steps}
    for event in told:
        if event.step_id in views and event.type in _OF_STEPS:
            views[event.step_id] = _as_told(views[event.step_id], event)
    before = dependencies(definition)
    return tuple(
        StepProgress(
            views.get(step.id) or StepView(step.id, step.title, "pending"),
            before[step.id],
            dict(step.resources),
            dict(step.input or {}),
        )
        for step in definition.steps
    )


def _as_told(view: StepView, event: Event) -> StepView:
    if view.attempts or view.completed_at is not None:
        return view  # its records say more
    status = _OF_STEPS[event.type]
    if status == "running":
        return replace(view, status=status, started_at=event.at)
    ended = event.at if status in FINAL_STEP_STATUSES else None
    return replace(view, status=status, completed_at=ended)


def _is_behind(view: StepView) -> bool:
    return view.status == "completed" or (view.status == "skipped" and view.reason != UPSTREAM_FAILED)


def _current(execution: Execution, found: Sequence[StepProgress]) -> str | None:
    """The first step that runs, or else the first that may start next; None: the run is over."""
    if execution.completed_at is not None:
        return None
    running = next((each.view.step_id for each in found if each.view.status == "running"), None)
    if running is not None:
        return running
    behind = {each.view.step_id for each in found if _is_behind(each.view)}
    ready = (each for each in found if each.view.status == "pending" and behind.issuperset(each.depends_on))
    return next((each.view.step_id for each in ready), None)


def _updated(execution: Execution, attempts: Sequence[WorkflowStepExecution], told: Sequence[Event]) -> datetime:
    moments = [execution.created_at, execution.started_at, execution.completed_at, *(event.at for event in told)]
    moments += [moment for attempt in attempts for moment in (attempt.started_at, attempt.completed_at)]
    return max(moment for moment in moments if moment is not None)
