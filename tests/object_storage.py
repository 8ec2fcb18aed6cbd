"""Object storage as S3 offers it, on loopback: moto's server, which speaks the protocol."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import fsspec
import pytest
from moto.server import ThreadedMotoServer


@dataclass(frozen=True)
class Bucket:
    """A new bucket, which the environment has the key to."""

    name: str
    filesystem: Any
    """What looks into it past the blob storage."""

    @property
    def folder(self) -> str:
        return f"{self.name}/blobs"

    @property
    def url(self) -> str:
        return f"s3://{self.folder}"


@pytest.fixture(scope="session")
def object_storage() -> Iterator[str]:
    """The URL of a server."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(object_storage: str, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    for name, value in {
        "AWS_ENDPOINT_URL": object_storage,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    filesystem = fsspec.filesystem("s3", use_listings_cache=False, skip_instance_cache=True)
    made = Bucket(f"bucket-{uuid.uuid4().hex}", filesystem)
    filesystem.mkdir(made.name)
    return made
