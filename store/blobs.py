"""Values by digest on disk: written once, never changed, the same value stored once."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path

from definitions.errors import LongpoleError

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})", re.ASCII)


class BlobError(LongpoleError):
    """A blob that can't be had; `digest` is what was asked for."""

    default_code = "blob_error"

    def __init__(self, digest: str, message: str, *, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.digest = digest


class BlobDigestInvalid(BlobError):
    """A text that is no digest, so that nothing can be stored under it."""

    default_code = "blob_digest_invalid"


class BlobMissing(BlobError):
    """Nothing is stored under this digest."""

    default_code = "blob_missing"


class BlobCorrupt(BlobError):
    """What is stored is not what the digest says."""

    default_code = "blob_corrupt"


class BlobStore:
    """A directory of blobs; processes and threads may share it. Blob `sha256:abcd...` is the file `ab/cd/abcd...`."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self.root.mkdir(parents=True, exist_ok=True)

    def put(self, data: bytes) -> str:
        """Stores the bytes, on disk when it returns, and gives their digest `sha256:<64 hex>`. Raises `OSError`."""
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        path = self._path(digest)
        # Another length is what a failing disk left: it is replaced.
        if path.is_file() and path.stat().st_size == len(data):
            return digest
        self._make_directory(path.parent)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _sync_directory(path.parent)
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes. Raises `BlobMissing`, `BlobCorrupt`, `BlobDigestInvalid`."""
        try:
            data = self._path(digest).read_bytes()
        except FileNotFoundError:
            raise self._missing(digest) from None
        if f"sha256:{hashlib.sha256(data).hexdigest()}" != digest:
            raise BlobCorrupt(
                digest,
                f"the file of the value {digest} in {self.root} has other bytes than were stored",
                remedy="check the disk, restore the file from a backup, or run again",
            )
        return data

    def require(self, digest: str) -> None:
        """Nothing where the blob is there, unread. Raises `BlobMissing`, `BlobDigestInvalid`."""
        if not self._path(digest).is_file():
            raise self._missing(digest)

    def _missing(self, digest: str) -> BlobMissing:
        return BlobMissing(
            digest, f"the value {digest} is not in {self.root}", remedy="restore it from a backup, or run again"
        )

    def delete(self, digest: str) -> bool:
        """Removes the blob; False: there was none. Raises `BlobDigestInvalid`."""
        try:
            self._path(digest).unlink()
        except FileNotFoundError:
            return False
        return True

    def _path(self, digest: str) -> Path:
        match = _DIGEST.fullmatch(digest)
        if match is None:
            raise BlobDigestInvalid(
                digest, f"{digest[:80]!r} is not a digest", remedy="digests are sha256:<64 hex digits>"
            )
        name = match[1]
        return self.root / name[:2] / name[2:4] / name

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
