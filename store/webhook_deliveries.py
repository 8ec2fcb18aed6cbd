"""Deliveries: claimed, settled, listed, asked for again, forgotten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, bindparam, delete, func, insert, not_, or_, select, update
from sqlalchemy.orm import Session, aliased
from sqlmodel import col

from definitions.errors import NotFound
from store.webhook_tables import (
    ATTEMPTS,
    DELIVERED,
    DELIVERIES,
    FAILED,
    PENDING,
    WEBHOOKS,
    Webhook,
    WebhookAttempt,
    WebhookDelivery,
)
from store.webhook_terms import Terms

GONE = "gone"
FAILING = "failing"


@dataclass(frozen=True)
class Attempted:
    """What an attempt came to. `status`: of HTTP, None where there was none."""

    delivery_id: UUID
    at: datetime
    latency_seconds: float
    succeeded: bool
    status: int | None = None
    error: str = ""
    response: str = ""
    gone: bool = False
    """The receiver says that it is there no more."""
    final: bool = False
    """No later attempt can do better."""
    retry_after: float = 0.0
    """Seconds that the receiver asks for."""


def due_now(now: datetime, ordered: ColumnElement[bool]) -> ColumnElement[bool]:
    """The condition for a delivery to be sent at that moment."""
    return and_(DELIVERIES.c.state == PENDING, DELIVERIES.c.due_at <= now, _is_next(ordered))


def _is_next(ordered: ColumnElement[bool]) -> ColumnElement[bool]:
    """Where order counts, nothing of the same run may be waiting that happened before."""
    before = aliased(DELIVERIES)
    same_run = and_(before.c.webhook_id == DELIVERIES.c.webhook_id, before.c.instance_id == DELIVERIES.c.instance_id)
    earlier = and_(same_run, before.c.state == PENDING, before.c.sequence < DELIVERIES.c.sequence)
    return or_(not_(ordered), not_(select(1).select_from(before).where(earlier).exists()))


def claim(session: Session, webhook_id: UUID, now: datetime, *, until: datetime, limit: int) -> list[WebhookDelivery]:
    """Up to `limit` deliveries of a webhook to send now, those that wait longest first; nobody else gets them before
    `until`. None while it is disabled."""
    statement = (
        select(DELIVERIES.c.id)
        .join(WEBHOOKS, WEBHOOKS.c.id == DELIVERIES.c.webhook_id)
        .where(DELIVERIES.c.webhook_id == webhook_id, WEBHOOKS.c.enabled, due_now(now, WEBHOOKS.c.ordered))
        .order_by(DELIVERIES.c.due_at, DELIVERIES.c.created_at, DELIVERIES.c.sequence)
        .limit(limit)
        .with_for_update(of=DELIVERIES, skip_locked=True)
    )
    ids = list(session.scalars(statement))
    if not ids:
        return []
    session.execute(update(DELIVERIES).where(DELIVERIES.c.id.in_(ids)).values(due_at=until))
    rows = session.scalars(select(WebhookDelivery).where(col(WebhookDelivery.id).in_(ids)))
    return sorted(rows, key=lambda row: ids.index(row.id))


def release(session: Session, delivery_ids: Sequence[UUID], now: datetime) -> None:
    """Give back what was claimed and not sent, or not heard of."""
    waits = and_(DELIVERIES.c.id.in_(delivery_ids), DELIVERIES.c.state == PENDING)
    session.execute(update(DELIVERIES).where(waits).values(due_at=now))


def keep_payloads(session: Session, payloads: Mapping[UUID, dict[str, Any]]) -> None:
    """What is sent, in this attempt and in any other."""
    if payloads:
        session.execute(_PAYLOAD, [{"row": row, "said": payload} for row, payload in payloads.items()])


_PAYLOAD = update(DELIVERIES).where(DELIVERIES.c.id == bindparam("row")).values(payload=bindparam("said"))


def next_due(session: Session, webhook_id: UUID) -> datetime | None:
    """When something is to be sent next; None: nothing waits, or the webhook is disabled."""
    found: datetime | None = session.scalar(
        select(func.min(DELIVERIES.c.due_at))
        .join(WEBHOOKS, WEBHOOKS.c.id == DELIVERIES.c.webhook_id)
        .where(
            DELIVERIES.c.webhook_id == webhook_id,
            WEBHOOKS.c.enabled,
            DELIVERIES.c.state == PENDING,
            _is_next(WEBHOOKS.c.ordered),
        )
    )
    return found


def settle(session: Session, webhook_id: UUID, results: Sequence[Attempted], terms: Terms) -> str:
    """Record attempts and what follows from them: arrived, another attempt later, given up, or the webhook disabled,
    which holds back what waits. Returns why it was disabled just now (`gone`, `failing`), or nothing."""
    webhook = session.get(Webhook, webhook_id, with_for_update=True, populate_existing=True)
    if webhook is None:  # deleted meanwhile
        return ""
    statement = select(WebhookDelivery).where(col(WebhookDelivery.id).in_([each.delivery_id for each in results]))
    rows = {row.id: row for row in session.scalars(statement.execution_options(populate_existing=True))}
    disabled = ""
    for result in results:
        row = rows.get(result.delivery_id)
        if row is None:
            continue
        row.attempts += 1
        session.execute(insert(ATTEMPTS), _attempt_row(result, row.attempts))
        if row.state == PENDING:
            _conclude(row, result, terms)
        disabled = _judge(webhook, result, terms) or disabled
    if disabled and webhook.enabled:
        webhook.enabled, webhook.disabled_reason, webhook.updated_at = False, disabled, results[-1].at
    session.flush()
    return disabled


def _conclude(row: WebhookDelivery, result: Attempted, terms: Terms) -> None:
    row.tries += 1
    row.last_status, row.last_error = result.status, result.error
    ended = result.at + timedelta(seconds=result.latency_seconds)
    if result.succeeded:
        row.state, row.delivered_at = DELIVERED, ended
    elif result.gone:
        row.tries, row.due_at = 0, ended  # it is held back, and begins anew if the webhook is enabled again
    elif result.final or row.tries > len(terms.pauses):
        row.state = FAILED
    else:
        row.due_at = ended + timedelta(seconds=max(terms.pauses[row.tries - 1], result.retry_after))


def _judge(webhook: Webhook, result: Attempted, terms: Terms) -> str:
    if result.succeeded:
        webhook.failing_since = None
        return ""
    if webhook.failing_since is None:
        webhook.failing_since = result.at
    if result.gone:
        return GONE
    return FAILING if result.at - webhook.failing_since > terms.disable_after else ""


def _attempt_row(result: Attempted, number: int) -> dict[str, Any]:
    return {
        "delivery_id": result.delivery_id,
        "number": number,
        "at": result.at,
        "latency_seconds": result.latency_seconds,
        "status": result.status,
        "error": result.error,
        "response": result.response,
    }


def get_delivery(session: Session, webhook_id: UUID, delivery_id: UUID) -> WebhookDelivery:
    """Raises `NotFound` (`delivery_not_found`)."""
    row = session.get(WebhookDelivery, delivery_id, populate_existing=True)
    if row is None or row.webhook_id != webhook_id:
        raise NotFound(
            f"the webhook has no delivery msg_{delivery_id.hex}",
            code="delivery_not_found",
            remedy="list its deliveries to see their ids",
        )
    return row


def list_deliveries(
    session: Session,
    webhook_id: UUID,
    *,
    state: str | None = None,
    instance_id: UUID | None = None,
    limit: int = 50,
    offset: int = 0,
) -> tuple[list[WebhookDelivery], int]:
    """A page, newest first, and how many there are in all."""
    rows = WebhookDelivery
    conditions = [col(rows.webhook_id) == webhook_id]
    if state is not None:
        conditions.append(col(rows.state) == state)
    if instance_id is not None:
        conditions.append(col(rows.instance_id) == instance_id)
    total = session.scalar(select(func.count()).select_from(rows).where(*conditions)) or 0
    newest = (col(rows.created_at).desc(), col(rows.instance_id), col(rows.sequence).desc())
    return list(session.scalars(select(rows).where(*conditions).order_by(*newest).limit(limit).offset(offset))), total


def attempts_of(session: Session, delivery_ids: Sequence[UUID]) -> dict[UUID, list[WebhookAttempt]]:
    """The attempts at each of them, the first one first."""
    statement = select(WebhookAttempt).where(col(WebhookAttempt.delivery_id).in_(delivery_ids))
    found: dict[UUID, list[WebhookAttempt]] = {delivery_id: [] for delivery_id in delivery_ids}
    for row in session.scalars(statement.order_by(col(WebhookAttempt.id))):
        found[row.delivery_id].append(row)
    return found


def send_again(session: Session, rows: Sequence[WebhookDelivery], now: datetime) -> None:
    """Send these once more, from the beginning of the schedule."""
    for row in rows:
        row.state, row.tries, row.due_at = PENDING, 0, now
    session.flush()


def failed_since(session: Session, webhook_id: UUID, since: datetime, *, limit: int) -> list[WebhookDelivery]:
    """Deliveries that were given up, of events that happened since then, oldest first."""
    rows = WebhookDelivery
    conditions = (col(rows.webhook_id) == webhook_id, col(rows.state) == FAILED, col(rows.happened_at) >= since)
    oldest = (col(rows.happened_at), col(rows.sequence))
    return list(session.scalars(select(rows).where(*conditions).order_by(*oldest).limit(limit)))


def forget_deliveries(session: Session, before: datetime, *, limit: int = 5000) -> int:
    """Remove what was made before then, whatever became of it."""
    old = select(DELIVERIES.c.id).where(DELIVERIES.c.created_at < before).limit(limit)
    ids = list(session.scalars(old))
    session.execute(delete(DELIVERIES).where(DELIVERIES.c.id.in_(ids)))
    return len(ids)
