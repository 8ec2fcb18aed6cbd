"""What blob storage needs of a place where bytes are kept under names: a directory, a bucket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Kept:
    """One blob that is there."""

    name: str
    """The hex digits of its digest."""
    size: int
    written_at: datetime
    """When it was written or renewed last."""


class BlobPlace(Protocol):
    """All methods block, and raise `OSError` when the place can't be reached. `str()` says where it is."""

    def read(self, name: str) -> bytes:
        """The bytes. Raises `FileNotFoundError`."""

    def find(self, name: str) -> Kept | None:
        """What is known of it without reading it."""

    def write(self, name: str, data: bytes) -> None:
        """Put it there, or replace it: whole, or not at all."""

    def renew(self, name: str, data: bytes) -> None:
        """It counts as written now; `data` is what it holds."""

    def delete(self, name: str) -> bool:
        """False: there was none."""

    def delete_if_unchanged(self, kept: Kept) -> bool:
        """Delete it unless it has been written or renewed since. False: it was, or is gone."""

    def all(self) -> Iterator[Kept]:
        """All that are there, in no order."""

    def claim(self, owner: str) -> None:
        """Note that this owner keeps blobs here; `owner`: letters and digits."""

    def owners(self) -> list[str]:
        """Who has said so."""


OWNERS = "owners"
"""The folder of these notes."""


def path_of(name: str) -> str:
    """Where a blob is in its place: `ab/cd/abcd...`."""
    return f"{name[:2]}/{name[2:4]}/{name}"
