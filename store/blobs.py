"""Values by digest: written once, never changed, the same value stored once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from definitions.errors import LongpoleError
from store.blob_disk import DiskPlace
from store.blob_places import BlobPlace, Kept
from store.blob_urls import open_place

RENEWED_AFTER = timedelta(hours=1)
"""A value that is put again is taken for new when it is older: what is collected goes by age."""
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
    """Blobs at one place; processes and threads may share it. All methods block, and raise `OSError` when the place
    can't be reached."""

    def __init__(self, place: BlobPlace | str | Path) -> None:
        """A path is a directory, which is made where it is missing."""
        self._place = DiskPlace(place) if isinstance(place, str | Path) else place

    @classmethod
    def at(cls, url: str) -> BlobStore:
        """The one at a URL (`store.blob_urls`). Raises `BlobUrlInvalid`."""
        return cls(open_place(url))

    @property
    def where(self) -> str:
        """The place, for people."""
        return str(self._place)

    def put(self, data: bytes) -> str:
        """Stores the bytes, for good when it returns, and gives their digest `sha256:<64 hex>`. Raises `OSError`."""
        name = hashlib.sha256(data).hexdigest()
        kept = self._place.find(name)
        if kept is None or kept.size != len(data):  # another length is what a failing disk left
            self._place.write(name, data)
        elif datetime.now(UTC) - kept.written_at > RENEWED_AFTER:
            self._place.renew(name, data)
        return f"sha256:{name}"

    def get(self, digest: str) -> bytes:
        """The bytes. Raises `BlobMissing`, `BlobCorrupt`, `BlobDigestInvalid`."""
        try:
            data = self._place.read(_name(digest))
        except FileNotFoundError:
            raise self._missing(digest) from None
        if f"sha256:{hashlib.sha256(data).hexdigest()}" != digest:
            raise BlobCorrupt(
                digest,
                f"the value {digest} in {self.where} has other bytes than were stored",
                remedy="check the disk, restore the value from a backup, or run again",
            )
        return data

    def require(self, digest: str) -> None:
        """Nothing where the blob is there, unread. Raises `BlobMissing`, `BlobDigestInvalid`."""
        if self._place.find(_name(digest)) is None:
            raise self._missing(digest)

    def delete(self, digest: str) -> bool:
        """Removes the blob; False: there was none. Raises `BlobDigestInvalid`."""
        return self._place.delete(_name(digest))

    def all(self) -> Iterator[Kept]:
        """All that are there, in no order."""
        return self._place.all()

    def collect(self, kept: Kept) -> bool:
        """Removes the blob unless somebody has put it again since it was seen; whether it did."""
        return self._place.delete_if_unchanged(kept)

    def claim(self, owner: str) -> list[str]:
        """Note that this owner keeps blobs here; all who have. Raises `OSError`."""
        self._place.claim(owner)
        return self._place.owners()

    def _missing(self, digest: str) -> BlobMissing:
        return BlobMissing(
            digest, f"the value {digest} is not in {self.where}", remedy="restore it from a backup, or run again"
        )


def _name(digest: str) -> str:
    match = _DIGEST.fullmatch(digest)
    if match is None:
        raise BlobDigestInvalid(digest, f"{digest[:80]!r} is not a digest", remedy="digests are sha256:<64 hex digits>")
    return match[1]
