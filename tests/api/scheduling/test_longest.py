"""Workflows that may take only so long from their first start to their last end."""

from __future__ import annotations

from datetime import timedelta

from scheduling_requests import BASE, day, step, window, workflow
from serving import Service

SCHEDULE = f"{BASE}/schedule-workflow"


async def test_a_workflow_waits_for_room_in_which_it_is_done_in_time(planning: Service) -> None:
    """The licence is taken from 12:30 to 13:00: two half hours at 12:00 would end at 13:30."""
    start = day(hour=12)
    other = workflow(step("other", minutes=30, licence=1), execution_window=window(start + timedelta(minutes=30)))
    pair = [step("one", minutes=30, licence=1), step("two", minutes=30, after=("one",), licence=1)]
    async with planning.client() as ann:
        assert (await ann.post(SCHEDULE, json={**other, "cost_optimization_enabled": False})).status_code == 200

        async def planned(**limits: object) -> tuple[str, str]:
            body = workflow(*pair, execution_window=window(start, **limits), cost_optimization_enabled=False)
            told = (await ann.post(SCHEDULE, json=body)).json()
            await ann.post(f"{BASE}/workflow/{told['workflow_id']}/cancel")
            return told["scheduled_start"][11:16], told["estimated_completion"][11:16]

        assert await planned() == ("12:00", "13:30")
        assert await planned(max_duration_hours=1) == ("13:00", "14:00")
        assert await planned(max_duration_hours=1.5) == ("12:00", "13:30")
        body = workflow(*pair, execution_window=window(start, start, max_duration_hours=1))
        refused = (await ann.post(SCHEDULE, json=body)).json()
        assert refused["error"] == "resource_conflict"
        assert "licence" in refused["message"]
        assert f"{start + timedelta(hours=1):%Y-%m-%dT%H:%M}" in refused["message"]
