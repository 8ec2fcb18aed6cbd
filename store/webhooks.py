"""Webhooks by id, by owner, by what they are for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, not_, or_, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from definitions.errors import NotFound
from store.tables import INSTANCES
from store.webhook_deliveries import due_now
from store.webhook_tables import DELIVERIES, NOTIFICATION, OF_RUN, WEBHOOKS, Webhook


def add_webhook(session: Session, webhook: Webhook) -> Webhook:
    """Store a new one."""
    session.add(webhook)
    session.flush()
    return webhook


def get_webhook(session: Session, webhook_id: UUID, *, owner: str | None = None, lock: bool = False) -> Webhook:
    """Raises `NotFound` (`webhook_not_found`); another owner's is not found. `lock`: in a write block only."""
    webhook = session.get(Webhook, webhook_id, with_for_update=True if lock else None, populate_existing=True)
    if webhook is None or owner not in (None, webhook.owner) or webhook.purpose == NOTIFICATION:
        raise NotFound(
            f"there is no webhook wh_{webhook_id.hex}",
            code="webhook_not_found",
            remedy="list the webhooks to see their ids",
            foreign=webhook is not None,
        )
    return webhook


def list_webhooks(
    session: Session,
    *,
    owner: str | None,
    template_id: UUID | None = None,
    instance_id: UUID | None = None,
    limit: int = 100,
    offset: int = 0,
) -> tuple[list[Webhook], int]:
    """A page, oldest first, and how many there are. Those of single runs only when `instance_id` asks for them."""
    rows = Webhook
    conditions = [col(rows.purpose) != NOTIFICATION]
    if owner is not None:
        conditions.append(col(rows.owner) == owner)
    if template_id is not None:
        conditions.append(col(rows.template_id) == template_id)
    conditions.append(col(rows.instance_id) == instance_id if instance_id else col(rows.instance_id).is_(None))
    total = session.scalar(select(func.count()).select_from(rows).where(*conditions)) or 0
    statement = select(rows).where(*conditions).order_by(col(rows.created_at), col(rows.id))
    return list(session.scalars(statement.limit(limit).offset(offset))), total


def delete_webhook(session: Session, webhook_id: UUID) -> None:
    """With its deliveries."""
    session.execute(delete(WEBHOOKS).where(WEBHOOKS.c.id == webhook_id))


def replace_notifications(session: Session, template_id: UUID, wanted: Sequence[Webhook]) -> None:
    """Whom a workflow tells how its executions end, in place of whom it told before. Those who stay keep what is yet to
    be sent to them."""
    statement = select(Webhook).where(col(Webhook.template_id) == template_id, col(Webhook.purpose) == NOTIFICATION)
    there = {(row.kind, row.target): row for row in session.scalars(statement.with_for_update())}
    for webhook in wanted:
        same = there.pop((webhook.kind, webhook.target), None)
        if same is None:
            session.add(webhook)
        else:
            same.events, same.owner = webhook.events, webhook.owner
    session.flush()
    gone = [row.id for row in there.values()]
    session.execute(delete(WEBHOOKS).where(WEBHOOKS.c.id.in_(gone)))


def notifications_of(session: Session, template_id: UUID) -> list[Webhook]:
    """Whom a workflow tells how its executions end."""
    statement = select(Webhook).where(col(Webhook.template_id) == template_id, col(Webhook.purpose) == NOTIFICATION)
    return list(session.scalars(statement.order_by(col(Webhook.target))))


def waiting(session: Session, now: datetime, *, due: datetime, limit: int = 100) -> list[UUID]:
    """Webhooks with something to send since `due` whose delivery workflow is not known to be awake."""
    asleep = or_(WEBHOOKS.c.awake_until.is_(None), WEBHOOKS.c.awake_until < now)
    waits = select(1).where(DELIVERIES.c.webhook_id == WEBHOOKS.c.id, due_now(due, WEBHOOKS.c.ordered))
    return list(session.scalars(select(WEBHOOKS.c.id).where(WEBHOOKS.c.enabled, asleep, waits.exists()).limit(limit)))


def set_awake(session: Session, webhook_ids: Sequence[UUID], until: datetime | None) -> None:
    """Until when the delivery workflows of these need not be woken; None: they are asleep."""
    session.execute(update(WEBHOOKS).where(WEBHOOKS.c.id.in_(webhook_ids)).values(awake_until=until))


def forget_of_runs(session: Session, before: datetime, *, limit: int = 1000) -> int:
    """Remove webhooks of single runs that were over by then, or were made before then and never began."""
    over = (
        select(WEBHOOKS.c.id)
        .outerjoin(INSTANCES, INSTANCES.c.id == WEBHOOKS.c.instance_id)
        .where(
            WEBHOOKS.c.purpose == OF_RUN,
            WEBHOOKS.c.created_at < before,
            or_(INSTANCES.c.id.is_(None), INSTANCES.c.closed_at < before),
            not_(select(1).where(DELIVERIES.c.webhook_id == WEBHOOKS.c.id, DELIVERIES.c.created_at >= before).exists()),
        )
        .limit(limit)
    )
    ids = list(session.scalars(over))
    session.execute(delete(WEBHOOKS).where(WEBHOOKS.c.id.in_(ids)))
    return len(ids)


def change_webhook(session: Session, webhook: Webhook, now: datetime, **values: Any) -> Webhook:
    """Set fields of one that is locked."""
    for name, value in values.items():
        setattr(webhook, name, value)
    webhook.updated_at = now
    session.flush()
    return webhook
