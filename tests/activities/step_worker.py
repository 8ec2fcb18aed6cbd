"""A worker for steps with everything real around it; run as a program, one to be killed.

python step_worker.py ADDRESS TASK_QUEUE DATA_DIR
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from temporalio.client import Client
from temporalio.worker import Worker

from activities.attempt import StepActivities, StepSettings
from activities.masking import Masker
from activities.recording import Recorder
from activities.registry import HandlerRegistry
from store.blobs import BlobStore
from store.database import Database

HANDLERS = Path(__file__).parent / "handlers"


def registry() -> HandlerRegistry:
    return HandlerRegistry(["attempt_handlers"], [HANDLERS])


@asynccontextmanager
async def step_worker(
    client: Client, task_queue: str, database: Database, data_dir: Path, *, grace: float = 2.0
) -> AsyncIterator[Recorder]:
    """Works as long as the block lasts; the recorder is closed after it."""
    # Imported here, as no other process than the tests' own starts workflows.
    from one_step import OneStep

    recorder = Recorder(database)
    masker = Masker()
    steps = StepActivities(
        registry(),
        recorder,
        BlobStore(data_dir / "blobs"),
        masker,
        StepSettings(data_dir, worker="tester", cleanup=3.0, cleanup_on_timeout=1.0),
    )
    try:
        async with Worker(
            client,
            task_queue=task_queue,
            workflows=[OneStep],
            activities=[steps.run_step],
            graceful_shutdown_timeout=timedelta(seconds=grace),
            max_heartbeat_throttle_interval=timedelta(seconds=1),
            default_heartbeat_throttle_interval=timedelta(seconds=1),
            sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
        ):
            yield recorder
    finally:
        steps.close()
        recorder.close(5.0)


async def main(address: str, task_queue: str, data_dir: str) -> None:
    client = await Client.connect(address)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    database = Database(f"sqlite:///{Path(data_dir) / 'test.db'}")
    async with step_worker(client, task_queue, database, Path(data_dir)):
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
