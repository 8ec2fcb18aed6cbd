"""A server with both workers on it: one for workflows written by hand, and Longpole's."""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from temporal_dev.locate import locate
from temporal_dev.server import DevServer
from temporalio.worker import Worker

from benchmarks import by_hand
from engine.core import Engine, open_engine
from engine.garbage import spare_what_stays
from engine.service import working
from engine.settings import Settings
from engine.worker import CACHED_WORKFLOWS, STICKY_TIMEOUT, WORKFLOW_SLOTS
from workflows import attributes

Timed = Callable[[], Awaitable[None]]

_HAND_QUEUE = "by-hand"


@dataclass(frozen=True)
class SideBySide:
    """The same work, both ways."""

    engine: Engine

    def hand(self, workflow: Any, steps: int, runs: int = 1) -> Timed:
        """So many runs at once of a workflow of `benchmarks.by_hand`."""

        async def one() -> None:
            await self.engine.client.execute_workflow(
                workflow, steps, id=f"hand-{uuid.uuid4().hex}", task_queue=_HAND_QUEUE
            )

        return _at_once(one, runs)

    async def ours(self, document: dict[str, Any], runs: int = 1) -> Timed:
        """So many runs at once of a definition."""
        stored = await self.engine.definitions.save(document)

        async def one() -> None:
            await self.engine.executions.result(await self.engine.executions.start(stored, {}))

        return _at_once(one, runs)


def _at_once(one: Timed, runs: int) -> Timed:
    async def timed() -> None:
        await asyncio.gather(*(one() for _ in range(runs)))

    return timed


@asynccontextmanager
async def open_side_by_side(durability: Literal["normal", "full"] = "normal", **more: Any) -> AsyncIterator[SideBySide]:
    """Server, database, client and both workers; all but the server are in this process. `more`: settings."""
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder)
        with DevServer.start(
            locate(), data_dir=data_dir, port=0, ui=False, search_attributes=attributes.TYPES, durability=durability
        ) as server:
            settings = Settings(
                data_dir=data_dir,
                handler_paths=(Path(__file__).parent / "handlers",),
                handler_allow=("bench_steps",),
                max_concurrent_steps=50,
                **more,
            )
            async with open_engine(settings, temporal_address=server.address) as engine:
                hand_worker = Worker(
                    engine.client,
                    task_queue=_HAND_QUEUE,
                    workflows=[by_hand.Chain, by_hand.FanOut, by_hand.LocalChain, by_hand.LocalFanOut],
                    activities=[by_hand.no_op],
                    max_cached_workflows=CACHED_WORKFLOWS,
                    max_concurrent_workflow_tasks=WORKFLOW_SLOTS,
                    max_concurrent_activities=settings.max_concurrent_steps,
                    sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
                    graceful_shutdown_timeout=timedelta(seconds=1),
                )
                async with hand_worker, working(engine):
                    spare_what_stays()  # as `longpole worker` does
                    yield SideBySide(engine)
