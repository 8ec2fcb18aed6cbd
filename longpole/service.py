"""The service of a data directory: Temporal, worker and (for `longpole up`) API, started here or used as it runs.

Everything here blocks and belongs on the main thread, where Ctrl-C can end it at any point without leaving a process.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from temporal_dev import describe_external, external_address

from api.listener import listen
from definitions.errors import Conflict
from engine.settings import Settings
from engine.temporal import connect
from longpole.child import Child
from longpole.connection import use_temporal_of
from longpole.service_files import ServiceFiles
from longpole.service_info import Command, ServiceInfo, TemporalInfo, WorkerSettings
from longpole.supervisor import Supervisor
from longpole.temporal_child import TemporalChild

Say = Callable[[str], None]

_POLL_SECONDS = 0.1
_PATIENCE_SECONDS = 1.0
"""Waiting for another process longer than this is worth a line."""
_KILL_SLACK_SECONDS = 5.0
"""What a child gets beyond the grace that it gives its own steps."""


@dataclass(frozen=True)
class Service:
    """A service that can be used now."""

    info: ServiceInfo
    started_here: bool
    logs: dict[str, Path]
    """Name -> log file of the processes started here."""


@contextmanager
def service_for_run(settings: Settings, say: Say) -> Iterator[Service]:
    """The service that runs on the data directory; when there is none, one of our own until the end of the block.

    One of our own stops once nobody else uses it. Raises `Conflict`, `ServiceUnavailable`.
    """
    files = ServiceFiles(settings.data_dir)
    waited = 0.0
    while True:
        info = files.use()
        if info is not None:
            try:
                info.require_same(WorkerSettings.of(settings), external_address())
                use_temporal_of(info)
                yield Service(info, started_here=False, logs={})
            finally:
                files.leave()
            return
        if files.hold():
            break
        waited = _wait(waited, say)
    with _held(files, settings, say, command="run") as service:
        try:
            yield service
        finally:
            _wait_for_users(files, say)


@contextmanager
def service_for_up(settings: Settings, say: Say) -> Iterator[Service]:
    """A service with API, until the end of the block. Raises `Conflict` when the data directory has one already."""
    files = ServiceFiles(settings.data_dir)
    waited = 0.0
    while not files.hold():
        info = files.running()
        if info is not None:
            where = f", API {info.api_url}" if info.api_url else ""
            raise Conflict(
                f"a service is running on {settings.data_dir} already: process {info.pid}, {info.started_by},"
                f" Temporal {info.temporal.address}{where}",
                remedy="use that one, stop it, or choose another --data-dir",
            )
        waited = _wait(waited, say)
    with _held(files, settings, say, command="up") as service:
        yield service


def _wait(waited: float, say: Say) -> float:
    """Wait a moment for a holder that starts or stops; the seconds waited so far."""
    time.sleep(_POLL_SECONDS)
    if waited < _PATIENCE_SECONDS <= waited + _POLL_SECONDS:
        say("waiting for another command that is starting or stopping a service on this data directory")
    return waited + _POLL_SECONDS


def _wait_for_users(files: ServiceFiles, say: Say) -> None:
    files.withdraw()
    if not files.unused():
        say("another command still uses this service: waiting for it (Ctrl-C stops now)")
        while not files.unused():
            time.sleep(_POLL_SECONDS)


@contextmanager
def _held(files: ServiceFiles, settings: Settings, say: Say, *, command: Command) -> Iterator[Service]:
    """Start what is not there yet; the caller holds the lock."""
    supervisor = Supervisor(say)
    try:
        if command == "up":
            # Before anything is started: the API itself would only find out once Temporal runs.
            listen(settings.host, settings.port).close()
        temporal = _start_temporal(settings, supervisor, say, fixed_ports=command == "up")
        info = ServiceInfo(
            pid=os.getpid(), command=command, temporal=temporal, api_url=None, worker=WorkerSettings.of(settings)
        )
        use_temporal_of(info)
        say("starting the worker and the API" if command == "up" else "starting a worker")
        children = _children(settings, command, temporal.ui_url)
        facts = _start_children(children, supervisor)
        info = replace(info, api_url=facts.get("url"))
        files.publish(info)
        yield Service(info, started_here=True, logs={child.name: child.log_path for child in children})
    finally:
        files.withdraw()
        try:
            supervisor.stop()
        finally:
            files.release()


def _start_temporal(settings: Settings, supervisor: Supervisor, say: Say, *, fixed_ports: bool) -> TemporalInfo:
    address = external_address()
    if address is not None:
        asyncio.run(_require_answer())
        return TemporalInfo(address, False, describe_external(address), settings.temporal_ui_url)
    temporal = TemporalChild(settings, fixed_ports=fixed_ports)
    binary = temporal.find(say)
    say(f"starting {binary.describe()}")
    server = temporal.launch(binary)
    supervisor.watch(temporal)
    return TemporalInfo(server.address, True, f"{server.address}, {binary.describe()}", server.ui_url)


async def _require_answer() -> None:
    await connect()


def _children(settings: Settings, command: Command, ui_url: str | None) -> list[Child]:
    grace = settings.grace_seconds + _KILL_SLACK_SECONDS
    options = ["--data-dir", str(settings.data_dir)]
    logs = settings.data_dir / "logs"
    children = [Child("worker", ["worker", *options], log_path=logs / "worker.log", grace=grace)]
    if command == "up":
        options += ["--host", settings.host, "--port", str(settings.port)]
        known = {"LONGPOLE_TEMPORAL_UI_URL": ui_url} if ui_url else {}
        log_path = logs / "api.log"
        api = Child("API", ["api", *options], log_path=log_path, grace=_KILL_SLACK_SECONDS, environment=known)
        children.append(api)
    return children


def _start_children(children: Sequence[Child], supervisor: Supervisor) -> dict[str, Any]:
    """Start them side by side; what they tell about themselves. When one fails, none is left."""
    facts: dict[str, Any] = {}
    with ExitStack() as unless_ready:
        for child in children:
            unless_ready.callback(child.stop)
            child.start()
        for child in children:
            facts |= child.wait_ready()
        unless_ready.pop_all()
    for child in children:
        if "--port" in child.arguments:  # started again, it must be found where it was
            child.arguments[-1] = str(facts["port"])
        supervisor.watch(child)
    return facts
