"""Idempotency keys and quotas whose time is over."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from engine.access.quotas import WINDOW
from store.database import Database
from store.idempotency import forget_old_keys
from store.quotas import forget_old_uses


async def forget_once(database: Database) -> int:
    """Remove them; returns how many keys. Raises `StoreUnavailable`."""

    def write() -> int:
        now = datetime.now(UTC)
        with database.write() as session:
            forget_old_uses(session, now - WINDOW)
            return forget_old_keys(session, now)

    return await asyncio.to_thread(write)
