"""Deliveries, and webhooks of single runs, whose time is over."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from store import webhook_deliveries, webhooks

if TYPE_CHECKING:
    from engine.core import Engine


async def forget_deliveries(engine: Engine) -> int:
    """Remove them, a few thousand at once; returns how many. Raises `StoreUnavailable`."""
    before = datetime.now(UTC) - timedelta(days=engine.settings.webhook_log_days)

    def write() -> int:
        with engine.database.write() as session:
            return webhook_deliveries.forget_deliveries(session, before) + webhooks.forget_of_runs(session, before)

    return await asyncio.to_thread(write)
