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

HEAD = "0011"
"""The newest revision in `migrations/versions`, named here so that a start with nothing to do loads no scripts."""

_one_at_a_time = threading.Lock()
"""Alembic keeps what it migrates in globals of the process, whichever database each thread has."""

VERSION_TABLE = "longpole_version"
"""Not Alembic's own default: the database may be an application's, with migrations of its own."""
_FORMER_VERSION_TABLE = "alembic_version"
_FORMER_HEAD = "0001"
FIRST_TABLES = frozenset(
    {
        "workflow_templates",
        "workflow_versions",
        "workflow_instances",
        "workflow_step_executions",
        "workflow_events",
        "workflow_log_lines",
    }
)
"""Those of revision 0001."""
_ADVISORY_LOCK = 0x6C6F6E67706F6C65
"""`longpole` as a 64-bit number: what processes migrating the same PostgreSQL database wait for."""


def current(connection: Connection) -> str | None:
    """The database's revision; None: it has no schema yet."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar_one_or_none()  # noqa: S608


def upgrade(engine: Engine) -> None:
    """Alembic's upgrade to `HEAD` in one transaction, by one process at a time. `engine` begins transactions that
    write.

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
        found = current(connection) or _former(connection)
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
            command.upgrade(_config(connection), HEAD)


def _former(connection: Connection) -> str | None:
    """Takes over the revision of a database that kept it under Alembic's default name. None: it has no schema of ours.

    Raises `LongpoleError` (`tables_taken`) where an application has tables of the same names."""
    tables = set(inspect(connection).get_table_names())
    taken = sorted(FIRST_TABLES & tables)
    if not taken:
        return None
    former = text(f"SELECT version_num FROM {_FORMER_VERSION_TABLE}")  # noqa: S608
    ours = len(taken) == len(FIRST_TABLES) and _FORMER_VERSION_TABLE in tables
    if not ours or list(connection.scalars(former)) != [_FORMER_HEAD]:
        raise LongpoleError(
            f"the database has tables that are not Longpole's, under names that it needs: {', '.join(taken)}",
            code="tables_taken",
            remedy="rename them, or give Longpole a database of its own",
        )
    connection.execute(text(f"CREATE TABLE {VERSION_TABLE} AS {former}"))
    connection.execute(text(f"DROP TABLE {_FORMER_VERSION_TABLE}"))
    return current(connection)


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
