"""`python -m temporal_dev` from outside: one line, then a clean end by Ctrl-C, and errors in one message."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from temporal_dev import temporary_server

COMMAND = [sys.executable, "-m", "temporal_dev"]


def run(arguments: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_one_line_and_stops_cleanly(
    number: signal.Signals, tmp_path: Path, package_env: dict[str, str], gone: Callable[[int], bool]
) -> None:
    process = subprocess.Popen(
        [*COMMAND, "--data-dir", str(tmp_path), "--port", "0", "--ui-port", "0", "--search-attribute", "Owner=Keyword"],
        env=package_env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("Temporal at 127.0.0.1:")
    assert "web UI http://127.0.0.1:" in line
    below = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
    assert below
    # As a terminal does it: to everything in the foreground.
    os.killpg(process.pid, number)
    rest, complaints = process.communicate()
    assert (process.returncode, rest, complaints) == (0, "", "")
    assert all(gone(pid) for pid in below)


def test_a_port_in_use_is_one_message(tmp_path: Path, package_env: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = run(["--data-dir", str(tmp_path), "--port", str(port)], package_env)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"port {port} on 127.0.0.1 (Temporal) is already in use")
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--search-attribute", "Owner"], "'Owner' is not NAME=VALUE"),
        (["--dynamic-config", "frontend.rps=lots"], "'lots' is not JSON"),
        (["--durability", "some"], "invalid choice"),
    ],
)
def test_a_bad_argument_is_named(arguments: list[str], message: str, package_env: dict[str, str]) -> None:
    ended = run(arguments, package_env)
    assert ended.returncode == 2
    assert message in ended.stderr


def test_a_server_that_crashes_ends_it_with_a_message(tmp_path: Path, package_env: dict[str, str]) -> None:
    process = subprocess.Popen(
        [*COMMAND, "--data-dir", str(tmp_path), "--port", "0", "--headless"],
        env=package_env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    for child in psutil.Process(process.pid).children(recursive=True):
        if "start-dev" in child.cmdline() and child.ppid() != process.pid:
            child.kill()
    _, complaint = process.communicate()
    assert process.returncode == 1
    assert complaint == f"the Temporal server ended by itself with 137; its log is {tmp_path / 'temporal.log'}\n"


def test_a_named_server_is_used_and_nothing_started(package_env: dict[str, str]) -> None:
    with temporary_server() as server:
        ended = run([], {**package_env, "TEMPORAL_ADDRESS": server.address})
    assert ended.returncode == 0
    assert ended.stdout == f"Temporal at {server.address} (from TEMPORAL_ADDRESS), server 1.29.1: nothing to start\n"
    ended = run([], {**package_env, "TEMPORAL_ADDRESS": server.address})
    assert ended.returncode == 1
    assert ended.stderr == (f"no Temporal server answers at {server.address}: start one, or correct TEMPORAL_ADDRESS\n")
