"""Blobs in object storage, through fsspec: `s3://bucket/folder`, `gs://bucket/folder`, `az://container/folder`.

Who may do what there comes from the provider's own environment and files (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`,
`GOOGLE_APPLICATION_CREDENTIALS`, `AZURE_STORAGE_CONNECTION_STRING`, ...).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

import fsspec

from definitions.errors import LongpoleError
from store.blob_disk import DiskPlace
from store.blob_places import OWNERS, BlobPlace, Kept, path_of

T = TypeVar("T")

EXTRAS: Mapping[str, str] = {"s3": "s3", "gs": "gcs", "gcs": "gcs", "az": "azure", "abfs": "azure", "abfss": "azure"}
"""The extra that brings what fsspec needs for each kind of URL."""
_WRITTEN_AT = ("LastModified", "last_modified", "updated", "mtime", "created")
"""What the kinds of object storage call it."""


class BlobUrlInvalid(LongpoleError):
    """A URL that blobs can't be kept at."""

    default_code = "blob_store_invalid"


def open_place(url: str) -> BlobPlace:
    """The place at a URL: `file:///folder` or one of `EXTRAS`. Nothing is looked at there yet but a folder, which is
    made where it is missing. Raises `BlobUrlInvalid`."""
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path.strip("/"):
        return DiskPlace(url2pathname(parts.path))
    if parts.scheme == "memory":
        raise BlobUrlInvalid(
            f"{url!r}: what is kept in memory is gone with its process, and no other process has it",
            remedy="use a folder (file:///...) or a bucket (s3://...)",
        )
    if parts.scheme not in EXTRAS or not parts.netloc or parts.query or parts.fragment:
        raise BlobUrlInvalid(
            f"{url!r} is no place for blobs",
            remedy=f"write file:///folder, or {', '.join(f'{each}://' for each in EXTRAS)} with a bucket and a folder",
        )
    try:
        # Listings and instances are not kept: other processes write there, too.
        filesystem = fsspec.filesystem(parts.scheme, use_listings_cache=False, skip_instance_cache=True)
    except ImportError as error:
        raise BlobUrlInvalid(
            f"{url!r} needs a package that is not installed: {error}",
            remedy=f"pip install 'longpole[{EXTRAS[parts.scheme]}]'",
        ) from None
    return UrlPlace(filesystem, f"{parts.netloc}{unquote(parts.path)}".rstrip("/"), url)


class UrlPlace:
    """A folder of a bucket. An object appears there whole, or not at all."""

    def __init__(self, filesystem: Any, folder: str, url: str) -> None:
        self._filesystem = filesystem
        self._folder = folder
        self._url = url

    def __str__(self) -> str:
        return self._url

    def read(self, name: str) -> bytes:
        """The bytes. Raises `FileNotFoundError`."""
        content: bytes = self._asked(lambda: self._filesystem.cat_file(self._path(name)))
        return content

    def find(self, name: str) -> Kept | None:
        """What is known of it without reading it."""
        try:
            return self._kept(self._asked(lambda: self._filesystem.info(self._path(name))))
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes) -> None:
        """Put it there, or replace it."""
        self._asked(lambda: self._filesystem.pipe_file(self._path(name), data))

    def renew(self, name: str, data: bytes) -> None:
        """Written again: objects can't be touched."""
        self.write(name, data)

    def delete(self, name: str) -> bool:
        """False: there was none."""
        if self.find(name) is None:
            return False
        self._asked(lambda: self._filesystem.rm_file(self._path(name)))
        return True

    def delete_if_unchanged(self, kept: Kept) -> bool:
        """Looked at just before: a write within these milliseconds is lost, as no provider deletes on condition."""
        found = self.find(kept.name)
        return found is not None and found.written_at <= kept.written_at and self.delete(kept.name)

    def all(self) -> Iterator[Kept]:
        """All blobs that are there."""
        for path, info in self._asked(lambda: self._filesystem.find(self._folder, detail=True)).items():
            name = path.rpartition("/")[2]
            if path.endswith(path_of(name)):
                yield self._kept(info)

    def claim(self, owner: str) -> None:
        """Note that this owner keeps blobs here."""
        self._asked(lambda: self._filesystem.pipe_file(f"{self._folder}/{OWNERS}/{owner}", b"1"))

    def owners(self) -> list[str]:
        """Who has said so."""
        found = self._asked(lambda: self._filesystem.find(f"{self._folder}/{OWNERS}"))
        return sorted(path.rpartition("/")[2] for path in found)

    def _kept(self, info: Mapping[str, Any]) -> Kept:
        written_at = next((info[name] for name in _WRITTEN_AT if info.get(name) is not None), None)
        if isinstance(written_at, str):
            written_at = datetime.fromisoformat(written_at)
        if not isinstance(written_at, datetime):
            written_at = self._asked(lambda: self._filesystem.modified(info["name"]))
        if written_at.tzinfo is None:
            written_at = written_at.replace(tzinfo=UTC)
        return Kept(info["name"].rpartition("/")[2], info["size"], written_at)

    def _path(self, name: str) -> str:
        return f"{self._folder}/{path_of(name)}"

    def _asked(self, ask: Callable[[], T]) -> T:
        """Providers raise what they like when they can't be reached."""
        try:
            return ask()
        except OSError:
            raise
        except Exception as error:
            raise OSError(f"{self._url} does not answer as it should: {type(error).__name__}: {error}") from error
