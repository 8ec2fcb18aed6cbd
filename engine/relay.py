"""The relay: starts what a crash left between the row and Temporal. Runs all the time, in every worker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from engine.bringing import Bringing

UNDISPATCHED_FOR = timedelta(seconds=2)
"""Whoever wrote the row gets this long to start the run itself; to start it twice would change nothing."""


async def relay_once(bringing: Bringing) -> int:
    """Bring every run that waits to Temporal; returns how many. Raises what a missing database or Temporal raises."""
    return await bringing.relay(datetime.now(UTC) - UNDISPATCHED_FOR)
