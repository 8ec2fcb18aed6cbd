"""Programs with an engine, as processes of their own with a Temporal of their own: their ends, kind and unkind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import Engine, create_engine, text

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).parent / "programs"
SECONDS = 180.0


def until(condition: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.05)


def gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


class Programs:
    """Programs on one data directory and one database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"sqlite:///{folder / 'app.db'}"
        self.notes = folder / "notes"
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("TEMPORAL_", "LONGPOLE_"))
        }
        self.env = {
            **inherited,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "temporal-dev")]),
            "LONGPOLE_DATA_DIR": str(folder / "data"),
            "LONGPOLE_HANDLER_PATHS": str(ROOT / "tests" / "handlers"),
            "LONGPOLE_HANDLER_ALLOW": "steps",
            "LONGPOLE_PORT": "0",
            "LONGPOLE_TEMPORAL_PORT": "0",
            "LONGPOLE_TEMPORAL_UI_PORT": "0",
            "LONGPOLE_GRACE_SECONDS": "2",
        }
        self.started: list[psutil.Process] = []
        self._database: Engine = create_engine(self.url)

    def start(self, *command: str) -> subprocess.Popen[str]:
        with (self.folder / "errors").open("a") as errors:
            process = subprocess.Popen(
                [sys.executable, *command],
                env=self.env,
                cwd=self.folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self.started.append(psutil.Process(process.pid))
        return process

    def program(self, name: str, *arguments: str, url: str | None = None) -> subprocess.Popen[str]:
        return self.start(str(PROGRAMS / f"{name}.py"), url or self.url, *arguments)

    @property
    def errors(self) -> str:
        return (self.folder / "errors").read_text()

    def status(self) -> str:
        """Of the one instance there is."""
        with self._database.connect() as connection:
            return str(connection.execute(text("SELECT status FROM workflow_instances")).scalar_one())

    def family(self, process: subprocess.Popen[str]) -> list[psutil.Process]:
        return [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]

    def end(self) -> None:
        """Whatever is left is killed; nothing outlives it."""
        left = []
        for process in self.started:
            if not gone(process):
                left += [process, *process.children(recursive=True)]
                process.kill()
        until(lambda: all(map(gone, left)), "what was started has ended")
        self._database.dispose()


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    made = Programs(tmp_path)
    yield made
    made.end()


def end_in_order(process: subprocess.Popen[str], programs: Programs) -> None:
    """Let it come to its end; nothing is left of it then."""
    family = programs.family(process)
    process.communicate(timeout=SECONDS)
    assert process.returncode == 0, programs.errors
    assert all(map(gone, family))


def test_a_plain_script_ends_and_leaves_nothing(programs: Programs) -> None:
    script = programs.program("one_script")
    out, _ = script.communicate(timeout=SECONDS)
    assert script.returncode == 0, programs.errors
    assert json.loads(out)[:3] == ["completed", {"n": 1}, "step 'a' failed: ValueError: as asked"]
    # A step that fails is told by its instance; standard error is the program's own.
    assert programs.errors == ""
    children = [
        each
        for each in psutil.process_iter(["cmdline"])
        if str(programs.folder) in " ".join(each.info["cmdline"] or ())
    ]
    assert children == []


def test_an_instance_whose_process_was_killed_goes_on_with_the_next(programs: Programs) -> None:
    first = programs.program("starts_one", str(programs.notes))
    assert first.stdout is not None
    assert first.stdout.readline()
    until(lambda: programs.notes.exists() and "second" in programs.notes.read_text(), "its second step runs")
    family = programs.family(first)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    until(lambda: all(map(gone, family)), "its Temporal has ended with it")
    # What the last moment told may not be recorded.
    assert programs.status() in ("pending", "running")
    second = programs.program("is_there")
    until(lambda: programs.status() == "completed", "the instance has gone on")
    # What was done is not done again; what was cut off is.
    assert programs.notes.read_text().split() == ["first", "second", "second", "third"]
    end_in_order(second, programs)


def test_another_process_takes_the_place_of_the_one_that_was_killed(programs: Programs) -> None:
    first = programs.program("starts_one", str(programs.notes))
    assert first.stdout is not None
    assert first.stdout.readline()
    second = programs.program("is_there")
    assert second.stdout is not None
    assert second.stdout.readline()
    until(lambda: programs.notes.exists() and "second" in programs.notes.read_text(), "its second step runs")
    first.send_signal(signal.SIGKILL)
    first.communicate()
    until(lambda: programs.status() == "completed", "the instance has gone on")
    end_in_order(second, programs)


def test_a_running_longpole_up_on_the_same_database_is_used(programs: Programs) -> None:
    programs.url = f"sqlite:///{programs.folder / 'data' / 'longpole.db'}"
    up = programs.start("-m", "longpole.cli", "up")
    service = programs.folder / "data" / "service.json"
    until(service.exists, "it is up")
    before = service.read_bytes()
    script = programs.program("one_script")
    out, _ = script.communicate(timeout=SECONDS)
    assert script.returncode == 0, programs.errors
    assert json.loads(out)[0] == "completed"
    assert service.read_bytes() == before
    assert not (programs.folder / "data" / "databases").exists()
    # Another database has a Temporal of its own, beside it.
    script = programs.program("one_script", url=f"sqlite:///{programs.folder / 'other.db'}")
    script.communicate(timeout=SECONDS)
    assert script.returncode == 0, programs.errors
    assert (programs.folder / "data" / "databases").exists()
    up.send_signal(signal.SIGTERM)
    up.communicate(timeout=SECONDS)
    assert up.returncode == 0
