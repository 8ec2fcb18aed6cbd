"""Who runs the service of a data directory: one process holds it, others may use it.

* `service.lock`: held alone by the holder for as long as it lives, so that what a killed one left is known as stale.
* `service.json`: there while the service can be used.
* `users.lock`: shared by those who use it; the holder, once it wants to stop, waits to have it alone.
"""

from __future__ import annotations

from pathlib import Path

from longpole.file_lock import FileLock
from longpole.service_info import ServiceInfo, read_info, write_info


class ServiceFiles:
    """The three files of one data directory, as one process sees them."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "service.json"
        self._lock_path = data_dir / "service.lock"
        self._holding = FileLock(self._lock_path)
        self._using = FileLock(data_dir / "users.lock")

    def running(self) -> ServiceInfo | None:
        """The service that runs now, started by anyone; None when there is none (or it only starts, or stops)."""
        if not self._path.exists() or not self.held():
            return None
        return read_info(self._path)

    def held(self) -> bool:
        """Whether somebody holds a service: it starts, runs, or stops once its last user has left."""
        probe = FileLock(self._lock_path)
        free = probe.try_shared()
        probe.release()
        return not free

    def hold(self) -> bool:
        """Become the holder, and forget what a killed one left; False when there is another."""
        if not self._holding.try_alone():
            return False
        self._path.unlink(missing_ok=True)
        return True

    def use(self) -> ServiceInfo | None:
        """Become a user of the service that runs, until `leave`; None when there is none."""
        before = self.running()
        if before is None or not self._using.try_shared():
            return None
        # It may have begun to stop in between: then its file is gone, and it does not wait for us.
        if self.running() != before:
            self._using.release()
            return None
        return before

    def leave(self) -> None:
        """No longer a user."""
        self._using.release()

    def publish(self, info: ServiceInfo) -> None:
        """As the holder: from now on others can use it."""
        write_info(self._path, info)

    def withdraw(self) -> None:
        """As the holder: from now on nobody new can use it."""
        self._path.unlink(missing_ok=True)

    def unused(self) -> bool:
        """As the holder, after `withdraw`: whether the last user has left."""
        return self._using.try_alone()

    def release(self) -> None:
        """No longer the holder."""
        self._using.release()
        self._holding.release()
