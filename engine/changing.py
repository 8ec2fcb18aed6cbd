"""Runs are changed while they go on: checked here with the handlers there are, and by the run itself."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

from temporalio.client import Client

from definitions.changes import changed_definition, run_change
from definitions.findings import CheckConfig, CheckHandler
from definitions.model import Definition
from engine.execution_records import ExecutionRecords
from engine.steering import tell
from engine.views import ChangedRun
from store import instances
from store.database import Database
from store.run_definitions import definition_of


class Changing:
    """Blocking database work runs in threads."""

    def __init__(
        self,
        database: Database,
        client: Client,
        check_handler: CheckHandler | None,
        check_config: CheckConfig | None,
    ) -> None:
        self._database = database
        self._client = client
        self._changed = partial(changed_definition, check_handler=check_handler, check_config=check_config)

    async def change(self, records: ExecutionRecords, execution_id: str, asked: Mapping[str, Any]) -> ChangedRun:
        """Ask the run to change; what it goes by then. Raises what `Executions.change` raises."""
        change = run_change(asked)
        if change.is_of_the_definition:
            definition = await asyncio.to_thread(self._definition, execution_id)
            await asyncio.to_thread(self._changed, definition, change)
        told = await tell(self._client, records, execution_id, "change_run", asked, "change")
        return ChangedRun(execution_id, told["digest"], told["changes"])

    def _definition(self, execution_id: str) -> Definition:
        with self._database.read() as session:
            row = instances.get_instance(session, execution_id)
            return Definition.model_validate(definition_of(session, row).document)
