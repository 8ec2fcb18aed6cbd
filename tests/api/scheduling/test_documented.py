"""Every request and answer of the document, against a running server."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from document import blocks, moved, same_shape
from scheduling_requests import BASE
from serving import Service

from api.scheduling.translate import wish_of
from api.scheduling.wire import ScheduleRequest
from engine.scheduling.pools import PoolBook
from engine.scheduling.proposing import propose
from engine.settings import Settings
from store.database import Database

REQUEST, SCHEDULED, OPTIMIZE, OPTIMIZED, STATUS, LISTED, EXECUTED, STATISTICS, ERROR = range(9)


@pytest.fixture
def documented() -> list[dict[str, Any]]:
    found = blocks()
    assert len(found) == 9
    return found


def in_future(request: dict[str, Any]) -> dict[str, Any]:
    """The documented request, on the day after tomorrow."""
    first = datetime.fromisoformat(request["execution_window"]["earliest_start_time"])
    return dict(moved(request, timedelta(days=(datetime.now(UTC) - first).days + 2)))


async def test_the_documented_request_verbatim_is_over(planning: Service, documented: list[dict[str, Any]]) -> None:
    async with planning.client() as ann:
        answer = await ann.post(f"{BASE}/schedule-workflow", json=documented[REQUEST])
    assert (answer.status_code, answer.json()["error"]) == (400, "scheduling_window_expired")
    body = answer.json()
    same_shape({**body, "workflow_id": "wf"}, documented[ERROR])


async def test_the_documented_workflow_is_scheduled_followed_listed_and_executed(
    planning: Service, documented: list[dict[str, Any]]
) -> None:
    async with planning.client() as ann:
        request = in_future(documented[REQUEST])
        scheduled = await ann.post(f"{BASE}/schedule-workflow", json=request)
        assert scheduled.status_code == 200, scheduled.text
        told = scheduled.json()
        # Beyond the document: when it ends and what it costs, and how sure that is.
        assert told.pop("forecast")["estimated_steps"] == 2
        same_shape(told, documented[SCHEDULED])
        window = request["execution_window"]
        assert window["earliest_start_time"] <= told["scheduled_start"] <= window["latest_start_time"]
        assert told["estimated_cost"] <= request["max_ftns_cost"]
        # Both are of the first step's 15 minutes and the second's 45, which ingestion may shorten with more cores.
        assert told["critical_path_duration_seconds"] <= 3600
        workflow = f"{BASE}/workflow/{told['workflow_id']}"
        status = (await ann.get(f"{workflow}/status")).json()
        same_shape(status, documented[STATUS], nullable=("actual_start", "current_step"))
        assert (status["status"], status["actual_cost"], status["current_step"]) == ("scheduled", 0.0, None)
        listed = (await ann.get(f"{BASE}/workflows")).json()
        same_shape(listed, documented[LISTED])
        assert listed["workflows"][0]["workflow_id"] == told["workflow_id"]
        assert listed["pagination"] == {"total_count": 1, "limit": 50, "offset": 0, "has_more": False}
        optimized = await ann.post(
            f"{BASE}/optimize-critical-path", json={**documented[OPTIMIZE], "workflow_id": told["workflow_id"]}
        )
        assert optimized.status_code == 200, optimized.text
        same_shape(optimized.json(), documented[OPTIMIZED])
        statistics = (await ann.get(f"{BASE}/system/statistics")).json()
        same_shape(statistics, documented[STATISTICS])
        assert statistics["user_id"] == "ann"
        executed = await ann.post(f"{workflow}/execute")
        assert executed.status_code == 200, executed.text
        same_shape(executed.json(), documented[EXECUTED])
        assert abs(datetime.fromisoformat(executed.json()["started_at"]) - datetime.now(UTC)) < timedelta(minutes=1)
        # A step that is only named by others is a milestone between them.
        plan = (await ann.get(f"{workflow}/plan")).json()
        assert [step["step_name"] for step in plan["steps"]] == ["data_ingestion", "data_cleaning", "ml_inference"]


def test_the_documented_request_has_room_in_the_pools_that_are_there_by_default(
    documented: list[dict[str, Any]], database: Database
) -> None:
    request = in_future(documented[REQUEST])
    with database.read() as session:
        pools = PoolBook(database, Settings().pools_file).read(session)
    planned = propose(wish_of(ScheduleRequest.model_validate_json(json.dumps(request))), pools, [], datetime.now(UTC))
    window = {name: datetime.fromisoformat(at) for name, at in request["execution_window"].items() if "_time" in name}
    assert window["earliest_start_time"] <= planned.start <= window["latest_start_time"]
    assert 0 < planned.cost <= request["max_ftns_cost"]
