"""Delivering to one webhook: what is due is claimed in the store, sent side by side, and what comes of it recorded."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from temporalio import activity

from activities.giving_way import GivingWay
from activities.webhook_sending import Sender
from definitions.delivering import DELIVER
from store import webhook_deliveries, webhooks
from store.database import Database, Session
from store.webhook_deliveries import Attempted
from store.webhook_tables import Webhook, WebhookDelivery
from store.webhook_terms import Terms

AT_ONCE = 10
"""Messages under way to one receiver."""
WORKING_SECONDS = 30.0
"""Then nothing more is claimed, and the workflow goes on with the next batch."""
_TO_RECORD_SECONDS = 10.0
_HEARTBEAT_SECONDS = 2.0
_GATHERING_SECONDS = 0.02
_LEAVING_SECONDS = 1.0
"""How long a worker that stops waits for answers."""
_JITTER = random.Random()  # noqa: S311 - for spreading, nothing secret
_SPREAD = 0.1
_log = structlog.get_logger()

Payloads = Callable[[Session, list[WebhookDelivery]], dict[UUID, dict[str, Any]]]
"""What is said in each delivery."""


@dataclass(frozen=True)
class _Claimed:
    webhook: Webhook
    delivery: WebhookDelivery
    payload: dict[str, Any]


class DeliveryActivities:
    """The activity, over one database. Raises `StoreUnavailable`, which the workflow retries."""

    def __init__(
        self, database: Database, sender: Sender, payloads: Payloads, terms: Terms, giving_way: GivingWay
    ) -> None:
        self._giving_way = giving_way
        self._database = database
        self._sender = sender
        self._payloads = payloads
        self._terms = terms
        # Who claims a message has it for as long as an attempt may take; after that it is sent once more.
        self._lease = timedelta(seconds=sender.seconds + _TO_RECORD_SECONDS)

    @activity.defn(name=DELIVER)
    async def deliver(self, webhook_id: str) -> float | None:
        """Send what is due. Returns after how many seconds something is next; None: nothing waits."""
        webhook = UUID(hex=webhook_id)
        await asyncio.to_thread(self._wake, webhook)
        under_way: dict[asyncio.Task[Attempted], UUID] = {}
        try:
            await self._send_all(webhook, under_way)
        finally:
            if under_way:  # cut off: it is sent again, with the same id
                for task in under_way:
                    task.cancel()
                await asyncio.gather(*under_way, return_exceptions=True)
                await asyncio.to_thread(self._release, list(under_way.values()))
        return await asyncio.to_thread(self._rest, webhook)

    async def _send_all(self, webhook: UUID, under_way: dict[asyncio.Task[Attempted], UUID]) -> None:
        until = time.monotonic() + WORKING_SECONDS
        leaves_at = float("inf")
        results: list[Attempted] = []
        while True:
            activity.heartbeat()
            if activity.is_worker_shutdown():
                until, leaves_at = 0.0, min(leaves_at, time.monotonic() + _LEAVING_SECONDS)
            pause = 0.0 if time.monotonic() > until else self._giving_way.pause()
            free = 0 if pause or time.monotonic() > until else AT_ONCE - len(under_way)
            if results or free:
                for claimed in await asyncio.to_thread(self._turn, webhook, results, free):
                    task = asyncio.create_task(self._sender.send(claimed.webhook, claimed.delivery, claimed.payload))
                    under_way[task] = claimed.delivery.id
                    self._giving_way.sent(1, claimed.delivery.created_at)
            if (not under_way and not pause) or time.monotonic() > leaves_at:
                return
            # Several results are recorded as quickly as one.
            await asyncio.sleep(min(pause, _HEARTBEAT_SECONDS) or _GATHERING_SECONDS)
            done = {task for task in under_way if task.done()}
            if under_way and not done and not pause:
                done, _ = await asyncio.wait(under_way, timeout=_HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            results = [task.result() for task in done]
            for task in done:
                del under_way[task]

    def _wake(self, webhook: UUID) -> None:
        """Nobody need wake the workflow while it is here."""
        until = datetime.now(UTC) + timedelta(seconds=WORKING_SECONDS) + self._lease
        with self._database.write() as session:
            webhooks.set_awake(session, [webhook], until)

    def _turn(self, webhook: UUID, results: list[Attempted], free: int) -> list[_Claimed]:
        """Record what came of some, and claim others."""
        now = datetime.now(UTC)
        disabled = ""
        with self._database.write() as session:
            if results:
                disabled = webhook_deliveries.settle(session, webhook, results, self._spread())
            claimed = webhook_deliveries.claim(session, webhook, now, until=now + self._lease, limit=free)
            receiver = session.get(Webhook, webhook) if claimed else None
        if disabled:
            _log.warning("a webhook was disabled", webhook=webhook.hex, reason=disabled)
        if receiver is None:
            return []
        payloads = self._said(claimed)
        return [_Claimed(receiver, delivery, payloads[delivery.id]) for delivery in claimed if delivery.id in payloads]

    def _said(self, claimed: list[WebhookDelivery]) -> dict[UUID, dict[str, Any]]:
        """What is said in each: made once, and kept before it is sent."""
        known = {delivery.id: delivery.payload for delivery in claimed if delivery.payload is not None}
        new = [delivery for delivery in claimed if delivery.payload is None]
        if not new:
            return known
        with self._database.read() as session:
            made = self._payloads(session, new)
        with self._database.write() as session:
            webhook_deliveries.keep_payloads(session, made)
        return known | made

    def _spread(self) -> Terms:
        """The terms with pauses a little longer, so that messages that failed at once do not come back at once."""
        pauses = tuple(pause * (1.0 + _SPREAD * _JITTER.random()) for pause in self._terms.pauses)
        return replace(self._terms, pauses=pauses)

    def _release(self, deliveries: list[UUID]) -> None:
        with self._database.write() as session:
            webhook_deliveries.release(session, deliveries, datetime.now(UTC))

    def _rest(self, webhook: UUID) -> float | None:
        """When there is something next; from here on it is woken for whatever comes before."""
        with self._database.write() as session:
            webhooks.set_awake(session, [webhook], None)
            due = webhook_deliveries.next_due(session, webhook)
        return None if due is None else max(0.0, (due - datetime.now(UTC)).total_seconds())
