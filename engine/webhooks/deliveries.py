"""What was delivered to a webhook, and what is to be delivered once more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from definitions.errors import Conflict, LongpoleError
from definitions.ids import to_uuid
from engine.access.identity import Identity
from engine.webhooks.ids import delivery_uuid, webhook_uuid
from engine.webhooks.views import DeliveryView
from store import webhook_deliveries, webhooks
from store.database import Session
from store.webhook_tables import DELIVERY_STATES, Webhook, WebhookDelivery

if TYPE_CHECKING:
    from engine.core import Engine

T = TypeVar("T")
MOST_AT_ONCE = 1000
"""Deliveries that one call asks for again."""


class DeliveryLog:
    """The deliveries of webhooks. Owners see and touch only theirs, admins all."""

    def __init__(self, engine: Engine, viewer: Identity) -> None:
        self._database = engine.database
        self._viewer = viewer

    async def list(
        self,
        webhook_id: str,
        *,
        state: str | None = None,
        execution_id: str | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> tuple[list[DeliveryView], int]:
        """A page with all attempts, newest first, and how many there are.

        Raises `NotFound` (`webhook_not_found`), `LongpoleError` (`unknown_state`)."""
        if state is not None and state not in DELIVERY_STATES:
            raise LongpoleError(
                f"{state[:80]!r} is no state of a delivery",
                code="unknown_state",
                remedy=f"there are {', '.join(DELIVERY_STATES)}",
            )
        run = to_uuid(execution_id) if execution_id is not None else None

        def read() -> tuple[list[DeliveryView], int]:
            with self._database.read() as session:
                webhook = self._webhook(session, webhook_id)
                rows, total = webhook_deliveries.list_deliveries(
                    session, webhook.id, state=state, instance_id=run, limit=limit, offset=offset
                )
                return _views(session, rows), total

        return await asyncio.to_thread(read)

    async def get(self, webhook_id: str, delivery_id: str) -> DeliveryView:
        """Raises `NotFound` (`webhook_not_found`, `delivery_not_found`)."""

        def read() -> DeliveryView:
            with self._database.read() as session:
                webhook = self._webhook(session, webhook_id)
                row = webhook_deliveries.get_delivery(session, webhook.id, delivery_uuid(delivery_id))
                return _views(session, [row])[0]

        return await asyncio.to_thread(read)

    async def redeliver(self, webhook_id: str, delivery_id: str) -> DeliveryView:
        """Send a message once more, whatever became of it, with the same id; the schedule begins anew.

        Raises as `get`, and `Conflict` (`webhook_disabled`)."""

        def work(session: Session, webhook: Webhook) -> DeliveryView:
            row = webhook_deliveries.get_delivery(session, webhook.id, delivery_uuid(delivery_id))
            webhook_deliveries.send_again(session, [row], datetime.now(UTC))
            return _views(session, [row])[0]

        return await self._again(webhook_id, work)

    async def recover(self, webhook_id: str, since: datetime) -> int:
        """Send once more what was given up of what has happened since then, at most `MOST_AT_ONCE` messages; returns
        how many. Raises `NotFound` (`webhook_not_found`), `Conflict` (`webhook_disabled`)."""

        def work(session: Session, webhook: Webhook) -> int:
            rows = webhook_deliveries.failed_since(session, webhook.id, since, limit=MOST_AT_ONCE)
            webhook_deliveries.send_again(session, rows, datetime.now(UTC))
            return len(rows)

        return await self._again(webhook_id, work)

    async def _again(self, webhook_id: str, work: Callable[[Session, Webhook], T]) -> T:
        def write() -> T:
            with self._database.write() as session:
                webhook = self._webhook(session, webhook_id, lock=True)
                if not webhook.enabled:
                    raise Conflict(
                        f"{webhook_id} is disabled",
                        code="webhook_disabled",
                        remedy="enable it before it is sent anything",
                    )
                return work(session, webhook)

        return await asyncio.to_thread(write)

    def _webhook(self, session: Session, webhook_id: str, *, lock: bool = False) -> Webhook:
        owner = self._viewer.sees_owner
        return webhooks.get_webhook(session, webhook_uuid(webhook_id), owner=owner, lock=lock)


def _views(session: Session, rows: Sequence[WebhookDelivery]) -> list[DeliveryView]:
    attempts = webhook_deliveries.attempts_of(session, [row.id for row in rows])
    return [DeliveryView.of(row, attempts[row.id]) for row in rows]
