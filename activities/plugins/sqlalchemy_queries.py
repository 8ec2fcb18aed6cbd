"""Queries through SQLAlchemy: databases that the operator names, and SQLite files."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from activities.errors import InvalidInput, StepError, TemporaryFailure
from activities.plugins.arrow_files import ROWS_A_BATCH, rows_in_batches
from activities.plugins.interrupting import interrupting

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import Connection, CursorResult


@contextmanager
def sqlalchemy_connection(url: str, *, guarded: bool = False) -> Iterator[Connection]:
    """A connection inside a transaction, which the caller commits. `guarded`: a SQLite file; its SQL may open no other.

    What the driver says becomes `TemporaryFailure` where the connection is at fault, else `InvalidInput`."""
    import sqlalchemy as sa

    try:
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        if guarded:
            sa.event.listen(engine, "connect", _no_other_files)
        with engine.connect() as connection, interrupting(lambda: _interrupt(connection)):
            yield connection
    except sa.exc.NoSuchModuleError as error:
        raise InvalidInput(f"there is no driver for this database: {error}") from None
    except (sa.exc.ArgumentError, ModuleNotFoundError) as error:
        raise InvalidInput(f"the connection's URL can't be used: {error}") from None
    except sa.exc.DBAPIError as error:
        raise _failure(error) from None


def select_by_sqlalchemy(connection: Connection, sql: str, parameters: Mapping[str, Any]) -> Iterator[pa.Table]:
    """The rows of one query, as the database hands them out. Raises `InvalidInput` for one that returns none."""
    streamed = connection.execution_options(stream_results=True, max_row_buffer=ROWS_A_BATCH)
    result = _execute(streamed, sql, parameters)
    if not result.returns_rows:
        raise InvalidInput("`sql` must be a query that returns rows; `execute` takes those that change something")
    yield from rows_in_batches(list(result.keys()), iter(result))


def run_by_sqlalchemy(
    connection: Connection, statements: list[str], parameters: Mapping[str, Any], most: int
) -> tuple[int, list[dict[str, Any]]]:
    """Statements in one transaction: how many rows they changed, and the first rows of the last one."""
    changed, rows = 0, list[dict[str, Any]]()
    for sql in statements:
        result = _execute(connection, sql, parameters)
        rows = [dict(row._mapping) for row in result.fetchmany(most)] if result.returns_rows else []
        changed += max(result.rowcount, 0) if not result.returns_rows else 0
    connection.commit()
    return changed, rows


def _execute(connection: Connection, sql: str, parameters: Mapping[str, Any]) -> CursorResult[Any]:
    import sqlalchemy as sa

    if not parameters:
        # As it is: with `text` a colon in a string would be a parameter.
        return connection.exec_driver_sql(sql)
    statement = sa.text(sql)
    known = statement.compile().params
    return connection.execute(statement, {name: value for name, value in parameters.items() if name in known})


def _failure(error: Any) -> StepError:
    said = str(error.orig).strip()[:1000]
    lost = type(error).__name__ in ("OperationalError", "InterfaceError") and not isinstance(error.orig, sqlite3.Error)
    return TemporaryFailure(said) if lost or error.connection_invalidated else InvalidInput(said)


def _interrupt(connection: Connection) -> None:
    driver = connection.connection.driver_connection
    stop = getattr(driver, "interrupt", None) or getattr(driver, "cancel", None)
    if stop is not None:
        stop()


def _no_other_files(connection: sqlite3.Connection, _record: object) -> None:
    def authorize(action: int, *_: object) -> int:
        return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_ATTACH else sqlite3.SQLITE_OK

    connection.set_authorizer(authorize)
