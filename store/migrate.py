"""Bringing a database to this release's schema."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock
from sqlalchemy import Connection, Engine, inspect, text

from definitions.errors import LongpoleError

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0001"
"""The newest revision in `migrations/versions`, named here so that a start with nothing to do loads no scripts."""

_one_at_a_time = threading.Lock()
"""Alembic keeps what it migrates in globals of the process, whichever database each thread has."""

_VERSION_TABLE = "alembic_version"
_ADVISORY_LOCK = 0x6C6F6E67706F6C65
"""`longpole` as a 64-bit number: what processes migrating the same PostgreSQL database wait for."""


def current(connection: Connection) -> str | None:
    """The database's revision; None: it has no schema yet."""
    if not inspect(connection).has_table(_VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {_VERSION_TABLE}")).scalar_one_or_none()  # noqa: S608


def upgrade(engine: Engine) -> None:
    """Alembic's `upgrade head` in one transaction, by one process at a time. `engine` begins transactions that write.

    Raises `LongpoleError` (`database_too_new`) for a revision that this release does not know."""
    if engine.dialect.name == "sqlite":
        with FileLock(f"{engine.url.database}.migrate.lock"):
            _use_wal(engine)
            _upgrade(engine)
    else:
        _upgrade(engine)


def _use_wal(engine: Engine) -> None:
    # The file remembers it, so it is set only here, where no other process does the same: switching wants it alone.
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("PRAGMA journal_mode=WAL").close()
    finally:
        connection.close()


def _upgrade(engine: Engine) -> None:
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        found = current(connection)
        if found == HEAD:
            return
        if found is not None and found > HEAD:
            raise LongpoleError(
                f"the database has schema {found}, which is newer than this release's {HEAD}",
                code="database_too_new",
                remedy="update Longpole, or restore the backup from before its update",
            )
        from alembic import command  # loaded only where there is something to do

        with _one_at_a_time:
            command.upgrade(_config(connection), "head")


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
