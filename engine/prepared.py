"""Runs that are stored first and started later, on request: needs only the store until then."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from activities.parcel import parcel_of
from definitions.ids import new_execution_id, workflow_id
from definitions.model import Definition
from definitions.validation import check_input
from engine.outgoing import row_of
from engine.views import StoredDefinition
from store import instances, prepared, templates
from store.blobs import BlobStore
from store.database import Database
from store.timeouts import deadline


class PreparedRuns:
    """Runs between being stored and being released. Blocking database work runs in threads."""

    def __init__(self, database: Database, blobs: BlobStore) -> None:
        self._database = database
        self._blobs = blobs

    async def prepare(
        self,
        stored: StoredDefinition,
        run_input: Any,
        *,
        owner: str = "local",
        priority: int | None = None,
        tags: Sequence[str] = (),
    ) -> str:
        """Store a run without starting it; returns its execution id.

        Raises `InputInvalid`, `StoreUnavailable`, and what the blob storage raises."""
        check_input(stored.definition, run_input)
        execution_id = new_execution_id()
        new = row_of(stored, run_input, execution_id=execution_id, owner=owner, priority=priority, tags=tags)

        def write() -> None:
            parcel_of(stored.document, run_input, self._blobs)  # what can't be sent later is refused now
            with self._database.write() as session:
                prepared.prepare(session, **new)

        await asyncio.to_thread(write)
        return execution_id

    async def release(self, execution_id: str) -> bool:
        """Let the run happen: from now on the relay sees to it. False: it was released before, and may be over.

        Raises `ExecutionNotFound`."""

        def write() -> bool:
            with self._database.write() as session:
                row = instances.get_instance(session, execution_id)
                document = templates.get_revision(session, workflow_id(row.template_id), row.revision).definition
                timeout_at = deadline(Definition.model_validate(document)) if prepared.is_prepared(row) else None
                return prepared.release(session, execution_id, timeout_at=timeout_at)

        return await asyncio.to_thread(write)

    async def withdraw(self, execution_id: str, *, reason: str) -> bool:
        """Cancel a run that was not released. False: it was."""

        def write() -> bool:
            with self._database.write() as session:
                if not prepared.release(session, execution_id, timeout_at=None):
                    return False
                return instances.finish(
                    session,
                    execution_id,
                    status="cancelled",
                    completed_at=datetime.now(UTC),
                    error={"message": reason, "error_class": "cancelled"},
                )

        return await asyncio.to_thread(write)

    async def any_open(self) -> bool:
        """Whether a run is to happen, or goes on."""

        def read() -> bool:
            with self._database.read() as session:
                return prepared.any_open(session)

        return await asyncio.to_thread(read)
