"""The command line as a process of its own, as users call it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from forked import call

ROOT = Path(__file__).parents[2]
HANDLERS = [ROOT / "tests" / "handlers", Path(__file__).parent / "handlers"]
SECONDS = 180.0


def until(condition: Callable[[], Any], what: str) -> Any:
    """Poll until `condition()` is truthy, and return that; fails with `what` after a generous time."""
    deadline = time.monotonic() + SECONDS
    while not (value := condition()):
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.05)
    return value


def ended(process: psutil.Process) -> bool:
    """Whether the process is gone, or a zombie that only waits to be collected."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


class Running:
    """A command that runs in the background, with what it prints in files."""

    def __init__(self, command: list[str], *, env: dict[str, str], folder: Path) -> None:
        number = len(list(folder.glob("*.out")))
        self._out, self._err = folder / f"{number}.out", folder / f"{number}.err"
        with self._out.open("w") as out, self._err.open("w") as err:
            self._process = subprocess.Popen(
                command, env=env, cwd=folder, stdout=out, stderr=err, stdin=subprocess.DEVNULL, start_new_session=True
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def stdout(self) -> str:
        return self._out.read_text()

    @property
    def stderr(self) -> str:
        return self._err.read_text()

    def says(self, text: str) -> None:
        """Wait until it has printed `text`."""

        def said() -> bool:
            assert self.running or text in self.stdout + self.stderr, self.stdout + self.stderr
            return text in self.stdout + self.stderr

        until(said, f"it says {text!r}")

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        """Its exit code, once it has ended."""
        return self._process.wait(SECONDS)

    def stop(self) -> int:
        """End it as `kill` does; its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def family(self) -> list[psutil.Process]:
        """The processes that it has started, and theirs."""
        return psutil.Process(self.pid).children(recursive=True)


class CommandLine:
    """`longpole` on a data directory of its own, with free ports."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data_dir = folder / "data"
        ours = ("TEMPORAL_", "LONGPOLE_")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        self.env = {
            **inherited,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "temporal-dev")]),
            "LONGPOLE_DATA_DIR": str(self.data_dir),
            "LONGPOLE_HANDLER_PATHS": ",".join(map(str, HANDLERS)),
            "LONGPOLE_HANDLER_ALLOW": "steps,cli_steps",
            "LONGPOLE_PORT": "0",
            "LONGPOLE_TEMPORAL_PORT": "0",
            "LONGPOLE_TEMPORAL_UI_PORT": "0",
            "LONGPOLE_GRACE_SECONDS": "2",
            "COLUMNS": "200",
        }

    def __call__(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Call it and wait for its end: in a process of its own, but in a new interpreter only where `env` has
        variables of Python's."""
        if any(name.startswith("PYTHON") for name in env):
            return subprocess.run(
                self._command(arguments),
                env={**self.env, **env},
                cwd=self.folder,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                stdin=subprocess.DEVNULL,
                check=False,
            )
        with tempfile.TemporaryDirectory() as told:
            out, err = Path(told, "out"), Path(told, "err")
            code = call(arguments, env={**self.env, **env}, folder=self.folder, out=out, err=err, seconds=SECONDS)
            return subprocess.CompletedProcess(arguments, code, out.read_text(), err.read_text())

    def json(self, *arguments: str) -> Any:
        """What it prints with `--json`."""
        done = self(*arguments, "--json")
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def start(self, *arguments: str, **env: str) -> Running:
        """Call it in the background."""
        return Running(self._command(arguments), env={**self.env, **env}, folder=self.folder)

    def workflow(self, name: str, steps: list[dict[str, Any]], **fields: Any) -> str:
        """A workflow file; its name."""
        (self.folder / f"{name}.json").write_text(json.dumps({"name": name, "steps": steps, **fields}))
        return f"{name}.json"

    def service(self) -> dict[str, Any] | None:
        """What the running service tells about itself."""
        path = self.data_dir / "service.json"
        return json.loads(path.read_text()) if path.exists() else None

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "longpole.cli", *arguments]
