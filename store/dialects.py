"""The places where SQLite and PostgreSQL are spoken to differently."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Table, and_, exists, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session


def is_postgres(session: Session) -> bool:
    """PostgreSQL; otherwise it is SQLite."""
    return session.get_bind().dialect.name == "postgresql"


Insert = postgresql.Insert | sqlite.Insert
"""An INSERT that can have an ON CONFLICT clause."""


def insert_class(for_postgres: bool) -> type[Insert]:
    """The class of such statements, for those that are made once and kept."""
    return postgresql.Insert if for_postgres else sqlite.Insert


def insert_into(session: Session, table: Table) -> Insert:
    """Such a statement for a table."""
    return insert_class(is_postgres(session))(table)


def has_tags(session: Session, tags: ColumnElement[Any], wanted: list[str]) -> ColumnElement[bool]:
    """True for rows whose column `tags` holds all of the wanted ones."""
    if is_postgres(session):
        return tags.bool_op("@>")(wanted)
    each = func.json_each(tags).table_valued("value")
    return and_(*(exists(select(1).select_from(each).where(each.c.value == tag)) for tag in wanted))
