"""One service of its own for crashes: Temporal server, database, task queue and a worker process."""

from __future__ import annotations

import asyncio
import signal
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from temporal_dev.locate import locate
from temporal_dev.server import DevServer

from engine.core import Engine, open_engine
from engine.settings import Settings
from tests.chaos.worker_process import WorkerProcess
from workflows import attributes

Fault = Literal["worker", "server", "both", "sigterm"]
FAULTS: tuple[Fault, ...] = ("worker", "server", "both", "sigterm")
WORKERS = 2
HANDLERS = Path(__file__).parents[1] / "handlers"


@dataclass
class Lane:
    """What a fault can hit: a server, and two workers, so that one can take over from the other."""

    folder: Path
    settings: Settings
    server: DevServer
    engine: Engine
    workers: list[WorkerProcess] = field(default_factory=list)
    leaving: list[WorkerProcess] = field(default_factory=list)
    """Workers that were told to stop."""

    async def complete(self) -> None:
        """Start what is missing; return once all workers poll."""
        while len(self.workers) < WORKERS:
            self.workers.append(WorkerProcess(self.settings, self.server.address))
        for worker in self.workers:
            await asyncio.to_thread(worker.await_ready)

    async def strike(self, fault: Fault, pid: int) -> list[int]:
        """Let it happen, to the worker with that pid. A server starts again at once. `both` takes all workers, and
        starts them again too; else the other worker has to do. Returns the pids of those that were killed."""
        killed = {"worker": [pid], "both": [worker.pid for worker in self.workers]}.get(fault, [])
        if fault == "sigterm":
            self.leaving.append(self._take(pid))
            self.leaving[-1].signal(signal.SIGTERM)
        if fault == "worker":
            self._take(pid).kill()
        if fault == "both":
            while self.workers:
                self._take(self.workers[0].pid).kill()
        if fault in ("server", "both"):
            self.server.kill()
            await asyncio.to_thread(self.server.wait)
            await asyncio.to_thread(self.server.restart)
        if fault == "both":
            await self.complete()
        return killed

    async def exit_codes(self, seconds: float) -> list[int]:
        """How the workers ended that were told to."""
        leaving, self.leaving = self.leaving, []
        return [await asyncio.to_thread(worker.wait, seconds) for worker in leaving]

    def close(self) -> None:
        """No worker is left."""
        for worker in (*self.workers, *self.leaving):
            worker.kill()

    def _take(self, pid: int) -> WorkerProcess:
        worker = next(worker for worker in self.workers if worker.pid == pid)
        self.workers.remove(worker)
        return worker


@asynccontextmanager
async def open_lane(folder: Path, **changes: Any) -> AsyncIterator[Lane]:
    """A lane whose data is in a folder. `changes`: settings."""
    settings = Settings(
        data_dir=folder / "data",
        handler_paths=(HANDLERS,),
        handler_allow=("ledger",),
        task_queue=f"lane-{uuid.uuid4().hex[:12]}",
        **changes,
    )
    server = await asyncio.to_thread(
        DevServer.start,
        locate(),
        data_dir=folder / "temporal",
        port=0,
        ui=False,
        search_attributes=attributes.TYPES,
    )
    try:
        async with open_engine(settings, temporal_address=server.address) as engine:
            lane = Lane(folder, settings, server, engine)
            try:
                yield lane
            finally:
                lane.close()
    finally:
        await asyncio.to_thread(server.stop)
