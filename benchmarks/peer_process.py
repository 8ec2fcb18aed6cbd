"""One engine in a process of its own, with packages and a directory of its own, that works when it is asked to.

While it is not asked, all of its processes are stopped (SIGSTOP), so that none that looks for work ten times a second
takes time from another that is measured.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from temporal_dev.errors import DevServerError
from temporal_dev.guarded import GuardedProcess

from benchmarks.peer_packages import PeerFailed, last_lines
from benchmarks.peers_on.work import Work

ROOT = Path(__file__).parent.parent
START_SECONDS = 300
WORK_SECONDS = 120
"""How long an engine may take for one request, before it is taken to hang."""
STOP_SECONDS = 30
TELEMETRY_OFF = {
    "DO_NOT_TRACK": "1",
    "SCARF_ANALYTICS": "false",
    "DAGSTER_DISABLE_TELEMETRY": "yes",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
}


class WorkFailed(Exception):
    """What an engine said that it could not do; it can be asked for other work."""


@dataclass(frozen=True)
class Offer:
    """A way to use an engine, as `benchmarks.peers_on.work.serve` tells it."""

    number: int
    engine: str
    works: tuple[Work, ...]


@dataclass(frozen=True)
class Peer:
    """A module of `benchmarks.peers_on`."""

    title: str
    module: str
    packages: str = ""
    """`peers-<packages>.txt` is what it needs; empty: what Longpole needs."""
    options: tuple[str, ...] = ()
    postgres: bool = False
    against: str = "Temporal by hand"
    """The engine that its times are divided by."""


class PeerProcess:
    """A peer that has been started, and is stopped but within `awake()`."""

    def __init__(self, peer: Peer, python: Path, postgres_url: str = "") -> None:
        """Start it, and learn what it offers. Raises `PeerFailed`; nothing is left of it then."""
        self._folder = tempfile.TemporaryDirectory(prefix="lp-peer-", ignore_cleanup_errors=True)
        home = Path(self._folder.name)
        self._log = home / "peer.log"
        ours, theirs = socket.socketpair()
        own = {"PYTHONPATH": str(ROOT), "TMPDIR": str(home), "PEER_POSTGRES": postgres_url}
        if peer.packages:
            own["HOME"] = str(home)
        command = [str(python), "-m", f"benchmarks.peers_on.{peer.module}", str(theirs.fileno()), *peer.options]
        environment = {**os.environ, **TELEMETRY_OFF, **own}
        try:
            with theirs, self._log.open("wb") as log:
                self._process = GuardedProcess(
                    command, env=environment, output=log, grace=STOP_SECONDS, pass_fds=[theirs.fileno()]
                )
        except DevServerError as error:
            ours.close()
            self._folder.cleanup()
            raise PeerFailed(str(error)) from error
        self._connection = ours
        self._lines = ours.makefile("r")
        try:
            told = self._answer(START_SECONDS)
            self.offers = [
                Offer(number, way["engine"], tuple(Work(**work) for work in way["works"]))
                for number, way in enumerate(told)
            ]
            self._stop_all()
        except BaseException:
            self.end()
            raise

    @contextlib.contextmanager
    def awake(self) -> Iterator[None]:
        """While it works."""
        self._continue_all()
        try:
            yield
        finally:
            self._stop_all()

    def timed(self, offer: Offer, work: Work, *, seconds: float, most: int) -> list[float]:
        """How long `work` took each time, in seconds: once at least, `most` times, and not again after `seconds`.

        Raises `WorkFailed`, and `PeerFailed` when there is no answer: then it can only be ended.
        """
        asked = {"way": offer.number, "work": asdict(work), "seconds": seconds, "most": most}
        try:
            self._connection.sendall(json.dumps(asked).encode() + b"\n")
        except OSError:
            raise PeerFailed(self._why_ended()) from None
        answer = self._answer(WORK_SECONDS)
        if "error" in answer:
            raise WorkFailed(answer["error"])
        found: list[float] = answer["seconds"]
        return found

    def end(self) -> None:
        """It is told to, and after a while made to; what it had written is removed."""
        processes = self._processes()
        self._continue_all()
        self._lines.close()
        self._connection.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_SECONDS)
        self._process.stop()
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._folder.cleanup()

    def _answer(self, seconds: float) -> Any:
        self._connection.settimeout(seconds)
        try:
            line = self._lines.readline()
        except TimeoutError:
            raise PeerFailed(f"no answer after {seconds:g} s: {self._end_of_log()}") from None
        except OSError:
            line = ""
        if not line:
            raise PeerFailed(self._why_ended())
        return json.loads(line)

    def _why_ended(self) -> str:
        try:
            code = str(self._process.wait(STOP_SECONDS))
        except subprocess.TimeoutExpired:
            code = "none yet"
        return f"it ended, exit code {code}: {self._end_of_log()}"

    def _end_of_log(self) -> str:
        return last_lines(self._log.read_text(errors="replace"))

    def _processes(self) -> list[psutil.Process]:
        try:
            process = psutil.Process(self._process.pid)
            return [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _stop_all(self) -> None:
        """Also those that are started meanwhile by one that is not stopped yet."""
        stopped: set[psutil.Process] = set()
        while others := set(self._processes()) - stopped:
            self._signal(others, signal.SIGSTOP)
            stopped |= others

    def _continue_all(self) -> None:
        self._signal(self._processes(), signal.SIGCONT)

    @staticmethod
    def _signal(processes: list[psutil.Process] | set[psutil.Process], number: signal.Signals) -> None:
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)
