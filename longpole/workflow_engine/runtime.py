"""What one process keeps for one database, however many engines are made on it."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Coroutine
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import structlog
from temporal_dev import external_address

from definitions.errors import Conflict
from engine.core import open_blobs
from engine.definitions import Definitions
from engine.execution_records import ExecutionRecords
from engine.handlers import open_handlers
from engine.prepared import PreparedRuns
from engine.settings import Settings, load_settings
from longpole.data_dir import make_data_dir
from longpole.workflow_engine.background import BackgroundLoop, at_exit
from longpole.workflow_engine.serving import Serving, opened
from store.database import Database
from store.sessions import database_fingerprint
from workflows.dag import DagWorkflow

T = TypeVar("T")


class Runtime:
    """The database, its background thread and, once it is wanted, the engine there."""

    def __init__(self, url: str, settings: Settings, temporal_address: str | None) -> None:
        self.given = (settings, temporal_address)
        home, self.settings = _place(url, settings)
        make_data_dir(self.settings.data_dir)
        self.registry = open_handlers(self.settings)
        self._database = Database(url)
        self._database.migrate()
        blobs = open_blobs(self.settings)
        self.definitions = Definitions(self._database, self.registry)
        self.records = ExecutionRecords(self._database, blobs)
        self.prepared = PreparedRuns(self._database, blobs)
        self._loop = BackgroundLoop("longpole-engine")
        try:
            self.serving = self._loop.run(self._begin(home, temporal_address or external_address()))
        except BaseException:
            self._loop.stop()
            self._database.dispose()
            raise

    async def _begin(self, home: Path, address: str | None) -> Serving:
        """What a process that died left unfinished goes on as soon as there is an engine again."""
        serving = Serving(lambda: opened(self.settings, self._database, home, address))
        if await self.prepared.any_open():
            serving.want()
        return serving

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of what runs in the background; blocks."""
        return self._loop.run(work)

    async def awaited(self, work: Coroutine[Any, Any, T]) -> T:
        """The same for any event loop."""
        return await self._loop.awaited(work)

    def close(self) -> None:
        """End what runs in the background."""
        self._loop.run(self.serving.close())
        self._loop.stop()
        self._database.dispose()


def _place(url: str, settings: Settings) -> tuple[Path, Settings]:
    """Where the database's service has its files, and the settings of its worker.

    The database that the settings name is that of `longpole up`, and shares its service. Any other has one of its own,
    and a task queue of its own: workers of two databases must not take each other's steps."""
    fingerprint = database_fingerprint(url)
    changes: dict[str, Any] = {"database_url": url}
    if fingerprint == database_fingerprint(settings.resolved_database_url):
        return settings.data_dir, settings.model_copy(update=changes)
    if "task_queue" not in settings.model_fields_set:
        changes["task_queue"] = f"{settings.task_queue}-{fingerprint}"
    return settings.data_dir / "databases" / fingerprint, settings.model_copy(update=changes)


_FAILED = "Completing activity as failed"

_runtimes: dict[str, Runtime] = {}
_lock = threading.RLock()


def runtime_for(url: str, settings: Settings | None, temporal_address: str | None) -> Runtime:
    """The runtime of a database in this process, made when there is none.

    Raises `Conflict` when there is one with other settings, and what opening a database raises."""
    key = database_fingerprint(url)
    with _lock:
        found = _runtimes.get(key)
        if found is None:
            _log_to_logging()
            found = Runtime(url, settings or load_settings(), temporal_address)
            _close_at_exit()
            _runtimes[key] = found
            return found
        known_settings, known_address = found.given
    if (settings is not None and settings != known_settings) or temporal_address not in (None, known_address):
        raise Conflict(
            "this process has an engine on this database already, with other settings",
            remedy="give all engines on it the same settings and temporal_address, or close() the one before",
        )
    return found


def close_runtime(url: str) -> None:
    """End what this process runs for a database."""
    with _lock:
        runtime = _runtimes.pop(database_fingerprint(url), None)
    if runtime is not None:
        runtime.close()


def close_all() -> None:
    """End what this process runs, for all databases."""
    with _lock:
        runtimes = list(_runtimes.values())
        _runtimes.clear()
    for runtime in runtimes:
        runtime.close()


@cache
def _close_at_exit() -> None:
    at_exit(close_all)


def _forget() -> None:
    """A forked process has none of its parent's threads, and must not end what is its parent's."""
    global _lock
    _lock = threading.RLock()
    _runtimes.clear()


os.register_at_fork(after_in_child=_forget)


def _log_to_logging() -> None:
    """In somebody else's process, standard output is theirs, and so is standard error, where Python writes warnings
    that nobody has asked for."""
    logging.getLogger("temporalio.activity").addFilter(_is_no_failed_step)
    if not structlog.is_configured():
        structlog.configure(
            processors=[
                structlog.stdlib.filter_by_level,
                structlog.processors.format_exc_info,
                structlog.processors.KeyValueRenderer(key_order=["event"]),
            ],
            logger_factory=structlog.stdlib.LoggerFactory(),
            wrapper_class=structlog.stdlib.BoundLogger,
        )


def _is_no_failed_step(record: logging.LogRecord) -> bool:
    """That a step has failed, with its traceback, is in its step execution. What Temporal's SDK says beside that shows
    only where in Longpole the failure was passed on."""
    told: Any = getattr(record, "temporal_activity", {})
    return told.get("workflow_type") != DagWorkflow.__name__ or not record.getMessage().startswith(_FAILED)
