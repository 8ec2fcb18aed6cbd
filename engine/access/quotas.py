"""Quotas that hold over all processes, since they are counted in the database."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from definitions.errors import TooManyRequests
from store.database import Database
from store.quotas import use_quota

WINDOW = timedelta(minutes=1)


class Quotas:
    """What each user may ask for in a minute, which begins with the first request."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def use(self, subject: str, kind: str, per_minute: int) -> None:
        """One more. Raises `TooManyRequests` and `StoreUnavailable`; 0 a minute is no limit."""
        if per_minute == 0:
            return

        def write() -> datetime | None:
            with self._database.write() as session:
                return use_quota(session, subject, kind, limit=per_minute, window=WINDOW, at=datetime.now(UTC))

        until = await asyncio.to_thread(write)
        if until is not None:
            raise TooManyRequests(
                f"more than {per_minute} {kind}s a minute",
                # Whoever waited for the row has an earlier time than the one that the window began with.
                retry_after=min(until - datetime.now(UTC), WINDOW).total_seconds(),
                remedy="try again later",
            )
