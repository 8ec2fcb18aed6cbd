"""The server's log: one file that outlives restarts, kept from growing without end."""

from __future__ import annotations

from pathlib import Path
from typing import IO

_ROTATE_BYTES = 10 * 1024 * 1024
_TAIL_LINES = 15
_TAIL_BYTES = 16 * 1024


def open_log(path: Path) -> IO[bytes]:
    """Open for appending; a log of more than 10 MiB is first moved to `<name>.1`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > _ROTATE_BYTES:
        path.replace(path.with_name(path.name + ".1"))
    return path.open("ab")


def tail(path: Path, since: int) -> str:
    """The last lines that were written after byte `since`."""
    with path.open("rb") as log:
        size = log.seek(0, 2)
        log.seek(max(since, size - _TAIL_BYTES))
        lines = log.read().decode(errors="replace").strip().splitlines()
    return "\n".join(f"  {line}" for line in lines[-_TAIL_LINES:]) or "  (its log is empty)"
