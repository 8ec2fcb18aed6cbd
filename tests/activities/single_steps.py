"""Single steps on a real server, and what the store has of them afterwards."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from one_step import OneCall, OneStep
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ActivityError, ApplicationError

from activities.recording import Recorder
from definitions.calls import StepResult
from store import events, logs
from store.blobs import BlobStore
from store.database import Database
from store.steps import list_steps
from store.tables import WorkflowEvent, WorkflowLogLine, WorkflowStepExecution

CANARY = 'c4n"ary/+value&7'


@dataclass
class Records:
    """What the store has of a run."""

    database: Database

    def attempts(self, execution_id: str) -> list[WorkflowStepExecution]:
        with self.database.read() as session:
            return list_steps(session, execution_id)

    def events(self, execution_id: str) -> list[WorkflowEvent]:
        with self.database.read() as session:
            return events.since(session, execution_id)

    def lines(self, execution_id: str) -> list[WorkflowLogLine]:
        with self.database.read() as session:
            return logs.query(session, execution_id).lines


@dataclass
class Steps:
    """Runs single steps on a real server."""

    client: Client
    task_queue: str
    data_dir: Path
    database: Database
    new_execution: Callable[[], str]
    recorder: Recorder | None = None
    blobs: BlobStore = field(init=False)
    last: str = ""
    """The execution that was started last."""

    def __post_init__(self) -> None:
        self.blobs = BlobStore(self.data_dir / "blobs")

    @property
    def notes(self) -> Path:
        """A file for handlers to write to."""
        return self.data_dir / "notes"

    async def start(
        self, handler: str, data: Any = None, *, execution_id: str | None = None, **call: Any
    ) -> WorkflowHandle[Any, Any]:
        self.last = execution_id or self.new_execution()
        name = handler if "." in handler else f"attempt_handlers.{handler}"
        document = {"execution_id": self.last, "step_id": "s", "handler": name, "input": data, **call}
        return await self.client.start_workflow(
            OneStep.run,
            OneCall(document, call.get("max_attempts", 1), call.get("timeout", 60.0)),
            id=f"{self.last}-{uuid.uuid4().hex[:6]}",
            task_queue=self.task_queue,
        )

    async def result(self, handler: str, data: Any = None, **call: Any) -> StepResult:
        result: StepResult = await (await self.start(handler, data, **call)).result()
        return result

    async def failure(self, handler: str, data: Any = None, **call: Any) -> ApplicationError:
        return await failure_of(await self.start(handler, data, **call))


async def failure_of(handle: WorkflowHandle[Any, Any]) -> ApplicationError:
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    cause = caught.value.cause
    assert isinstance(cause, ActivityError)
    assert isinstance(cause.cause, ApplicationError), repr(cause.cause)
    return cause.cause
