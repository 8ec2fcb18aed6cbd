"""One of our own commands as a child process: it can't outlive us, and tells when it is ready."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from temporal_dev.errors import DevServerError
from temporal_dev.guarded import GuardedProcess
from temporal_dev.log_file import open_log, tail

from definitions.errors import ServiceUnavailable
from longpole.ready_pipe import ReadyPipe

_READY_SECONDS = 120.0
_POLL_SECONDS = 0.1


class Child:
    """`longpole <arguments>` as a process of its own, with its output in a log file."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        log_path: Path,
        grace: float,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`grace`: seconds between being told to stop and being killed; `environment`: beside ours."""
        self.name = name
        self.arguments = list(arguments)
        self._environment = dict(environment or {})
        self.log_path = log_path
        self._grace = grace
        self._process: GuardedProcess | None = None
        self._ready: ReadyPipe | None = None
        self._log_start = 0

    def start(self) -> None:
        """Start it; returns at once. Raises `ServiceUnavailable` when it can't be started at all."""
        self._close_pipe()
        pipe = ReadyPipe()
        # -P: a folder of the user's that is named like one of our packages is not taken for it.
        command = [sys.executable, "-P", "-m", "longpole.cli", *self.arguments]
        try:
            with open_log(self.log_path) as log:
                self._log_start = log.tell()
                self._process = GuardedProcess(
                    command,
                    env={**os.environ, **self._environment, **pipe.environment},
                    output=log,
                    grace=self._grace,
                    pass_fds=[pipe.child_end],
                )
        except (DevServerError, OSError) as error:
            raise ServiceUnavailable(f"the {self.name} can't be started: {error}") from None
        finally:
            pipe.started()
            self._ready = pipe

    def wait_ready(self) -> dict[str, Any]:
        """Wait until it is ready; what it told about itself.

        Raises `ServiceUnavailable`, with the end of its log, when it ends before or takes longer than two minutes.
        """
        deadline = time.monotonic() + _READY_SECONDS
        while not self.ready(_POLL_SECONDS):
            if not self.running:
                raise self.failure(f"ended at its start (exit code {self.exit_code})")
            if time.monotonic() > deadline:
                raise self.failure(f"was not ready after {_READY_SECONDS:.0f} s")
        return self._ready.facts or {} if self._ready else {}

    def ready(self, wait_seconds: float = 0.0) -> bool:
        """Whether it has become ready since it was last started."""
        return self._ready is not None and self._ready.wait(wait_seconds)

    def failure(self, what: str) -> ServiceUnavailable:
        """An error that says what happened and what its log says about it."""
        end = tail(self.log_path, self._log_start)
        return ServiceUnavailable(f"the {self.name} {what}. The end of its log, {self.log_path}:\n{end}")

    @property
    def running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self._process is not None and self._process.running

    @property
    def exit_code(self) -> int | None:
        """128 + N for signal N; None while it runs."""
        if self._process is None or self._process.running:
            return None
        return self._process.wait()

    @property
    def pid(self) -> int | None:
        """Its process id."""
        return self._process.pid if self._process else None

    def stop(self) -> None:
        """Tell it to stop and wait until it has; may be repeated."""
        if self._process is not None:
            self._process.stop()
        self._close_pipe()

    def _close_pipe(self) -> None:
        if self._ready is not None:
            self._ready.close()
            self._ready = None
