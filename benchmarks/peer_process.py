"""One engine measured in a process of its own, with packages of its own, a directory of its own, and a time limit."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PACKAGES = Path(__file__).parent
INSTALL_SECONDS = 900
MEASURE_SECONDS = 400
TELEMETRY_OFF = {
    "DO_NOT_TRACK": "1",
    "SCARF_ANALYTICS": "false",
    "DAGSTER_DISABLE_TELEMETRY": "yes",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
}


class PeerFailed(Exception):
    """Why an engine could not be measured."""


@dataclass(frozen=True)
class Peer:
    """A module of `benchmarks.peers_on`."""

    title: str
    module: str
    packages: str = ""
    """`peers-<packages>.txt` is what it needs; empty: what Longpole needs."""
    options: tuple[str, ...] = ()
    postgres: bool = False

    def python(self, environments: Path) -> Path:
        """The interpreter that it runs in; installed when it is not there yet, or not what the file says.

        Raises `PeerFailed`.
        """
        if not self.packages:
            return Path(sys.executable)
        wanted = PACKAGES / f"peers-{self.packages}.txt"
        folder = environments / self.packages
        python, installed = folder / "bin" / "python", folder / "installed.txt"
        if installed.is_file() and installed.read_bytes() == wanted.read_bytes():
            return python
        print(f"Installing {self.title} into {folder} (once)", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", wanted]
        for command in ([sys.executable, "-m", "venv", folder], install):
            _finish([str(part) for part in command], INSTALL_SECONDS)
        shutil.copy(wanted, installed)
        return python

    def measure(self, environments: Path, *, quick: bool, postgres_url: str = "") -> list[dict[str, Any]]:
        """What it tells: see `benchmarks.peers_on.work.Report`. Raises `PeerFailed`."""
        python = self.python(environments)
        with tempfile.TemporaryDirectory(prefix="lp-peer-") as folder:
            results = Path(folder) / "results.jsonl"
            command = [str(python), "-m", f"benchmarks.peers_on.{self.module}", str(results), *self.options]
            if quick:
                command.append("--quick")
            own = {"HOME": folder, "PYTHONPATH": str(ROOT), "PEER_POSTGRES": postgres_url}
            if not self.packages:
                own = {"PYTHONPATH": str(ROOT)}
            reason = ""
            try:
                _finish(command, MEASURE_SECONDS, env={**os.environ, **TELEMETRY_OFF, **own}, cwd=folder)
            except PeerFailed as failed:
                reason = str(failed)
            told = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
        if reason:
            told.append({"engine": self.title, "error": reason})
        return told


def _finish(command: list[str], seconds: float, **options: Any) -> None:
    """Run a command to its end; what it started ends with it."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **options
        )
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise PeerFailed(f"not done after {seconds:g} s") from None
        finally:
            _end_group(process.pid)
        if code:
            log.seek(0)
            lines = log.read().decode(errors="replace").split("\n")
            raise PeerFailed(f"exit code {code}: {' / '.join(line for line in lines[-4:] if line)[-300:]}")


def _end_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
