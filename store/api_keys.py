"""API keys by digest and by owner."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from definitions.errors import NotFound
from store.access_tables import API_KEYS, ApiKey


def add_key(session: Session, key: ApiKey) -> ApiKey:
    """Store a new key."""
    session.add(key)
    session.flush()
    return key


def find_key(session: Session, digest: str) -> ApiKey | None:
    """By its digest, also one that is revoked or has expired."""
    return session.scalars(select(ApiKey).where(col(ApiKey.digest) == digest)).first()


def list_keys(session: Session, *, owner: str | None = None) -> list[ApiKey]:
    """Oldest first; `owner` None: everybody's."""
    statement = select(ApiKey)
    if owner is not None:
        statement = statement.where(col(ApiKey.owner) == owner)
    return list(session.scalars(statement.order_by(col(ApiKey.created_at), col(ApiKey.id))))


def revoke_key(session: Session, key_id: UUID, at: datetime, *, owner: str | None = None) -> ApiKey:
    """A key that is revoked already stays so since then. Raises `NotFound`; another owner's is not found."""
    key = session.get(ApiKey, key_id, with_for_update=True)
    if key is None or (owner is not None and key.owner != owner):
        raise NotFound(
            f"there is no API key {key_id}", code="api_key_not_found", remedy="list them", foreign=key is not None
        )
    if key.revoked_at is None:
        key.revoked_at = at
        session.flush()
    return key


def note_use(session: Session, key_id: UUID, at: datetime) -> None:
    """Remember that it was used."""
    session.execute(update(API_KEYS).where(API_KEYS.c.id == key_id).values(last_used_at=at))
