"""One database: its connections, its transactions, its readiness."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.orm import Session

from definitions.errors import LongpoleError
from store import migrate
from store.columns import to_json
from store.failures import StoreUnavailable, unavailable

__all__ = ["Database", "Session", "StoreUnavailable"]

T = TypeVar("T")

_REMEDY = "use sqlite:///path/to/file.db or postgresql+psycopg://user:password@host/database"
_WRITE = "longpole_write"
BUSY_TIMEOUT = 30.0
"""Seconds that a SQLite writer waits for another."""
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 2.0
_JITTER = random.Random()  # noqa: S311 - for spreading, nothing secret
"""Of its own: drawing from the global generator in a background thread would upset whoever has seeded that one."""


class Database:
    """A SQLite file or a PostgreSQL database. Thread-safe; connections are opened when they are needed.

    Raises `LongpoleError` (`database_url_invalid`) for a URL that is neither.
    """

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = _parse(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._engine = _sqlite_engine(self.url, pool_size) if self.is_sqlite else _postgres_engine(self.url, pool_size)
        self._reader = self._engine if self.is_sqlite else self._engine.execution_options(postgresql_readonly=True)
        self._writer = self._engine.execution_options(**{_WRITE: True})
        # SQLite's own waiting polls with pauses of up to 100 ms; within one process writers queue here instead.
        self._writing = threading.Lock()
        self._writing_thread = 0

    def __str__(self) -> str:
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one state of a SQLite file (on PostgreSQL: what is committed) and changes nothing.

        Raises `StoreUnavailable`."""
        with self._session(self._reader) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that is committed when the block ends and rolled back when it raises. Not to be nested.

        Raises `StoreUnavailable`; a commit that was cut off may or may not have happened."""
        with self._exclusive(), self._session(self._writer) as session:
            yield session
            session.commit()

    def run_read(self, work: Callable[[Session], T]) -> T:
        """`work(session)` in a read block. Raises `StoreUnavailable`."""
        with self.read() as session:
            return work(session)

    def run_write(self, work: Callable[[Session], T], *, attempts: int = 8) -> T:
        """`work(session)` in a write block, again with growing pauses while the database is gone, locked or refuses to
        serialize. `work` must be safe to repeat: a commit whose answer was lost may have happened.

        With the default, it holds out for about 6 seconds. Raises `StoreUnavailable` after that."""
        pause = _FIRST_PAUSE
        for _ in range(attempts - 1):
            try:
                with self.write() as session:
                    return work(session)
            except StoreUnavailable as error:
                if not error.passing:
                    raise
            time.sleep(pause * (0.5 + _JITTER.random()))
            pause = min(pause * 2, _LONGEST_PAUSE)
        with self.write() as session:
            return work(session)

    def migrate(self) -> None:
        """Brings the schema to this release's: safe in several processes at once, quick when there is nothing to do.

        Raises `StoreUnavailable`, or `LongpoleError` (`database_too_new`) when a later release has been here."""
        with self._translated():
            if self._revision() != migrate.HEAD:
                migrate.upgrade(self._writer)

    def check(self) -> None:
        """Returns when the database answers and has this release's schema. Raises `StoreUnavailable` otherwise."""
        with self._translated():
            found = self._revision()
        if found != migrate.HEAD:
            raise StoreUnavailable(
                f"{self} has schema {found or 'none'}, this release needs {migrate.HEAD}",
                passing=False,
                remedy="start the service, which migrates it, or update Longpole",
            )

    def _revision(self) -> str | None:
        with self._reader.connect() as connection:
            return migrate.current(connection)

    def dispose(self) -> None:
        """Closes every connection; the next use opens new ones."""
        self._engine.dispose()

    @contextmanager
    def _session(self, engine: Engine) -> Iterator[Session]:
        with self._translated(), Session(engine, expire_on_commit=False, autoflush=False) as session:
            yield session

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        if not self.is_sqlite:
            yield
            return
        if self._writing_thread == threading.get_ident():
            raise RuntimeError(
                "this thread is in a write block already; give its session on instead of opening another"
            )
        if not self._writing.acquire(timeout=BUSY_TIMEOUT):
            raise StoreUnavailable(
                f"another thread has been writing to {self} for {BUSY_TIMEOUT:.0f} s", passing=True, remedy="retry"
            )
        self._writing_thread = threading.get_ident()
        try:
            yield
        finally:
            self._writing_thread = 0
            self._writing.release()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            translated = unavailable(error, str(self))
            if translated is None:
                raise
            raise translated from error


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        # The text is not repeated: it may hold a password.
        raise LongpoleError("the database URL can't be read", code="database_url_invalid", remedy=_REMEDY) from None
    backend = parsed.get_backend_name()
    if backend == "sqlite" and parsed.drivername in ("sqlite", "sqlite+pysqlite"):
        if not parsed.database or parsed.database == ":memory:" or parsed.database.startswith("file:"):
            raise LongpoleError(
                "the database URL names no file; nothing kept in memory survives a crash",
                code="database_url_invalid",
                remedy=_REMEDY,
            )
        return parsed
    if parsed.drivername in ("postgresql", "postgresql+psycopg"):
        return parsed.set(drivername="postgresql+psycopg")
    raise LongpoleError(
        f"the database URL starts with {parsed.drivername!r}, which is not supported",
        code="database_url_invalid",
        remedy=_REMEDY,
    )


def _postgres_engine(url: URL, pool_size: int) -> Engine:
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=10,
        pool_pre_ping=True,
        json_serializer=to_json,
        connect_args={"connect_timeout": 5, "application_name": "longpole"},
    )


def _sqlite_engine(url: URL, pool_size: int) -> Engine:
    assert url.database is not None  # noqa: S101  # `_parse` has seen to it
    path = Path(url.database)
    if path.parent.is_file() or path.is_dir():
        raise LongpoleError(f"{path} can't be a database file", code="database_url_invalid", remedy=_REMEDY)
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=BUSY_TIMEOUT,
        json_serializer=to_json,
        connect_args={"timeout": BUSY_TIMEOUT, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        # pysqlite would begin transactions by itself, late and never IMMEDIATE: it is told not to, `_begin` does it.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        writes = connection.get_execution_options().get(_WRITE, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
