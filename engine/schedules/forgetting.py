"""What came of times long ago is forgotten; the runs themselves are not."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from store import occurrences
from store.database import Database

KEPT = timedelta(days=90)


async def forget_occurrences(database: Database) -> int:
    """Remove the records of times that are settled; returns how many. Raises `StoreUnavailable`."""

    def write() -> int:
        with database.write() as session:
            return occurrences.forget_occurrences(session, datetime.now(UTC) - KEPT)

    return await asyncio.to_thread(write)
