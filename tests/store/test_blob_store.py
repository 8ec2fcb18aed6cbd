from __future__ import annotations

import os
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from store.blob_urls import BlobUrlInvalid
from store.blobs import BlobCorrupt, BlobDigestInvalid, BlobMissing, BlobStore
from tests.object_storage import Bucket, bucket, object_storage

__all__ = ["bucket", "object_storage"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "new" / "blobs"


@pytest.fixture
def on_disk(folder: Path) -> BlobStore:
    return BlobStore(folder)


@pytest.fixture(params=["disk", "s3"])
def blobs(request: pytest.FixtureRequest, folder: Path) -> BlobStore:
    """On disk, and in a bucket that is spoken to as S3."""
    if request.param == "disk":
        return BlobStore.at(folder.as_uri())
    kept_in: Bucket = request.getfixturevalue("bucket")
    return BlobStore.at(kept_in.url)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_gives_back_what_was_put(blobs: BlobStore) -> None:
    for data in (b"", b"hello", bytes(range(256)) * 5000):
        assert blobs.get(blobs.put(data)) == data
    assert blobs.put(b"hello") == "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


def test_stores_the_same_value_once_however_many_put_it(blobs: BlobStore) -> None:
    threads = [threading.Thread(target=blobs.put, args=(b"same" * 10_000,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (kept,) = blobs.all()
    assert kept.size == 40_000
    assert abs(datetime.now(UTC) - kept.written_at) < timedelta(minutes=5)


def test_what_is_not_there_is_missing(blobs: BlobStore) -> None:
    digest = blobs.put(b"gone")
    assert blobs.delete(digest)
    assert not blobs.delete(digest)
    with pytest.raises(BlobMissing) as refused:
        blobs.get(digest)
    assert (refused.value.code, refused.value.digest) == ("blob_missing", digest)


def test_what_was_damaged_is_noticed_and_can_be_put_again(on_disk: BlobStore, folder: Path) -> None:
    digest = on_disk.put(b"precious")
    (file,) = _files(folder)
    assert file.parts[-3:-1] == (file.name[:2], file.name[2:4])
    for damage in (b"preciouS", b""):
        file.write_bytes(damage)
        with pytest.raises(BlobCorrupt):
            on_disk.get(digest)
    assert on_disk.put(b"precious") == digest
    assert on_disk.get(digest) == b"precious"


def test_what_was_damaged_in_a_bucket_is_noticed_too(bucket: Bucket) -> None:
    blobs = BlobStore.at(bucket.url)
    digest = blobs.put(b"precious")
    (path,) = bucket.filesystem.find(bucket.folder)
    bucket.filesystem.pipe_file(path, b"preciouS")
    with pytest.raises(BlobCorrupt):
        blobs.get(digest)
    bucket.filesystem.pipe_file(path, b"")
    assert blobs.get(blobs.put(b"precious")) == b"precious"


@pytest.mark.parametrize(
    "digest",
    ["", "sha256:", "sha256:../../etc/passwd", "sha256:" + "A" * 64, "md5:" + "0" * 32, f"sha256:{'0' * 64}\n"],
)
def test_what_is_no_digest_is_refused(blobs: BlobStore, digest: str) -> None:
    for use in (blobs.get, blobs.delete, blobs.require):
        with pytest.raises(BlobDigestInvalid):
            use(digest)


def test_a_put_that_fails_leaves_nothing_behind(
    on_disk: BlobStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("store.blob_disk.os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        on_disk.put(b"big")
    assert _files(folder) == []


def test_what_is_put_again_after_long_counts_as_new(on_disk: BlobStore, folder: Path) -> None:
    digest = on_disk.put(b"old")
    (file,) = _files(folder)
    os.utime(file, (1.0, 1.0))
    (old,) = on_disk.all()
    assert on_disk.put(b"old") == digest
    (new,) = on_disk.all()
    assert new.written_at - old.written_at > timedelta(days=1)
    assert not on_disk.collect(old)
    assert on_disk.get(digest) == b"old"
    assert on_disk.collect(new)
    assert [*on_disk.all()] == []


def test_what_has_not_changed_since_it_was_seen_is_collected(blobs: BlobStore) -> None:
    digest = blobs.put(b"not needed")
    (seen,) = blobs.all()
    assert blobs.collect(seen)
    assert not blobs.collect(seen)
    with pytest.raises(BlobMissing):
        blobs.require(digest)


def test_all_who_keep_blobs_there_are_known_and_are_no_blobs(blobs: BlobStore) -> None:
    assert blobs.claim("one") == ["one"]
    assert blobs.claim("two") == ["one", "two"]
    assert blobs.claim("one") == ["one", "two"]
    assert [*blobs.all()] == []


def test_another_store_at_the_same_place_sees_the_same(bucket: Bucket) -> None:
    before, after = BlobStore.at(bucket.url), BlobStore.at(f"{bucket.url}/")
    with pytest.raises(BlobMissing):
        after.get(f"sha256:{'0' * 64}")
    digest = before.put(b"shared")
    assert after.get(digest) == b"shared"
    assert before.delete(digest)
    with pytest.raises(BlobMissing, match=bucket.url):
        after.get(digest)


def test_a_place_that_does_not_answer_is_an_os_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ENDPOINT_URL": "http://127.0.0.1:1", "ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(OSError, match=r"127\.0\.0\.1|s3://"):
        BlobStore.at("s3://nowhere/blobs").put(b"x")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("memory://blobs", "gone with its process"),
        ("https://example.test/blobs", "no place for blobs"),
        ("simplecache::s3://bucket", "no place for blobs"),
        ("s3://", "no place for blobs"),
        ("file://", "no place for blobs"),
        ("file:///", "no place for blobs"),
        ("file://server/share", "no place for blobs"),
        ("s3://bucket/folder?acl=public", "no place for blobs"),
        ("somewhere", "no place for blobs"),
    ],
)
def test_urls_that_blobs_can_not_be_kept_at_are_refused(url: str, says: str) -> None:
    with pytest.raises(BlobUrlInvalid, match=says) as refused:
        BlobStore.at(url)
    assert refused.value.remedy


@pytest.mark.parametrize(("url", "extra"), [("gs://bucket/blobs", "gcs"), ("az://container/blobs", "azure")])
def test_a_package_that_is_missing_is_named(url: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("gcsfs", "adlfs"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(BlobUrlInvalid, match="is not installed") as refused:
        BlobStore.at(url)
    assert f"longpole[{extra}]" in refused.value.remedy
