"""A local Temporal server: found or built, started, awaited and stopped. Knows nothing of Longpole."""

from temporal_dev.binary import ServerBinary
from temporal_dev.errors import (
    DataDirInUse,
    DevServerError,
    PortInUse,
    ServerFailed,
    ServerNotFound,
)
from temporal_dev.locate import default_cache_dir, external_address, locate
from temporal_dev.server import DevServer, describe_external
from temporal_dev.temporary import temporary_server

__all__ = [
    "DataDirInUse",
    "DevServer",
    "DevServerError",
    "PortInUse",
    "ServerBinary",
    "ServerFailed",
    "ServerNotFound",
    "default_cache_dir",
    "describe_external",
    "external_address",
    "locate",
    "temporary_server",
]
