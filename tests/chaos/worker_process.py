"""Real worker processes, as `longpole worker` starts them, that can be sent any signal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from engine.settings import Settings
from longpole.ready_pipe import ReadyPipe


class WorkerProcess:
    """One `longpole worker`. Leaving the block kills it."""

    def __init__(self, settings: Settings, temporal_address: str) -> None:
        ready = ReadyPipe()
        environment = {
            **ready.environment,
            "PATH": os.environ["PATH"],
            "HOME": str(settings.data_dir),
            "TEMPORAL_ADDRESS": temporal_address,
            "LONGPOLE_DATA_DIR": str(settings.data_dir),
            "LONGPOLE_HANDLER_PATHS": ",".join(map(str, settings.handler_paths)),
            "LONGPOLE_HANDLER_ALLOW": ",".join(settings.handler_allow),
            "LONGPOLE_TASK_QUEUE": settings.task_queue,
            "LONGPOLE_GRACE_SECONDS": str(settings.grace_seconds),
            "LONGPOLE_MAX_HISTORY_EVENTS": str(settings.max_history_events),
        }
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        self.log_path: Path = settings.data_dir / "worker.log"
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "longpole.cli", "worker"],
                env=environment,
                cwd=settings.data_dir,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[ready.child_end],
            )
        ready.started()
        self._starting: ReadyPipe | None = ready

    @property
    def pid(self) -> int:
        """As the ledger has it."""
        return self._process.pid

    def await_ready(self, seconds: float = 180.0) -> None:
        """Return once it polls. Blocks."""
        if self._starting is None:
            return
        ready = self._starting.wait(seconds)
        self._starting.close()
        self._starting = None
        if not ready:
            raise AssertionError(f"a worker was not ready within {seconds} s:\n{self.log_path.read_text()[-2000:]}")

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """`kill -9`, and see it gone."""
        self._process.kill()
        self._process.wait()

    def wait(self, seconds: float) -> int:
        """Its exit code, once it has ended by itself. Blocks. Raises `subprocess.TimeoutExpired`."""
        return self._process.wait(seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.kill()
