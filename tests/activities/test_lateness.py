from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from activities.lateness import why_late
from definitions.schedules import load_schedule
from store.schedule_tables import ScheduleOccurrence

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)


def reason(*, launched: float, now: float, waited: bool = False, jitter: str = "0s", **fields: Any) -> str:
    """`launched`, `now`: seconds after it was due."""
    schedule = load_schedule({"schedule": {"type": "interval", "every": "1h", "jitter": jitter}})
    mine = ScheduleOccurrence(
        **{"id": uuid4(), "schedule_id": uuid4(), "due_at": NOON, "kind": "schedule", "state": "requested", **fields},
        launched_at=NOON + timedelta(seconds=launched),
    )
    return why_late(mine, schedule, NOON + timedelta(seconds=now), waited=waited).reason


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"launched": 0.5, "now": 1.0}, ""),
        ({"launched": 600, "now": 601}, "temporal_away"),
        ({"launched": 600, "now": 601, "jitter": "10m"}, ""),
        ({"launched": 0.5, "now": 90}, "no_worker"),
        ({"launched": 0.5, "now": 90, "waited": True}, "overlap"),
        ({"launched": 86400, "now": 86401, "kind": "backfill"}, "backfill"),
        ({"launched": 0.1, "now": 30, "kind": "manual"}, ""),
    ],
)
def test_why_a_start_is_late(said: dict[str, Any], why: str) -> None:
    assert reason(**said) == why
