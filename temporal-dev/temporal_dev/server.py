"""A local Temporal server that keeps its data, and ends when we do."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from temporal_dev import tuning
from temporal_dev.binary import ServerBinary
from temporal_dev.data_dir import DATABASE, locked
from temporal_dev.errors import DevServerError, PortInUse, ServerFailed
from temporal_dev.guarded import GuardedProcess
from temporal_dev.log_file import open_log, tail
from temporal_dev.ports import free_port, ip_address, reachable, require_free
from temporal_dev.readiness import check_types, temporal_version_at, until_ready
from temporal_dev.tuning import Durability

# The first start creates the database; on a busy machine that takes its time.
START_SECONDS = 60.0
# A port that we chose ourselves may be taken by another process before the server has it.
_FREE_PORT_TRIES = 3

T = TypeVar("T")


def _await(coroutine: Coroutine[Any, Any, T], interrupted: threading.Event | None = None) -> T:
    """Run a coroutine to its end from plain code, also where an event loop is running already."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        future = pool.submit(asyncio.run, coroutine)
        try:
            return future.result()
        except BaseException:
            if interrupted is not None:
                interrupted.set()
            raise


@dataclass(frozen=True)
class _Settings:
    binary: ServerBinary
    data_dir: Path
    host: str
    port: int
    ui_port: int
    namespace: str
    search_attributes: Mapping[str, str]
    durability: Durability
    dynamic_config: Mapping[str, object]
    log_path: Path
    ui: bool

    def command(self) -> list[str]:
        ui = [f"--ui-port={self.ui_port}"] if self.ui else ["--headless"]
        return [
            str(self.binary.path),
            "server",
            "start-dev",
            f"--ip={self.host}",
            f"--port={self.port}",
            *ui,
            f"--namespace={self.namespace}",
            f"--db-filename={self.data_dir / DATABASE}",
            *(f"--search-attribute={name}={type_name}" for name, type_name in self.search_attributes.items()),
            *tuning.flags(self.durability, self.dynamic_config),
        ]


@dataclass
class DevServer:
    """A running server. `start()` and the other methods block: in async code use `asyncio.to_thread`.

    A context manager: leaving it stops the server. Without that, the server still ends when this process does.
    """

    _settings: _Settings
    _process: GuardedProcess = field(init=False)

    @classmethod
    def start(
        cls,
        binary: ServerBinary,
        *,
        data_dir: Path,
        host: str = "127.0.0.1",
        port: int = 7233,
        ui_port: int = 8233,
        namespace: str = "default",
        search_attributes: Mapping[str, str] | None = None,
        durability: Durability = "normal",
        dynamic_config: Mapping[str, object] | None = None,
        log_path: Path | None = None,
        ui: bool = True,
    ) -> Self:
        """Start a server on `<data_dir>/temporal.db`; returns once it answers, with namespace and search attributes.

        `port` and `ui_port` 0 pick free ones. `search_attributes` is name to type ("Keyword", "Int", ...).
        `dynamic_config` adds to the tuned values of `tuning.py`, or replaces them. The log goes to `log_path`, by
        default `<data_dir>/temporal.log`.

        Raises `PortInUse`, `DataDirInUse`, `ServerFailed` (with the tail of the log), or `DevServerError` for a bad
        setting. Whatever it raises, also KeyboardInterrupt, no process is left.
        """
        check_types(search_attributes or {})
        host = ip_address(host)
        data_dir = data_dir.absolute()
        tries = _FREE_PORT_TRIES if 0 in (port, ui_port if ui else -1) else 1
        while True:
            server = cls(
                _Settings(
                    binary=binary,
                    data_dir=data_dir,
                    host=host,
                    port=port or free_port(host, "Temporal"),
                    ui_port=ui_port or free_port(host, "web UI"),
                    namespace=namespace,
                    search_attributes=dict(search_attributes or {}),
                    durability=durability,
                    dynamic_config=dict(dynamic_config or {}),
                    log_path=data_dir / "temporal.log" if log_path is None else log_path.absolute(),
                    ui=ui,
                )
            )
            try:
                server._launch()
            except PortInUse:
                tries -= 1
                if not tries:
                    raise
            else:
                return server

    def _launch(self) -> None:
        settings = self._settings
        with locked(settings.data_dir) as lock, open_log(settings.log_path) as log:
            self._require_ports()
            log_start = log.tell()
            # Settings for the CLI's client commands are not meant for this server.
            env = {name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")}
            self._process = GuardedProcess(settings.command(), env=env, output=log, pass_fds=[lock])
        try:
            self._await_ready(log_start)
        except BaseException:
            self.stop()
            raise

    def _require_ports(self) -> None:
        settings = self._settings
        try:
            require_free(settings.host, settings.port, "Temporal")
            if settings.ui:
                require_free(settings.host, settings.ui_port, "web UI")
        except PortInUse as error:
            version = _await(temporal_version_at(reachable(error.host, error.port)))
            if version is None:
                raise
            raise PortInUse(error.host, error.port, "Temporal", version) from None

    def _await_ready(self, log_start: int) -> None:
        settings, interrupted = self._settings, threading.Event()
        started = time.monotonic()
        wrong = _await(
            until_ready(
                self.address,
                settings.namespace,
                settings.search_attributes,
                timeout=START_SECONDS,
                running=lambda: self._process.running and not interrupted.is_set(),
            ),
            interrupted,
        )
        if wrong is None and self._process.running:
            return
        if not self._process.running:
            self._require_ports()  # another process may have been faster: then that is the message
            what = f"ended with {self._process.wait()} after {time.monotonic() - started:.1f} s"
        else:
            what = f"did not answer within {START_SECONDS:.0f} s ({wrong})"
        raise ServerFailed(
            f"the Temporal server ({settings.binary.path}) {what}. The end of its log, {settings.log_path}:\n"
            + tail(settings.log_path, log_start)
        )

    @property
    def address(self) -> str:
        """ "host:port" for clients."""
        return reachable(self._settings.host, self._settings.port)

    @property
    def namespace(self) -> str:
        """The namespace that was asked for."""
        return self._settings.namespace

    @property
    def ui_url(self) -> str | None:
        """The web UI; None when it was not wanted."""
        return f"http://{reachable(self._settings.host, self._settings.ui_port)}" if self._settings.ui else None

    @property
    def pid(self) -> int:
        """The server's own process id (after `restart()`, the new one)."""
        return self._process.pid

    @property
    def log_path(self) -> Path:
        """Where the server's log is."""
        return self._settings.log_path

    @property
    def running(self) -> bool:
        """Whether the server has not ended yet."""
        return self._process.running

    def describe(self) -> str:
        """One line for a person: which server this is, where it answers and where its data is."""
        ui = f", web UI {self.ui_url}" if self.ui_url else ""
        data = self._settings.data_dir / DATABASE
        return f"Temporal at {self.address}{ui}: {self._settings.binary.describe()}; database {data}"

    def wait(self, timeout: float | None = None) -> int:
        """Wait until the server ends; its exit code (128 + N for signal N).

        Raises `subprocess.TimeoutExpired` after `timeout` seconds.
        """
        return self._process.wait(timeout)

    def stop(self) -> None:
        """End the server (SIGTERM, after 10 s SIGKILL) and return once it has ended; may be repeated."""
        self._process.stop()

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal to the server itself, as a crash would; `wait()` or `restart()` follow it."""
        self._process.signal(number)

    def restart(self) -> None:
        """Start again on the same ports and database, after a crash, a stop or stopping it now. Raises as `start`."""
        self.stop()
        self._launch()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def describe_external(address: str) -> str:
    """One line for a person about a server that is not ours."""
    return f"Temporal at {address} (from TEMPORAL_ADDRESS)"


def require_answer(address: str) -> str:
    """The version of the Temporal server at `address`. Raises `DevServerError` when none answers."""
    version = _await(temporal_version_at(address))
    if version is None:
        raise DevServerError(f"no Temporal server answers at {address}: start one, or correct TEMPORAL_ADDRESS")
    return version
