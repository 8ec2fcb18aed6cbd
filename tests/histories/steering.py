"""What somebody does to a run while it is being recorded."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from temporalio.client import WorkflowHandle

from definitions.calls import FINAL_RUN_STATUSES
from definitions.ids import child_execution_id
from engine.core import Engine
from tests.polling import eventually
from tests.running import statuses


@dataclass(frozen=True)
class Run:
    """A run under way."""

    engine: Engine
    execution_id: str

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        return self.engine.client.get_workflow_handle(self.execution_id)

    async def until(self, **wanted: str) -> None:
        """Wait until these steps have that status, or have ended."""

        async def so_far() -> bool:
            found = statuses(await self.engine.executions.get(self.execution_id))
            return all(found[step] in (status, "completed") for step, status in wanted.items())

        await eventually(so_far)

    async def until_paused(self) -> None:
        async def paused() -> bool:
            return bool((await self.handle.query("progress"))["status"] == "paused")

        await eventually(paused)

    async def until_asked(self, step: str) -> None:
        """Wait until a step asks for an approval."""

        async def asked() -> bool:
            return any(each["step"] == step for each in await self.engine.executions.approvals(self.execution_id))

        await eventually(asked)

    async def child_of(self, step: str) -> Run:
        """The run that is that step of this one, once it has begun."""
        execution_id = child_execution_id(self.execution_id, step, 1)

        async def begun() -> bool:
            found, _ = await self.engine.executions.find(parent=self.execution_id)
            return any(each.execution_id == execution_id and each.status == "running" for each in found)

        await eventually(begun)
        return Run(self.engine, execution_id)

    async def until_over(self) -> None:
        async def over() -> bool:
            return await self.engine.executions.status(self.execution_id) in FINAL_RUN_STATUSES

        await eventually(over)

    async def go_on(self) -> None:
        """From what is done."""
        await self.engine.executions.continue_run(self.execution_id)

    async def change(self, asked: dict[str, Any]) -> None:
        await self.engine.executions.change(self.execution_id, asked)

    async def lapse(self, seconds: float) -> None:
        """Time goes by, for which nothing tells that it has."""
        await asyncio.sleep(seconds)

    async def signal(self, name: str, argument: Any = None) -> None:
        await self.handle.signal(name, args=[] if argument is None else [argument])

    async def cancel_through_temporal(self) -> None:
        await self.handle.cancel()
