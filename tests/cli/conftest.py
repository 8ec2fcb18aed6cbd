"""The command line on fresh folders, and one service that the tests of a module share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from command_line import CommandLine, Running, ended, until


@pytest.fixture
def longpole(tmp_path: Path) -> CommandLine:
    """The command line, with nothing running."""
    return CommandLine(tmp_path)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """The command line beside a running `longpole up`."""
    line = CommandLine(tmp_path_factory.mktemp("served"))
    # Long enough for whoever interrupts a command for the second time before its run is over.
    line.env["LONGPOLE_GRACE_SECONDS"] = "15"
    up = line.start("up")
    try:
        up.says("Longpole is up")
        yield line
    finally:
        assert up.stop() == 0, up.stderr


@pytest.fixture
def nothing_left() -> Iterator[list[Running]]:
    """Put what was started into it: at the end it is killed, and every process that it had started must be gone."""
    started: list[Running] = []
    yield started
    left: list[psutil.Process] = []
    for command in started:
        if command.running:
            left += command.family()
            command.signal(9)
            command.wait()
    until(lambda: all(map(ended, left)), "what was started has ended")
