from __future__ import annotations

import threading
from pathlib import Path

import pytest

from store.blobs import BlobCorrupt, BlobDigestInvalid, BlobMissing, BlobStore


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "new" / "blobs")


def _files(blobs: BlobStore) -> list[Path]:
    return [path for path in blobs.root.rglob("*") if path.is_file()]


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
    (file,) = _files(blobs)
    assert file.parts[-3:-1] == (file.name[:2], file.name[2:4])


def test_what_is_not_there_is_missing(blobs: BlobStore) -> None:
    digest = blobs.put(b"gone")
    assert blobs.delete(digest)
    assert not blobs.delete(digest)
    with pytest.raises(BlobMissing) as refused:
        blobs.get(digest)
    assert (refused.value.code, refused.value.digest) == ("blob_missing", digest)


def test_what_was_damaged_is_noticed_and_can_be_put_again(blobs: BlobStore) -> None:
    digest = blobs.put(b"precious")
    (file,) = _files(blobs)
    for damage in (b"preciouS", b""):
        file.write_bytes(damage)
        with pytest.raises(BlobCorrupt):
            blobs.get(digest)
    assert blobs.put(b"precious") == digest
    assert blobs.get(digest) == b"precious"


@pytest.mark.parametrize(
    "digest",
    ["", "sha256:", "sha256:../../etc/passwd", "sha256:" + "A" * 64, "md5:" + "0" * 32, f"sha256:{'0' * 64}\n"],
)
def test_what_is_no_digest_is_refused(blobs: BlobStore, digest: str) -> None:
    for use in (blobs.get, blobs.delete):
        with pytest.raises(BlobDigestInvalid):
            use(digest)


def test_a_put_that_fails_leaves_nothing_behind(blobs: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("store.blobs.os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        blobs.put(b"big")
    assert _files(blobs) == []
