"""Builds the official Temporal CLI from the Go module proxy."""

from __future__ import annotations

import selectors
import shutil
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from temporal_dev.errors import DevServerError
from temporal_dev.guarded import GuardedProcess

_PROGRAM = "github.com/temporalio/cli/cmd/temporal"
# Linking and the largest packages are silent for a while, on a slow machine for minutes.
_STALLED_SECONDS = 600.0
_PROGRESS_SECONDS = 1.0
_LINES_IN_ERROR = 8


def build(version: str, directory: Path, env: Mapping[str, str], on_progress: Callable[[str], None]) -> Path:
    """Build version `version` ("1.5.1") into `directory`; the path of the program.

    Takes two to three minutes on two cores the first time. `on_progress` gets a line a second at most: the time so far
    and what go is doing. Raises `DevServerError` when there is no Go or the build fails, with the end of what go said.
    """
    go = shutil.which("go", path=env.get("PATH", ""))
    if go is None:
        raise DevServerError("there is no `go` on PATH to build it with")
    command = [go, "install", "-v", f"{_PROGRAM}@v{version}"]
    process = GuardedProcess(command, env={**env, "GOBIN": str(directory)}, output=subprocess.PIPE, grace=2.0)
    try:
        said = _follow(process, version, on_progress)
        code = process.wait()
    finally:
        process.stop()
    built = directory / "temporal"
    if code != 0 or not built.is_file():
        ending = "\n".join(f"       {line}" for line in said) or "       (nothing)"
        raise DevServerError(f"`go install` ended with {code} after saying\n{ending}")
    return built


def _follow(process: GuardedProcess, version: str, on_progress: Callable[[str], None]) -> list[str]:
    """Report what go prints until it closes its output; its last lines."""
    started = last_report = last_line = time.monotonic()
    last: deque[str] = deque(maxlen=_LINES_IN_ERROR)
    doing = "starting"
    with selectors.DefaultSelector() as selector:
        selector.register(process.output, selectors.EVENT_READ)
        pending = b""
        while True:
            if selector.select(timeout=_PROGRESS_SECONDS):
                chunk = process.output.read1(65536)  # type: ignore[attr-defined]  # a BufferedReader
                if not chunk:
                    break
                *lines, pending = (pending + chunk).split(b"\n")
                last.extend(line.decode(errors="replace") for line in lines)
                doing = last[-1] if last else doing
                last_line = time.monotonic()
            now = time.monotonic()
            if now - last_line > _STALLED_SECONDS:
                raise DevServerError(f"go said nothing for {_STALLED_SECONDS:.0f} s; last: {doing}")
            if now - last_report >= _PROGRESS_SECONDS:
                minutes, seconds = divmod(int(now - started), 60)
                on_progress(f"building Temporal {version} ({minutes}:{seconds:02}, takes about three minutes): {doing}")
                last_report = now
    return list(last)
