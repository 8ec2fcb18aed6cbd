"""A process that continues one run, as the command line would: `continuer TEMPORAL_ADDRESS EXECUTION_ID`.

Its settings come from the environment. With `LONGPOLE_FAILPOINT` it dies on the way."""

from __future__ import annotations

import asyncio
import sys

from engine.core import open_engine
from engine.settings import load_settings


async def main(address: str, execution_id: str) -> None:
    async with open_engine(load_settings(), temporal_address=address) as engine:
        await engine.executions.continue_run(execution_id)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
