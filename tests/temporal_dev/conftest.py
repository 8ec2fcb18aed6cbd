"""What these tests share: waiting for a condition, programs that stand in for real ones, a look for leftovers."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import temporal_dev
from temporal_dev import ServerBinary

WAIT_SECONDS = 180.0


def until(condition: Callable[[], object], what: str) -> None:
    """Poll until `condition()` holds; fails with `what` after a generous time."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.02)


def ended(pid: int) -> bool:
    """Whether the process is gone, or a zombie that only waits to be collected."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def wait_until() -> Callable[[Callable[[], object], str], None]:
    return until


@pytest.fixture
def gone() -> Callable[[int], bool]:
    return ended


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str, str], Path]:
    """Makes an executable shell script in a folder of its own: `script(name, body)`."""

    def make(name: str, body: str) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    return make


@pytest.fixture
def package_env() -> dict[str, str]:
    """The environment for a Python process that imports the package, with no server named in it."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")}
    root = str(Path(temporal_dev.__file__).parent.parent)
    return {**env, "PYTHONPATH": os.pathsep.join(filter(None, [root, env.get("PYTHONPATH")]))}


@pytest.fixture(scope="session")
def binary() -> ServerBinary:
    """The real server."""
    return temporal_dev.locate()


@pytest.fixture(autouse=True)
def _no_process_left() -> Iterator[None]:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    yield
    until(
        lambda: all(ended(child.pid) for child in psutil.Process().children(recursive=True) if child.pid not in before),
        "every process that the test started has ended",
    )
