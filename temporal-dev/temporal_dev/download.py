"""Fetches the official release through the Temporal SDK's own downloader.

The downloader can't be told how long to wait, can't be stopped, and starts the server once it has it. So it runs in a
process of its own (`release_script.py`), which is ended when nothing arrives any more.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from temporal_dev.errors import DevServerError
from temporal_dev.guarded import GuardedProcess

# Without a network it fails at once; this is for networks that swallow packets.
_STALLED_SECONDS = 20.0
_POLL_SECONDS = 0.25
_SCRIPT = Path(__file__).with_name("release_script.py")


def download(version: str, directory: Path, env: Mapping[str, str], on_progress: Callable[[str], None]) -> Path:
    """Download version `version` ("1.5.1") into the empty `directory`; the path of the program.

    Raises `DevServerError` when it fails, or when nothing has arrived for 20 s.
    """
    # -P keeps this folder off the script's import path.
    command = [sys.executable, "-P", str(_SCRIPT), version, str(directory)]
    on_progress(f"downloading Temporal {version}")
    with tempfile.TemporaryFile() as output:
        process = GuardedProcess(command, env=env, output=output, grace=2.0)
        size, grown_at = 0, time.monotonic()
        try:
            while process.running:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_POLL_SECONDS)
                arrived = _arrived(directory)
                if arrived > size:
                    size, grown_at = arrived, time.monotonic()
                    on_progress(f"downloading Temporal {version}: {size / 1e6:.0f} MB")
                if time.monotonic() - grown_at > _STALLED_SECONDS:
                    raise DevServerError(f"nothing arrived for {_STALLED_SECONDS:.0f} s")
            code = process.wait()
        finally:
            process.stop()
        output.seek(0)
        said = output.read().decode(errors="replace").strip()
    programs = [file for file in directory.iterdir() if file.is_file() and file.stat().st_mode & 0o100]
    if code != 0 or len(programs) != 1:
        raise DevServerError(said or f"the downloader ended with {code}")
    return programs[0]


def _arrived(directory: Path) -> int:
    """Bytes so far."""
    size = 0
    for file in directory.iterdir():
        with contextlib.suppress(FileNotFoundError):  # renamed when complete
            size += file.stat().st_size
    return size
