"""Everything that this package raises on purpose. Messages say what is wrong and what to do; none needs a traceback.

DevServerError
├── ServerNotFound      no usable `temporal` could be found, downloaded or built
├── PortInUse           something already listens on a port that was asked for
├── DataDirInUse        another server has the database open
└── ServerFailed        the server ended, or did not answer in time
"""

from __future__ import annotations


class DevServerError(Exception):
    """Base of all errors of the local Temporal; also raised itself for a bad setting."""


class ServerNotFound(DevServerError):
    """No source gave a usable server. `attempts` is one `(source, why it failed)` a source, in the order tried."""

    def __init__(self, attempts: list[tuple[str, str]]) -> None:
        self.attempts = attempts
        tried = "\n".join(f"  {number}. {source}: {why}" for number, (source, why) in enumerate(attempts, start=1))
        super().__init__(
            f"no Temporal server found. Tried:\n{tried}\n"
            "Set TEMPORAL_ADDRESS to a running server, or put the Temporal CLI on PATH"
            " (https://docs.temporal.io/cli), or install Go (https://go.dev/dl) so that it can be built."
        )


class PortInUse(DevServerError):
    """Something already listens on the port."""

    def __init__(self, host: str, port: int, purpose: str, temporal_version: str | None = None) -> None:
        self.host, self.port, self.temporal_version = host, port, temporal_version
        message = f"port {port} on {host} ({purpose}) is already in use"
        if temporal_version is None:
            message += ": stop what listens there, or choose another port"
        else:
            message += (
                f": a Temporal server ({temporal_version}) already answers there. Use it by setting"
                f" TEMPORAL_ADDRESS={host}:{port}, stop it, or choose another port"
            )
        super().__init__(message)


class DataDirInUse(DevServerError):
    """Another server has the database open."""


class ServerFailed(DevServerError):
    """The server ended or did not answer in time; the message ends with the tail of its log."""
