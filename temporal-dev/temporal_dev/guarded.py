"""A command that ends with us, whatever happens to us: the starter's side of `guardian.py`."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from temporal_dev.errors import DevServerError

_GUARDIAN = Path(__file__).with_name("guardian.py")
# How long the guardian itself may take once its command has ended.
_GUARDIAN_SLACK_SECONDS = 5.0


class GuardedProcess:
    """A running command with a guardian between us and it. POSIX only.

    The command is in a session of its own: Ctrl-C in the terminal does not reach it, `stop()` ends it.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        output: int | IO[bytes],
        grace: float = 10.0,
        pass_fds: Sequence[int] = (),
    ) -> None:
        """Start `command`; both its output streams go to `output` (a file, or `subprocess.PIPE` to read `.output`).

        `grace` is the time in seconds between SIGTERM and SIGKILL when it is stopped. `pass_fds` are inherited by the
        command. Raises `DevServerError` when it cannot be started.
        """
        self._grace = grace
        # -I and -S: nothing of the user's Python settings or site-packages, a start in milliseconds.
        self._guardian = subprocess.Popen(  # noqa: S603 (our own script, the caller's command)
            [sys.executable, "-I", "-S", str(_GUARDIAN), str(grace), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            env=dict(env),
            pass_fds=tuple(pass_fds),
            start_new_session=True,
        )
        try:
            self.pid = self._read_pid(command[0])
        except BaseException:
            self.stop()
            raise

    def _read_pid(self, program: str) -> int:
        report = self._guardian.stdout
        assert report is not None  # noqa: S101 (opened as a pipe above)
        with report:
            outcome, _, detail = report.readline().decode().strip().partition(" ")
        if outcome != "started":
            raise DevServerError(f"cannot run {program}: {detail or 'its guardian process did not start'}")
        return int(detail)

    @property
    def output(self) -> IO[bytes]:
        """What the command prints, when `output` was `subprocess.PIPE`."""
        assert self._guardian.stderr is not None, "output was not subprocess.PIPE"  # noqa: S101
        return self._guardian.stderr

    @property
    def running(self) -> bool:
        """Whether the command has not ended yet."""
        return self._guardian.poll() is None

    def wait(self, timeout: float | None = None) -> int:
        """The exit code (128 + N for signal N), once the command has ended.

        Raises `subprocess.TimeoutExpired` after `timeout` seconds.
        """
        return self._guardian.wait(timeout)

    def signal(self, number: int) -> None:
        """Send a signal to the command itself (not to its guardian); nothing happens when it has ended."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def stop(self) -> None:
        """End the command: SIGTERM, then SIGKILL after the grace period. Returns once it has ended; may be repeated."""
        if self._guardian.stdin is not None:
            self._guardian.stdin.close()
        try:
            self._guardian.wait(self._grace + _GUARDIAN_SLACK_SECONDS)
        except subprocess.TimeoutExpired:
            # The guardian itself is stuck (stopped, say). Its whole session goes, command first by its own group.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self._guardian.kill()
            self._guardian.wait()
        if self._guardian.stderr is not None:
            self._guardian.stderr.close()
