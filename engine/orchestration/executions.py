"""Executions of workflows: begun under a name, followed, stopped."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from definitions.calls import FINAL_RUN_STATUSES
from definitions.errors import Conflict
from definitions.ids import execution_id as identifier
from definitions.ids import to_uuid
from engine.access.identity import Identity
from engine.core import Engine
from engine.orchestration.following import Following
from engine.orchestration.stopping import StopWish, stop
from engine.orchestration.views import ExecutionStatus
from engine.orchestration.workflows import Workflows
from engine.views import StoredDefinition
from store.database import Session
from store.orchestration import add_origin
from store.orchestration_tables import ExecutionOrigin

_log = structlog.get_logger()


@dataclass(frozen=True)
class ExecuteWish:
    """How a workflow is to be run. `instead`: the core definition that the run goes by, where steps of it are to be
    others than stored; `correlation_id`, `trace_id`: of the request, empty: the run's own."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    name: str | None = None
    priority: int | None = None
    tags: Sequence[str] = ()
    instead: Mapping[str, Any] | None = None
    correlation_id: str = ""
    trace_id: str = ""


class WorkflowExecutions:
    """All that can be done with executions, for a viewer; `engine` is as they may use it."""

    def __init__(self, engine: Engine, viewer: Identity) -> None:
        self._engine = engine
        self._workflows = Workflows(engine, viewer)
        self.following = Following(engine)

    async def execute(self, stored: StoredDefinition, wish: ExecuteWish, *, run_uuid: UUID) -> ExecutionStatus:
        """Start a run of a workflow; again with the same id it is the same run.

        Raises `InputInvalid`, `Conflict` (`workflow_paused`, `execution_name_taken`), `StoreUnavailable`."""
        if stored.activation == "paused":
            raise Conflict(
                f"{stored.workflow_id} is paused: nothing of it begins",
                code="workflow_paused",
                remedy="activate it first",
            )
        execution_id = identifier(run_uuid)
        document = stored.document if wish.instead is None else wish.instead
        expected = await self._workflows.estimating.estimate(document, stored.workflow_id)
        origin = ExecutionOrigin(
            instance_id=run_uuid,
            template_id=to_uuid(stored.workflow_id),
            name=wish.name,
            correlation_id=wish.correlation_id,
            trace_id=wish.trace_id or run_uuid.hex,
            estimated_completion=datetime.now(UTC) + timedelta(seconds=expected.seconds),
        )

        def beside(session: Session) -> None:
            add_origin(session, origin)

        await self._engine.executions.start(
            stored,
            dict(wish.parameters),
            priority=wish.priority,
            tags=wish.tags,
            execution_id=execution_id,
            instead=wish.instead,
            beside=beside,
        )
        return await self.following.status(execution_id)

    async def note_origin(self, execution_id: str, workflow_id: str, correlation_id: str, trace_id: str) -> None:
        """Keep which request a run was begun by that was not begun by `execute`; the first time counts."""
        run_uuid = to_uuid(execution_id)
        origin = ExecutionOrigin(
            instance_id=run_uuid,
            template_id=to_uuid(workflow_id),
            correlation_id=correlation_id,
            trace_id=trace_id or run_uuid.hex,
        )

        def write() -> None:
            with self._engine.database.write() as session:
                add_origin(session, origin)

        await asyncio.to_thread(write)

    async def wait(self, execution_id: str, seconds: float) -> ExecutionStatus:
        """How the run stands once it is over, or after so many seconds if it is not by then."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._engine.executions.ended(execution_id)
        return await self.following.status(execution_id)

    async def stop(self, execution_id: str, wish: StopWish) -> None:
        """End a run early. Raises `ExecutionNotFound`, `Conflict` (`invalid_status`), `ServiceUnavailable`."""
        status = await self._engine.executions.status(execution_id)
        if status in FINAL_RUN_STATUSES:
            raise Conflict(f"{execution_id} is {status}: there is nothing to stop", code="invalid_status")
        await stop(self._engine, execution_id, wish)
        _log.info("an execution is being stopped", execution_id=execution_id, reason=wish.reason)
