"""Workers that are killed: what they ran is run again, and does not use up the step's attempts."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from single_steps import Steps, failure_of
from step_worker import step_worker
from temporal_dev.server import DevServer

from tests.polling import eventually

ROOT = Path(__file__).parents[2]


@pytest.fixture
def spawn(temporal: DevServer, idle_steps: Steps) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts a worker process of its own."""
    workers: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        script = Path(__file__).with_name("step_worker.py")
        workers.append(
            subprocess.Popen(
                [sys.executable, script, temporal.address, idle_steps.task_queue, idle_steps.data_dir],
                env={"PYTHONPATH": f"{ROOT}:{ROOT / 'temporal-dev'}:{Path(__file__).parent}", "PATH": "/usr/bin:/bin"},
            )
        )
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()
        worker.wait()


async def started_times(steps: Steps, count: int) -> None:
    async def noticed() -> bool:
        return steps.notes.exists() and steps.notes.read_text().count("started") >= count

    await eventually(noticed)


async def test_an_attempt_that_its_worker_took_down_with_it_does_not_count(
    idle_steps: Steps, spawn: Callable[[], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    steps = idle_steps
    handle = await steps.start("sleeps", {"seconds": 6.0, "notes": str(steps.notes)}, max_attempts=1)
    worker = spawn()
    await started_times(steps, 1)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    async with step_worker(steps.client, steps.task_queue, steps.database, tmp_path):
        assert await handle.result() == {"output": "slept", "lost": 1}
    # To its handler it was the first attempt both times.
    assert steps.notes.read_text() == "started 1\nstarted 1\n"


async def test_failures_before_and_after_a_lost_worker_add_up(
    idle_steps: Steps, spawn: Callable[[], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    steps = idle_steps
    given = {"seconds": 60.0, "notes": str(steps.notes)}
    # Attempt 1 times out, attempt 2 is lost with its worker, attempt 2 (again) and 3 time out.
    handle = await steps.start("sleeps", given, max_attempts=3, timeout=5.0, initial_interval=0.05)
    worker = spawn()
    await started_times(steps, 2)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    async with step_worker(steps.client, steps.task_queue, steps.database, tmp_path):
        failure = await failure_of(handle)
    assert failure.type == "timeout"
    assert (failure.details[0]["attempts"], failure.details[0]["lost"]) == (3, 1)
    attempts = [line.split()[1] for line in steps.notes.read_text().splitlines() if line.startswith("started")]
    assert attempts == ["1", "2", "2", "3"]


async def test_a_step_that_must_not_run_twice_fails_with_its_worker(
    idle_steps: Steps, spawn: Callable[[], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    steps = idle_steps
    given = {"seconds": 60.0, "notes": str(steps.notes)}
    handle = await steps.start("sleeps", given, max_attempts=3, at_most_once=True)
    worker = spawn()
    await started_times(steps, 1)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    async with step_worker(steps.client, steps.task_queue, steps.database, tmp_path):
        failure = await failure_of(handle)
    assert failure.type == "worker_lost"
    assert steps.notes.read_text() == "started 1\n"
