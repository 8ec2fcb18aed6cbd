"""What is previewed is what a Temporal server fires: both worked out for the days around changes of clocks."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.workflowservice.v1 import ListScheduleMatchingTimesRequest
from temporalio.client import Client, Schedule, ScheduleActionStartWorkflow, ScheduleHandle, ScheduleState

from definitions.schedules import load_schedule
from engine.core import Engine
from engine.schedules.temporal_spec import temporal_spec

BERLIN_SPRING = datetime(2027, 3, 27, 12, tzinfo=UTC)
BERLIN_AUTUMN = datetime(2027, 10, 30, 12, tzinfo=UTC)
LONGEST = timedelta(days=3)
MOST = 20
CRONS = (
    "30 2 * * *",
    "0 1 * * *",
    "0 2 * * *",
    "0 3 * * *",
    "*/20 * * * *",
    "7,37 1-3 * * *",
    "0 */2 * * *",
    "30 1-3 * * *",
    "*/25 1-4 * * 0",
    "15 2 28-31 * 6",
)
ELSEWHERE = (
    ("America/New_York", datetime(2027, 3, 14, 0, tzinfo=UTC)),
    ("America/New_York", datetime(2027, 11, 7, 0, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2027, 4, 3, 10, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2027, 10, 2, 10, tzinfo=UTC)),
    ("America/Sao_Paulo", datetime(2018, 2, 17, 12, tzinfo=UTC)),
    ("America/Sao_Paulo", datetime(2017, 10, 14, 12, tzinfo=UTC)),
    ("Asia/Kolkata", datetime(2027, 3, 14, 0, tzinfo=UTC)),
)


def cases() -> Iterator[tuple[dict[str, Any], datetime]]:
    for expression in CRONS:
        for after in (BERLIN_SPRING, BERLIN_AUTUMN):
            yield {"type": "cron", "expression": expression, "timezone": "Europe/Berlin"}, after
    for expression in ("30 1 * * *", "30 2 * * *", "0 0 * * *", "*/15 * * * *", "*/40 1-2 * * *"):
        for zone, after in ELSEWHERE:
            yield {"type": "cron", "expression": expression, "timezone": zone}, after
    for interval in ({"every": "7h", "offset": "1h"}, {"every": "90s"}):
        yield {"type": "interval", **interval}, BERLIN_SPRING
    ends = {"start_at": "2027-03-28 01:30", "end_at": "2027-03-28 04:00", "timezone": "Europe/Berlin"}
    yield {"type": "cron", "expression": "*/30 0-5 * * *", **ends}, BERLIN_SPRING


async def fired(client: Client, schedule: ScheduleHandle, after: datetime) -> list[datetime]:
    start, end = Timestamp(), Timestamp()
    start.FromDatetime(after)
    end.FromDatetime(after + LONGEST)
    request = ListScheduleMatchingTimesRequest(
        namespace=client.namespace, schedule_id=schedule.id, start_time=start, end_time=end
    )
    answer = await client.workflow_service.list_schedule_matching_times(request)
    return [each.ToDatetime(UTC) for each in answer.start_time][:MOST]


async def test_previews_are_what_temporal_fires(engine: Engine) -> None:
    client = engine.client
    for spec, after in cases():
        found = load_schedule({"schedule": spec}).schedule
        action = ScheduleActionStartWorkflow("Nothing", id="nothing", task_queue=engine.settings.task_queue)
        state = ScheduleState(paused=True)
        handle = await client.create_schedule(
            uuid.uuid4().hex, Schedule(action=action, spec=temporal_spec(found), state=state)
        )
        told = [at for at in found.timing.upcoming(after, MOST) if at <= after + LONGEST]
        assert told == await fired(client, handle, after), spec
        await handle.delete()
