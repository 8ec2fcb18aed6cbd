"""A `temporal` program: where it is, where it came from and what it says it is."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from temporal_dev.errors import DevServerError

Source = Literal["PATH", "cache", "download", "build"]

# Task priorities came with server 1.28; with an older one every run would silently lose its order.
OLDEST_SERVER = (1, 28)

_PROBE_TIMEOUT_SECONDS = 30.0
_VERSION = re.compile(r"temporal version (?P<cli>\S+) \(Server (?P<server>(?P<major>\d+)\.(?P<minor>\d+)[^\s,)]*)")


@dataclass(frozen=True)
class ServerBinary:
    """A usable `temporal`; `version` is the CLI's own (`1.5.1`), `server_version` that of the server in it."""

    path: Path
    source: Source
    version: str
    server_version: str

    def describe(self) -> str:
        """For a person, in half a line."""
        return f"Temporal CLI {self.version} (server {self.server_version}) from {self.source}: {self.path}"


def probe(path: Path, source: Source, env: Mapping[str, str]) -> ServerBinary:
    """Ask the program at `path` for its version.

    Raises `DevServerError` when it cannot run, is not the Temporal CLI, or holds a server that is too old.
    """
    try:
        answer = subprocess.run(  # noqa: S603 (the program that is being looked at)
            [str(path), "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PROBE_TIMEOUT_SECONDS,
            env=dict(env),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DevServerError(f"{path} --version did not end in {_PROBE_TIMEOUT_SECONDS:.0f} s") from None
    except OSError as error:
        raise DevServerError(f"{path} cannot be run: {error.strerror}") from None
    match = _VERSION.search(answer.stdout)
    if answer.returncode != 0 or match is None:
        said = (answer.stdout.strip() or answer.stderr.strip() or "nothing")[:200]
        raise DevServerError(
            f"{path} is not the Temporal CLI: --version ended with {answer.returncode} and said {said!r}"
        )
    if (int(match["major"]), int(match["minor"])) < OLDEST_SERVER:
        oldest = ".".join(map(str, OLDEST_SERVER))
        raise DevServerError(f"{path} holds server {match['server']}, and {oldest} or later is needed")
    return ServerBinary(path=path, source=source, version=match["cli"], server_version=match["server"])
