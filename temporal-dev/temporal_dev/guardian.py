"""Runs one command until standard input closes, so that the command can never outlive whoever started it.

    python -I -S guardian.py GRACE_SECONDS COMMAND [ARGUMENT...]

Standard input is a pipe whose other end only the starter holds: it closes when the starter ends, even by `kill -9`. The
command then gets SIGTERM, and SIGKILL after the grace period. The first line on standard output is `started PID` or
`failed REASON`; everything that the command itself prints goes to standard error. The exit code is the command's own
(128 + N when signal N ended it). File descriptors that the guardian inherited are passed on.

Only the standard library, and little of it: this must start at once and is one more process for as long as it runs.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from types import FrameType

# A child forked by the starter would hold the pipe open as well: so the parent's id is watched too.
PARENT_CHECK_SECONDS = 1.0
PR_SET_PDEATHSIG = 1


def _die_with_guardian() -> Callable[[], None] | None:
    """What the command runs before it starts, so that even a killed guardian leaves nothing (Linux only)."""
    if sys.platform != "linux":
        return None
    import ctypes

    prctl = ctypes.CDLL(None).prctl
    guardian = os.getpid()

    def arrange() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guardian:  # it died before the line above took effect
            os.kill(os.getpid(), signal.SIGKILL)

    return arrange


def _signal_group(leader: int, *signals: signal.Signals) -> None:
    for number in signals:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(leader, number)


def _report(line: str) -> None:
    # The starter may be gone already; standard input tells that in the next moment.
    with contextlib.suppress(BrokenPipeError):
        os.write(1, f"{line}\n".encode())


def main(grace: float, command: list[str]) -> int:
    """Run `command` until it ends or standard input closes; the exit code to end with."""
    parent = os.getppid()
    woken, wake = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    ending = False

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal ending
        ending = True

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)  # only to be woken

    try:
        child = subprocess.Popen(  # noqa: S603 (running the caller's command is the purpose)
            command,
            stdin=subprocess.DEVNULL,
            stdout=2,
            stderr=2,
            close_fds=False,
            process_group=0,
            preexec_fn=_die_with_guardian(),  # safe: there are no threads here
        )
    except OSError as error:
        _report(f"failed {error.strerror}")
        return 127
    _report(f"started {child.pid}")

    kill_at: float | None = None
    while child.poll() is None:
        if ending and kill_at is None:
            # SIGCONT: a stopped process would not notice SIGTERM.
            _signal_group(child.pid, signal.SIGTERM, signal.SIGCONT)
            kill_at = time.monotonic() + grace
        if kill_at is not None and time.monotonic() >= kill_at:
            _signal_group(child.pid, signal.SIGKILL)
            kill_at = float("inf")
        pause = (
            PARENT_CHECK_SECONDS if kill_at is None else max(0.0, min(PARENT_CHECK_SECONDS, kill_at - time.monotonic()))
        )
        ready, _, _ = select.select([woken] if ending else [woken, 0], [], [], pause)
        if woken in ready:
            os.read(woken, 4096)
        if (0 in ready and not os.read(0, 4096)) or os.getppid() != parent:
            ending = True
    _signal_group(child.pid, signal.SIGKILL)  # what it may have left in its group
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
