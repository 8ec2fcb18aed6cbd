"""A lock file that several processes share or one has alone; the system frees it when its holder ends, however."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class FileLock:
    """One process's hold on a lock file. POSIX only. Children that are started do not inherit it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def try_alone(self) -> bool:
        """Take it for this process alone; False when another process has it in any way."""
        return self._try(fcntl.LOCK_EX)

    def try_shared(self) -> bool:
        """Take it beside others that share it; False when a process has it alone."""
        return self._try(fcntl.LOCK_SH)

    def release(self) -> None:
        """Give it back; may be repeated."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _try(self, kind: int) -> bool:
        if self._descriptor is None:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            return False
        return True
