"""`longpole up` from its start to its end, however that comes."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator

import psutil
import pytest
from command_line import CommandLine, Running, ended, until


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def part(up: Running, *words: str) -> psutil.Process:
    """The process of `up` whose command line has all these words, and that is no guardian."""

    def found() -> list[psutil.Process]:
        lines = [(process, process.cmdline()) for process in up.family() if not ended(process)]
        return [p for p, line in lines if all(w in line for w in words) and not any("guardian" in w for w in line)]

    return until(found, f"there is a process with {words}")[0]


def test_what_dies_is_started_again_and_all_ends_with_it(longpole: CommandLine, nothing_left: list[Running]) -> None:
    up = longpole.start("up")
    nothing_left.append(up)
    up.says("Longpole is up")
    up.says("Ctrl-C stops everything")
    call = shlex.split(re.search(r"^try the API: (curl .*)$", up.stdout, re.MULTILINE)[1])
    assert json.loads(subprocess.run([*call, "-s"], capture_output=True, check=True).stdout)["status"] == "ready"
    for name, words in {"worker": ["worker"], "API": ["api"], "Temporal server": ["start-dev"]}.items():
        part(up, *words).kill()
        up.says(f"the {name} ended unexpectedly (signal 9); starting it again")
        up.says(f"the {name} is started again")
    file = longpole.workflow("nap", [{"id": "a", "handler": "sleep", "input": {"seconds": 0}}])
    assert longpole("run", file).returncode == 0
    family = up.family()
    assert up.stop() == 0
    assert up.stderr.splitlines()[-1] == "stopped"
    assert all(map(ended, family))
    assert longpole.service() is None


def test_killed_it_leaves_no_process_and_its_file_is_known_as_stale(
    longpole: CommandLine, nothing_left: list[Running]
) -> None:
    up = longpole.start("up")
    nothing_left.append(up)
    up.says("Longpole is up")
    family = up.family()
    assert len(family) >= 6
    os.kill(up.pid, signal.SIGKILL)
    up.wait()
    until(lambda: all(map(ended, family)), "everything it had started has ended")
    assert longpole.service() is not None
    (finding,) = [each for each in longpole.json("doctor")["findings"] if each["subject"] == "service"]
    assert finding["state"] == "note"
    file = longpole.workflow("nap", [{"id": "a", "handler": "sleep", "input": {"seconds": 0}}])
    assert longpole("run", file).returncode == 0


@pytest.mark.parametrize("option", ["--temporal-port", "--ui-port", "--port"])
def test_a_port_in_use_is_told(longpole: CommandLine, nothing_left: list[Running], taken: int, option: str) -> None:
    up = longpole.start("up", option, str(taken))
    nothing_left.append(up)
    assert up.wait() == 3
    assert f"port {taken} on 127.0.0.1" in up.stderr
    assert "already in use" in up.stderr
    assert option in up.stderr
    assert "Traceback" not in up.stderr
    assert longpole.service() is None
