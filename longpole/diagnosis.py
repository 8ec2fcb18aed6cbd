"""What Longpole finds on this machine: read only, nothing is started, downloaded or changed."""

from __future__ import annotations

import asyncio
import importlib
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from temporal_dev import DevServerError, PortInUse, default_cache_dir, external_address
from temporal_dev.binary import ServerBinary, Source, probe
from temporal_dev.locate import PINNED_VERSION
from temporal_dev.ports import ip_address, require_free

from definitions.errors import LongpoleError
from engine.handlers import open_handlers
from engine.settings import Settings, find_project_file
from engine.temporal import connect
from longpole.connection import find_service
from longpole.service_info import ServiceInfo
from store.database import Database

State = Literal["ok", "note", "warning", "missing"]
OLDEST_PYTHON = (3, 11)
_PACKAGES = ("temporalio", "fastapi", "pydantic", "sqlmodel", "ortools")
_CONNECT_SECONDS = 5.0


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `missing`: Longpole can't work without it; `remedy` says what to do."""

    subject: str
    state: State
    detail: str
    remedy: str = ""

    def as_dict(self) -> dict[str, str]:
        """The four fields as JSON."""
        return asdict(self)


def diagnose(settings: Settings) -> list[Finding]:
    """Look at everything, in the order in which it matters."""
    service = find_service(settings)
    return [
        _python(),
        _packages(),
        _settings(),
        _data_dir(settings.data_dir),
        _database(settings),
        _service(service),
        *_temporal(),
        *_ports(settings, service),
        *_handlers(settings),
    ]


def _python() -> Finding:
    found = f"{platform.python_version()} ({sys.executable})"
    if sys.version_info < OLDEST_PYTHON:
        return Finding("Python", "missing", found, f"use {'.'.join(map(str, OLDEST_PYTHON))} or later")
    return Finding("Python", "ok", found)


def _packages() -> Finding:
    found, absent = [], []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            absent.append(name)
    if absent:
        remedy = "install Longpole with its dependencies: pip install -e . -c constraints.txt"
        return Finding("packages", "missing", f"not installed: {', '.join(absent)}", remedy)
    return Finding("packages", "ok", ", ".join(found))


def _settings() -> Finding:
    project = find_project_file(Path.cwd())
    variables = sorted(name for name in os.environ if name.startswith("LONGPOLE_"))
    places = [str(project)] if project else ["no longpole.toml here or above"]
    return Finding("settings", "note", ", ".join([*places, *variables]))


def _data_dir(path: Path) -> Finding:
    """Writable, or could be made: the nearest folder that is there decides."""
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return Finding("data", "missing", f"{path} can't be written", "choose another --data-dir or LONGPOLE_DATA_DIR")
    free = shutil.disk_usage(there).free / 1e9
    state: State = "ok" if free > 1 else "warning"
    made = "" if there == path else ", made at the first start"
    return Finding("data", state, f"{path} ({free:.0f} GB free{made})", "" if free > 1 else "make room on that disk")


def _database(settings: Settings) -> Finding:
    try:
        # Opening a SQLite file would make it.
        if settings.database_url is None and not (settings.data_dir / "longpole.db").exists():
            return Finding("database", "ok", f"{settings.data_dir / 'longpole.db'}, made at the first start")
        database = Database(settings.resolved_database_url)
        try:
            database.check()
            return Finding("database", "ok", str(database))
        finally:
            database.dispose()
    except LongpoleError as error:
        # A schema of an earlier release is migrated by the next start.
        state: State = "warning" if "has schema" in error.message else "missing"
        return Finding("database", state, error.message, error.remedy)


def _service(service: ServiceInfo | None) -> Finding:
    if service is None:
        return Finding("service", "note", "none is running on this data directory", "start one with `longpole up`")
    api = f", API {service.api_url}" if service.api_url else ""
    detail = f"{service.started_by}, process {service.pid}, Temporal {service.temporal.address}{api}"
    return Finding("service", "ok", detail)


def _temporal() -> Iterator[Finding]:
    address = external_address()
    if address is not None:
        try:
            asyncio.run(_require_answer())
        except LongpoleError as error:
            yield Finding("Temporal", "missing", error.message, "start it, or correct or unset TEMPORAL_ADDRESS")
        else:
            yield Finding("Temporal", "ok", f"{address} answers (from TEMPORAL_ADDRESS)")
        return
    go = shutil.which("go")
    found = _installed_server()
    if isinstance(found, ServerBinary):
        yield Finding("Temporal", "ok", found.describe())
    elif go:
        yield Finding(
            "Temporal", "ok", f"{found}; the first start downloads it, or builds it with Go in about three minutes"
        )
    else:
        yield Finding(
            "Temporal",
            "warning",
            f"{found}; the first start tries to download it",
            "where there is no network: put the Temporal CLI on PATH, install Go, or set TEMPORAL_ADDRESS",
        )
    yield Finding("Go", "note", go or "none; only needed to build Temporal")


async def _require_answer() -> None:
    await connect(timeout=_CONNECT_SECONDS)


def _installed_server() -> ServerBinary | str:
    """The server that would be started without fetching one, or why there is none."""
    wrong = []
    on_path = shutil.which("temporal")
    candidates: list[tuple[Path, Source]] = [(Path(on_path), "PATH")] if on_path else []
    cached = default_cache_dir() / f"temporal-{PINNED_VERSION}"
    candidates += [(cached, "cache")] if cached.exists() else []
    for path, source in candidates:
        try:
            found = probe(path, source, os.environ)
            # What is built with Go does not know its release; the cache does.
            return replace(found, version=PINNED_VERSION) if source == "cache" else found
        except DevServerError as error:
            wrong.append(str(error))
    return "; ".join(wrong) or "no server on PATH or in the cache"


def _ports(settings: Settings, service: ServiceInfo | None) -> Iterator[Finding]:
    """Free ports for what `longpole up` would start."""
    if service is not None:
        return
    wanted = [(settings.host, settings.port, "API", "--port")]
    if external_address() is None:
        wanted.append(("127.0.0.1", settings.temporal_port, "Temporal", "--temporal-port"))
        wanted.append(("127.0.0.1", settings.temporal_ui_port, "web UI", "--ui-port"))
    free = []
    for host, port, purpose, option in wanted:
        try:
            require_free(ip_address(host), port, purpose)
            free.append(f"{port} ({purpose})")
        except PortInUse:
            remedy = f"`longpole up {option} N` takes another; `longpole run` does so by itself"
            yield Finding("port", "warning", f"{port} ({purpose}) is in use", remedy)
        except DevServerError as error:
            yield Finding("port", "warning", str(error), f"correct {option}")
    if free:
        yield Finding("ports", "ok", f"free: {', '.join(free)}")


def _handlers(settings: Settings) -> Iterator[Finding]:
    for path in settings.handler_paths:
        if not path.is_dir():
            yield Finding("handlers", "missing", f"the folder {path} is not there", "correct handler_paths")
    try:
        registry = open_handlers(settings)
    except LongpoleError as error:
        yield Finding("handlers", "missing", error.message, error.remedy)
        return
    if registry.names:
        yield Finding("handlers", "ok", f"registered: {', '.join(registry.names)}")
    else:
        remedy = "install Longpole itself, so that its own handlers are known: pip install -e ."
        yield Finding("handlers", "warning", "none is registered", remedy)
    for entry in registry.allow:
        try:
            importlib.import_module(entry)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            why = f"{type(error).__name__}: {error}".splitlines()[0]
            remedy = "install what it needs, or correct handler_paths or handler_allow"
            yield Finding("handlers", "missing", f"`{entry}` is allowed, but can't be imported ({why})", remedy)
        else:
            yield Finding("handlers", "ok", f"`{entry}` can be imported")
