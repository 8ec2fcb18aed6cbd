"""The directory with a server's database: one server at a time has it open."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from temporal_dev.errors import DataDirInUse, DevServerError

DATABASE = "temporal.db"
_LOCK = "temporal.lock"
# A server whose starter was killed may take its whole grace period to end.
_DYING_SECONDS = 15.0
_POLL_SECONDS = 0.05


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


@contextmanager
def locked(directory: Path) -> Iterator[int]:
    """Lock `directory` (made when missing); gives a file descriptor, and whoever inherits it keeps the lock.

    So the lock is held by the server itself and by its guardian, and lasts exactly as long as they do. Waits for a
    server that is about to end because its starter has. Raises `DataDirInUse`, and `DevServerError` when the directory
    cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DevServerError(f"data directory {directory} cannot be written: {error.strerror}") from None
    try:
        _acquire(descriptor, directory)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, directory: Path) -> None:
    deadline = time.monotonic() + _DYING_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            starter = os.pread(descriptor, 32, 0).decode()
            if time.monotonic() > deadline or (starter.isdecimal() and _alive(int(starter))):
                raise DataDirInUse(
                    f"data directory {directory} is in use by a Temporal server that process {starter or '?'} started:"
                    " stop that one, or choose another data directory"
                ) from None
            time.sleep(_POLL_SECONDS)
        else:
            return
