"""What the database's errors mean: which of them say that it is not there, or that asking again will help."""

from __future__ import annotations

import sqlite3

from sqlalchemy import exc

from definitions.errors import ServiceUnavailable

_PASSING_STATES = ("40001", "40P01", "55P03", "57P01", "57P02", "57P03", "53300", "25006")
"""PostgreSQL: serialization failure, deadlock, lock timeout, shutdown, crash, starting up, too many connections, and a
standby that was just promoted or demoted. Class 08 (connection) is passing as well."""
_PASSING_CODES = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_LASTING_CODES = (
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_NOTADB,
)


class StoreUnavailable(ServiceUnavailable):
    """The database does not answer or does not take the write now. `passing`: the same again may well succeed."""

    def __init__(self, message: str, *, passing: bool, remedy: str) -> None:
        super().__init__(message, code="database_unavailable", remedy=remedy)
        self.passing = passing


def unavailable(error: exc.SQLAlchemyError, database: str) -> StoreUnavailable | None:
    """The error as `StoreUnavailable`, or None when it is about the statement or the data, not about the database."""
    if isinstance(error, exc.TimeoutError):
        return StoreUnavailable(
            f"no free connection to {database}", passing=True, remedy="retry, or raise the size of the pool"
        )
    if not isinstance(error, exc.DBAPIError):
        return None
    passing = error.connection_invalidated or _is_passing(error)
    if passing is None:
        return None
    said = " ".join(str(error.orig).split())[:300]
    remedy = "retry" if passing else "check that the file is a SQLite database and writable, and that there is room"
    return StoreUnavailable(f"{database} does not answer: {said}", passing=passing, remedy=remedy)


def _is_passing(error: exc.DBAPIError) -> bool | None:
    if isinstance(error.orig, sqlite3.Error):
        # The low byte is the kind of error, the rest says more about it.
        code = getattr(error.orig, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        return True if code in _PASSING_CODES else False if code in _LASTING_CODES else None
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        # A connection that could not be opened, or broke in the middle, has no SQLSTATE.
        return True if isinstance(error, exc.OperationalError) else None
    return True if state in _PASSING_STATES or state.startswith("08") else None
