"""A process that races for a quota: `racer.py URL RACERS QUOTA` prints how many got something."""

from __future__ import annotations

import asyncio
import sys

from definitions.errors import TooManyRequests
from engine.access.quotas import Quotas
from store.database import Database


async def race(url: str, racers: int, quota: int) -> int:
    """How many of the racers got through."""
    database = Database(url)
    quotas = Quotas(database)

    async def run() -> bool:
        try:
            await quotas.use("ann", "submission", quota)
        except TooManyRequests as refused:
            return not 0 < refused.retry_after <= 60
        return True

    through = await asyncio.gather(*(run() for _ in range(racers)))
    database.dispose()
    return sum(through)


if __name__ == "__main__":
    print(asyncio.run(race(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))  # noqa: T201
