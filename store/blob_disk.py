"""Blobs in a directory: on disk when a write returns, whole or not at all. Processes and threads may share it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from store.blob_places import OWNERS, Kept, path_of

_NEW = ".new-"
_CONDEMNED = ".condemned-"


class DiskPlace:
    """The blob of digest `abcd...` is the file `ab/cd/abcd...`."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self.root.mkdir(parents=True, exist_ok=True)

    def __str__(self) -> str:
        return str(self.root)

    def read(self, name: str) -> bytes:
        """The bytes. Raises `FileNotFoundError`."""
        return self._path(name).read_bytes()

    def find(self, name: str) -> Kept | None:
        """What is known of it without reading it."""
        with suppress(FileNotFoundError):
            found = self._path(name).stat()
            return Kept(name, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))
        return None

    def write(self, name: str, data: bytes) -> None:
        """Put it there, or replace it."""
        path = self._path(name)
        self._make_directory(path.parent)
        descriptor, new = tempfile.mkstemp(dir=path.parent, prefix=_NEW)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(new).replace(path)
        except BaseException:
            Path(new).unlink(missing_ok=True)
            raise
        _sync_directory(path.parent)

    def renew(self, name: str, data: bytes) -> None:
        """It counts as written now."""
        try:
            os.utime(self._path(name))
        except FileNotFoundError:
            self.write(name, data)

    def delete(self, name: str) -> bool:
        """False: there was none."""
        try:
            self._path(name).unlink()
        except FileNotFoundError:
            return False
        return True

    def delete_if_unchanged(self, kept: Kept) -> bool:
        """Delete it unless it has been written or renewed since, however close the two come. False: it was."""
        path = self._path(kept.name)
        condemned = path.with_name(f"{_CONDEMNED}{path.name}")
        try:
            path.rename(condemned)
        except FileNotFoundError:
            return False
        # From here on who wants to renew it does not find it, and writes it anew.
        if datetime.fromtimestamp(condemned.stat().st_mtime, UTC) > kept.written_at:
            condemned.replace(path)
            return False
        condemned.unlink()
        return True

    def all(self) -> Iterator[Kept]:
        """All blobs that are there, in no order."""
        for path in self.root.glob("??/??/*"):
            if not path.name.startswith("."):
                with suppress(FileNotFoundError):
                    found = path.stat()
                    yield Kept(path.name, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))

    def claim(self, owner: str) -> None:
        """Note that this owner keeps blobs here."""
        self._make_directory(self.root / OWNERS)
        (self.root / OWNERS / owner).touch()

    def owners(self) -> list[str]:
        """Who has said so."""
        return sorted(path.name for path in (self.root / OWNERS).glob("*"))

    def _path(self, name: str) -> Path:
        return self.root / path_of(name)

    def _make_directory(self, directory: Path) -> None:
        if directory.is_dir():
            return
        directory.mkdir(parents=True, exist_ok=True)
        # A new directory is there after a power cut only when the ones above it are on disk too.
        _sync_directory(directory.parent)
        _sync_directory(self.root)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
