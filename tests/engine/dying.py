"""Processes that die on the way, at a failpoint."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from temporal_dev.server import DevServer

from engine.settings import Settings

ROOT = Path(__file__).parents[2]


async def die_on_the_way(
    module: str, settings: Settings, temporal: DevServer, failpoint: str, execution_id: str
) -> None:
    """Run `module TEMPORAL_ADDRESS EXECUTION_ID` with these settings until it is killed at the failpoint."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT}:{ROOT / 'temporal-dev'}",
        "LONGPOLE_DATA_DIR": str(settings.data_dir),
        "LONGPOLE_TASK_QUEUE": settings.task_queue,
        "LONGPOLE_HANDLER_PATHS": ",".join(map(str, settings.handler_paths)),
        "LONGPOLE_HANDLER_ALLOW": ",".join(settings.handler_allow),
        "LONGPOLE_FAILPOINT": f"{failpoint}:kill",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        temporal.address,
        execution_id,
        cwd=settings.data_dir,
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert await process.wait() == -signal.SIGKILL
