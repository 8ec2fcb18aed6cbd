"""Blueprints: documents with parameters, which workflows are made of."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from store.orchestration_tables import Blueprint


def add_blueprint(session: Session, blueprint: Blueprint) -> Blueprint:
    """Store it; again with the same id it is the one that is there."""
    existing = session.get(Blueprint, blueprint.id)
    if existing is not None:
        return existing
    session.add(blueprint)
    session.flush()
    return blueprint


def list_blueprints(session: Session, *, owner: str | None, limit: int) -> list[Blueprint]:
    """Those of an owner (None: of all), the newest first."""
    statement = select(Blueprint)
    if owner is not None:
        statement = statement.where(col(Blueprint.owner) == owner)
    return list(session.scalars(statement.order_by(col(Blueprint.created_at).desc(), col(Blueprint.id)).limit(limit)))


def get_blueprint(session: Session, blueprint_id: UUID, *, owner: str | None) -> Blueprint | None:
    """One; None: there is none, or it is another's."""
    found = session.get(Blueprint, blueprint_id)
    return None if found is None or owner not in (None, found.owner) else found


def remove_blueprint(session: Session, blueprint: Blueprint) -> None:
    """Forget it; workflows that were made of it stay."""
    session.delete(blueprint)
    session.flush()
