"""Which database a session of the user's is bound to, and a name for a database that says nothing secret."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, make_url
from sqlalchemy.exc import UnboundExecutionError
from sqlalchemy.orm import Session

from definitions.errors import LongpoleError


def session_url(session: Any) -> str:
    """The URL, password included, of the database behind a SQLAlchemy or SQLModel session. The session is only asked
    what it is bound to.

    Raises `LongpoleError`: `session_invalid` for what is no (synchronous) session or is bound to nothing."""
    if not isinstance(session, Session):
        raise LongpoleError(
            f"a database session is needed, not {type(session).__name__}",
            code="session_invalid",
            remedy="give a SQLAlchemy or SQLModel Session (of an AsyncSession: its sync_session)",
        )
    try:
        bind: Engine | Connection = session.get_bind()
    except UnboundExecutionError:
        raise LongpoleError(
            "the session is bound to no database", code="session_invalid", remedy="make it with Session(engine)"
        ) from None
    url = bind.engine.url
    if url.get_backend_name() == "postgresql":
        # Connections of our own: the driver may be another than the user's.
        url = url.set(drivername="postgresql+psycopg")
    elif url.get_backend_name() == "sqlite" and _is_file(url):
        # A process may change its working folder later.
        url = url.set(drivername="sqlite", database=str(Path(url.database or "").absolute()))
    return url.render_as_string(hide_password=False)


def _is_file(url: URL) -> bool:
    return bool(url.database) and url.database != ":memory:" and not str(url.database).startswith("file:")


def database_identity(url: str) -> str:
    """The same text for the same database, however its URL is written: without driver, user and password."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return f"sqlite:{Path(parsed.database or '').resolve()}"
    host = parsed.query.get("host") or parsed.host or "localhost"
    return f"{parsed.get_backend_name()}:{host}:{parsed.port or 5432}/{parsed.database}"


def database_fingerprint(url: str) -> str:
    """16 characters that are the same for the same database, however its URL is written."""
    return hashlib.sha256(database_identity(url).encode()).hexdigest()[:16]
