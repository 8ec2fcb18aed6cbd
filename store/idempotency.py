"""Idempotency keys: claimed by one holder at a time, answered once, forgotten when their time is over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CursorResult, Update, delete, update
from sqlalchemy.orm import Session

from store.access_tables import IDEMPOTENCY_KEYS, IdempotencyRecord
from store.dialects import insert_into


@dataclass(frozen=True)
class KeyName:
    """Whose key it is, for what, and the key."""

    owner: str
    route: str
    key: str


def claim_key(
    session: Session,
    name: KeyName,
    *,
    fingerprint: str,
    seed: UUID,
    holder: UUID,
    at: datetime,
    hold: timedelta,
    keep: timedelta,
) -> IdempotencyRecord:
    """Make `holder` the holder of a key that is new, forgotten, or left by its holder; else the record as it is.

    A left key keeps its fingerprint and seed, and is only claimed with the same fingerprint."""
    fresh = {
        "fingerprint": fingerprint,
        "seed": seed,
        "holder": holder,
        "held_until": at + hold,
        "status": None,
        "headers": None,
        "body": None,
        "expires_at": at + keep,
    }
    identity = {"owner": name.owner, "route": name.route, "key": name.key}
    columns = IDEMPOTENCY_KEYS.c
    session.execute(
        insert_into(session, IDEMPOTENCY_KEYS)
        .values(**identity, **fresh)
        .on_conflict_do_update(
            index_elements=[columns.owner, columns.route, columns.key], set_=fresh, where=columns.expires_at <= at
        )
    )
    record = session.get(IdempotencyRecord, identity, with_for_update=True, populate_existing=True)
    assert record is not None  # noqa: S101  # it is there now, and locked
    left = record.status is None and record.held_until <= at
    if left and record.fingerprint == fingerprint:
        record.holder, record.held_until = holder, at + hold
        session.flush()
    return record


def hold_key(session: Session, name: KeyName, holder: UUID, until: datetime) -> bool:
    """The holder is alive. False: the key is no longer its own."""
    return _changed(session, _held(name, holder).values(held_until=until))


def answer_key(
    session: Session, name: KeyName, holder: UUID, *, status: int, headers: dict[str, str], body: bytes
) -> bool:
    """The answer that this key gives from now on. False: the key is no longer the holder's."""
    return _changed(session, _held(name, holder).values(status=status, headers=headers, body=body))


def free_key(session: Session, name: KeyName, holder: UUID) -> None:
    """The key as if it had never come."""
    session.execute(delete(IDEMPOTENCY_KEYS).where(*_is(name), IDEMPOTENCY_KEYS.c.holder == holder))


def forget_old_keys(session: Session, at: datetime) -> int:
    """Remove those whose time is over; returns how many."""
    statement = delete(IDEMPOTENCY_KEYS).where(IDEMPOTENCY_KEYS.c.expires_at <= at)
    return cast("CursorResult[Any]", session.execute(statement)).rowcount


def _held(name: KeyName, holder: UUID) -> Update:
    columns = IDEMPOTENCY_KEYS.c
    return update(IDEMPOTENCY_KEYS).where(*_is(name), columns.holder == holder, columns.status.is_(None))


def _is(name: KeyName) -> tuple[Any, ...]:
    columns = IDEMPOTENCY_KEYS.c
    return (columns.owner == name.owner, columns.route == name.route, columns.key == name.key)


def _changed(session: Session, statement: Update) -> bool:
    return cast("CursorResult[Any]", session.execute(statement)).rowcount == 1
