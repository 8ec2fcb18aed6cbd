"""Schedules over HTTP: the documented request, and what goes beyond it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from orchestration_requests import BASE, SCHEDULE, data, documented, error, step, stored, workflow
from serving import Service

from tests.polling import eventually

DAILY = {"type": "cron", "expression": "0 2 * * *", "timezone": "UTC"}
BERLIN = {"type": "cron", "expression": "30 2 * * *", "timezone": "Europe/Berlin"}


async def active(client: Any, document: dict[str, Any]) -> str:
    """The path of the schedule of a workflow that is active."""
    workflow_id = await stored(client, document)
    data(await client.post(f"{BASE}/{workflow_id}/activate"))
    return f"{BASE}/{workflow_id}/schedule"


def next_at_two(now: datetime) -> datetime:
    at_two = now.replace(hour=2, minute=0, second=0, microsecond=0)
    return at_two + timedelta(days=at_two <= now)


async def test_the_documented_request_makes_and_changes_a_schedule(running: Service) -> None:
    shown = documented()[SCHEDULE]
    async with running.client() as ann, running.client("bob") as bob:
        path = await active(ann, workflow(step("one")))
        asked = datetime.now(UTC)
        made = data(await ann.post(path, json=shown))
        answered = datetime.now(UTC)
        assert {key: made[key] for key in shown} == shown
        assert made["applied"]
        # Two o'clock may pass meanwhile.
        assert made["next_executions"][0] in {f"{next_at_two(now):%Y-%m-%dT%H:%M:%SZ}" for now in (asked, answered)}
        changed = data(await ann.post(path, json={**shown, "enabled": False, "overlap_policy": "buffer_one"}))
        assert (changed["enabled"], changed["overlap_policy"], changed["next_executions"]) == (False, "buffer_one", [])
        assert changed["created_at"] == made["created_at"]
        assert data(await ann.get(path)) == changed
        listed = (await ann.get(f"{BASE}/schedules")).json()
        assert ([each["workflow_id"] for each in listed["data"]], listed["pagination"]["total"]) == (
            [made["workflow_id"]],
            1,
        )
        assert error(await bob.get(path), 404)["code"] == "SCHEDULE_NOT_FOUND"
        assert error(await bob.post(path, json=shown), 404)["code"] == "WORKFLOW_NOT_FOUND"
        assert data(await ann.post(f"{path}/resume"))["note"] == "resumed by ann"
        assert data(await ann.post(f"{path}/pause", json={"note": "holidays"}))["note"] == "holidays"
        assert data(await ann.delete(path))["status"] == "deleted"
        assert error(await ann.get(path), 404)["code"] == "SCHEDULE_NOT_FOUND"


async def test_a_wrong_schedule_is_told_field_by_field(running: Service) -> None:
    async with running.client() as ann:
        path = await active(ann, workflow(step("one")))
        wrong = {"schedule": {"type": "cron", "expression": "0 25 * * *", "timezone": "Mars"}, "overlap_policy": "hop"}
        found = error(await ann.post(path, json=wrong), 422)
        assert found["code"] == "SCHEDULE_INVALID"
        paths = [each["path"] for each in found["details"]["problems"]]
        assert paths == ["schedule.timezone", "overlap_policy", "schedule.expression"]


async def test_schedules_that_do_not_fit_their_pool_conflict(running: Service) -> None:
    demand = {"resources": {"node_type": "i3.xlarge", "min_workers": 6, "max_workers": 6}}
    async with running.client() as ann:
        first = await active(ann, workflow(step("big", **demand), name="first"))
        data(await ann.post(first, json={"schedule": DAILY}))
        second = await active(ann, workflow(step("big", **demand), name="second"))
        found = error(await ann.post(second, json={"schedule": DAILY}), 409)
        assert found["code"] == "SCHEDULE_CONFLICT"
        told = found["details"]["problems"]
        assert len(told) >= 6
        assert all("T02:00:00+00:00" in each["message"] and "beside first" in each["message"] for each in told)
        data(await ann.post(second, json={"schedule": {**DAILY, "expression": "0 4 * * *"}}))


async def test_a_draft_whose_schedule_would_conflict_is_stored_with_a_warning(running: Service) -> None:
    demand = {"resources": {"node_type": "i3.xlarge", "min_workers": 6, "max_workers": 6}}
    async with running.client() as ann:
        first = await active(ann, workflow(step("big", **demand), name="first"))
        data(await ann.post(first, json={"schedule": DAILY}))
        document = workflow(step("big", **demand), name="second", schedule=DAILY)
        made = data(await ann.post(BASE, json=document), 201)
        assert made["status"] == "created"
        told = made["validation_results"]
        assert told["steps_valid"] is True
        assert told["schedule_valid"] is False
        assert {each["code"] for each in told["warnings"]} == {"SCHEDULE_CONFLICT"}
        assert "beside first" in told["warnings"][0]["message"]
        assert "conflicts" in made["next_steps"][0]
        refused = error(await ann.post(f"{BASE}/{made['id']}/activate"), 409)
        assert refused["code"] == "SCHEDULE_CONFLICT"
        document["schedule"] = {**DAILY, "expression": "0 4 * * *"}
        changed = data(await ann.put(f"{BASE}/{made['id']}", json=document))
        assert changed["validation_results"]["schedule_valid"] is True
        assert "warnings" not in changed["validation_results"]


async def test_both_changes_of_clocks_are_previewed(running: Service) -> None:
    async with running.client() as ann:
        path = await active(ann, workflow(step("one")))
        data(await ann.post(path, json={"schedule": BERLIN}))
        spring = data(await ann.get(f"{path}/preview", params={"after": "2027-03-26T12:00:00Z", "count": 3}))
        assert spring["next_executions"] == ["2027-03-27T01:30:00Z", "2027-03-29T00:30:00Z", "2027-03-30T00:30:00Z"]
        assert spring["clock_changes"] == [{"reading": "2027-03-28T02:30:00", "how": "skipped"}]
        autumn = data(await ann.get(f"{path}/preview", params={"after": "2027-10-30T12:00:00Z", "count": 2}))
        assert autumn["next_executions"] == ["2027-10-31T01:30:00Z", "2027-11-01T01:30:00Z"]
        assert autumn["clock_changes"] == [{"reading": "2027-10-31T02:30:00", "how": "repeated"}]
        unsaved = f"{BASE}/schedules/preview"
        assert len(data(await ann.post(unsaved, json={"schedule": BERLIN}))["next_executions"]) == 20
        then = {"after": "2027-10-30T12:00:00Z", "count": 2}
        assert data(await ann.post(unsaved, params=then, json={"schedule": BERLIN})) == autumn


async def test_starts_by_hand_and_filled_in_are_recorded(running: Service) -> None:
    async with running.client() as ann:
        path = await active(ann, workflow(step("one")))
        in_january = {**DAILY, "expression": "0 2 5,6 1 *"}  # not while this runs
        data(await ann.post(path, json={"schedule": in_january, "parameters": {"day": "${schedule.date}"}}))
        key = {"Idempotency-Key": "once"}
        triggered = [data(await ann.post(f"{path}/trigger", headers=key)) for _ in range(2)]
        assert triggered[0] == triggered[1]
        span = {"start": "2026-01-05T00:00:00Z", "end": "2026-01-06T12:00:00Z"}
        assert len(data(await ann.post(f"{path}/backfill", json=span))) == 2

        async def all_over() -> bool:
            told = data(await ann.get(f"{path}/occurrences", params={"status": "started"}))
            return [each.get("execution_status") for each in told] == ["completed"] * 3

        await eventually(all_over)
        stands = data(await ann.get(f"{BASE}/executions/{triggered[0]['execution_id']}"))
        assert (stands["status"], stands["progress"]["percentage"]) == ("completed", 100)
        told = data(await ann.get(f"{path}/occurrences"))
        assert [(each["kind"], each["scheduled_time"]) for each in told[1:]] == [
            ("backfill", "2026-01-06T02:00:00Z"),
            ("backfill", "2026-01-05T02:00:00Z"),
        ]
        assert told[0]["execution_id"] == triggered[0]["execution_id"]
        found = error(await ann.post(f"{path}/backfill", json={**span, "end": "2099-01-01T00:00:00Z"}), 422)
        assert "is not over" in found["message"]


async def test_a_workflows_own_schedule_begins_with_its_activation_and_ends_with_it(running: Service) -> None:
    document = workflow(step("one"), schedule=DAILY)
    async with running.client() as ann:
        workflow_id = await stored(ann, document)
        path = f"{BASE}/{workflow_id}/schedule"
        assert error(await ann.get(path), 404)["code"] == "SCHEDULE_NOT_FOUND"
        data(await ann.post(f"{BASE}/{workflow_id}/activate"))
        assert data(await ann.get(path))["schedule"]["expression"] == "0 2 * * *"
        data(await ann.put(f"{BASE}/{workflow_id}", json={**document, "schedule": BERLIN}))
        assert data(await ann.get(path))["schedule"]["timezone"] == "Europe/Berlin"
        data(await ann.delete(f"{BASE}/{workflow_id}"))
        assert error(await ann.get(path), 404)["code"] == "SCHEDULE_NOT_FOUND"
        assert (await ann.get(f"{BASE}/schedules")).json()["pagination"]["total"] == 0


async def test_of_a_workflow_that_is_not_active_nothing_is_started_by_hand(running: Service) -> None:
    span = {"start": "2026-01-05T00:00:00Z", "end": "2026-01-06T12:00:00Z"}
    async with running.client() as ann:
        workflow_id = await stored(ann, workflow(step("one")))
        path = f"{BASE}/{workflow_id}/schedule"
        data(await ann.post(path, json={"schedule": DAILY}))
        for code, then in (("WORKFLOW_INACTIVE", "activate"), ("", "pause"), ("WORKFLOW_PAUSED", "activate")):
            for call, body in (("trigger", {}), ("backfill", span)) if code else ():
                found = error(await ann.post(f"{path}/{call}", json=body), 409)
                assert found["code"] == code
                assert found["details"]["remedy"] == "activate it first"
            data(await ann.post(f"{BASE}/{workflow_id}/{then}"))
        assert data(await ann.get(f"{path}/occurrences")) == []
        assert data(await ann.post(f"{path}/trigger"))["status"] == "requested"


async def test_the_schedule_of_a_document_that_comes_while_it_is_paused_is_kept_from_its_activation_on(
    running: Service,
) -> None:
    document = workflow(step("one"), schedule=DAILY)
    async with running.client() as ann:
        path = await active(ann, document)
        one = path.removesuffix("/schedule")
        data(await ann.post(f"{one}/pause"))
        data(await ann.put(one, json={**document, "schedule": BERLIN}))
        data(await ann.post(f"{one}/activate"))
        assert data(await ann.get(path))["schedule"]["timezone"] == "Europe/Berlin"
        data(await ann.post(path, json={"schedule": DAILY}))
        data(await ann.post(f"{one}/pause"))
        data(await ann.post(f"{one}/activate"))
        assert data(await ann.get(path))["schedule"]["timezone"] == "UTC"


async def test_a_change_whose_schedule_conflicts_is_not_stored(running: Service) -> None:
    demand = {"resources": {"node_type": "i3.xlarge", "min_workers": 6, "max_workers": 6}}
    async with running.client() as ann:
        await active(ann, workflow(step("big", **demand), name="first", schedule=DAILY))
        other = {**DAILY, "expression": "0 12 * * *"}
        document = workflow(step("big", **demand), name="second", schedule=other)
        path = (await active(ann, document)).removesuffix("/schedule")
        found = error(await ann.put(path, json={**document, "version": "2", "schedule": DAILY}), 409)
        assert found["code"] == "SCHEDULE_CONFLICT"
        stands = data(await ann.get(path))
        assert (stands["revision"], stands["definition"]["schedule"]) == (1, other)
        assert data(await ann.get(f"{path}/schedule"))["schedule"]["expression"] == "0 12 * * *"


@pytest.mark.parametrize("call", ["GET", "DELETE"])
async def test_what_is_no_workflow(running: Service, call: str) -> None:
    async with running.client() as ann:
        answer = await ann.request(call, f"{BASE}/wf_{'0' * 32}/schedule")
        assert error(answer, 404)["code"] == "SCHEDULE_NOT_FOUND"
