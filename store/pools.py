"""What operators have said of pools, over what the pools file says."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from store.columns import now
from store.dialects import insert_into
from store.scheduling_tables import POOLS


def pool_changes(session: Session) -> dict[str, dict[str, Any] | None]:
    """By name; null: removed."""
    return {row.name: row.spec for row in session.execute(select(POOLS.c.name, POOLS.c.spec).order_by(POOLS.c.name))}


def change_pool(session: Session, name: str, spec: dict[str, Any] | None, *, by: str) -> None:
    """From now on the pool is that, or gone (null)."""
    values = {"spec": spec, "changed_at": now(), "changed_by": by}
    statement = insert_into(session, POOLS).values(name=name, **values)
    session.execute(statement.on_conflict_do_update(index_elements=[POOLS.c.name], set_=values))


def forget_change(session: Session, name: str) -> bool:
    """The pool is again what the pools file says. False: nothing else was said of it."""
    found = session.execute(delete(POOLS).where(POOLS.c.name == name).returning(POOLS.c.name))
    return found.first() is not None
