"""The times and limits of a run: those of the server, and what was measured against it."""

from __future__ import annotations

from datetime import timedelta

from temporalio.common import RetryPolicy

HEARTBEAT_TIMEOUT = timedelta(seconds=5)
"""After this long without a sign of life an attempt counts as lost with its worker."""
LOST_ATTEMPTS = 5
"""How many attempts of a step may be lost with their worker."""
LOST_RETRY_INTERVAL = timedelta(milliseconds=100)
LOCAL_RETRY_THRESHOLD = timedelta(seconds=1)
"""Between attempts of a local step, longer waits are timers; shorter ones keep the workflow task open."""
STEP_TIMEOUT_MARGIN = timedelta(seconds=15)
"""The attempt keeps the step's own timeout; the server's is the last resort behind it."""
RECORD_TIMEOUT = timedelta(seconds=30)
RECORD_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=200), backoff_coefficient=2.0, maximum_interval=timedelta(seconds=20)
)
"""Without an end: an outcome is written again until it holds."""
CLEANUP_TIMEOUT = timedelta(minutes=30)
FOLLOW_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=500), backoff_coefficient=1.5, maximum_interval=timedelta(seconds=5)
)
"""How often a child that was started in an earlier history is asked for where nobody has room to wait for its end:
retries leave nothing in the history."""
LONGEST_TIMER = 100 * 366 * 86_400.0
"""Seconds. The server counts time in nanoseconds, of which 292 years have as many as it can."""
EVENT_BATCH = 500
INNER_BATCH = 100
"""Steps inside of others that have ended are recorded so many at a time."""
YIELD = timedelta(milliseconds=1)
"""Ends a workflow task that has scheduled as much as it may."""
MAX_INLINE_BYTES = 64 * 1024
"""Of JSON that a run hands to the run that it is a step of; the rest goes by reference."""
MAX_HISTORY_EVENTS = 10_000
MAX_HISTORY_BYTES = 10 * 1024 * 1024
SMALL_CHECKPOINT_BYTES = 256 * 1024
"""A checkpoint over this size has its outputs moved into blob storage."""
MAX_CHECKPOINT_BYTES = 1_800_000
"""With the definition: the server refuses payloads of 2 MB, again and again, until somebody looks."""
