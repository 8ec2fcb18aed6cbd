"""Schedules fire on a real Temporal server: once each time, through its restarts, changed in place, filled in later."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from definitions.errors import Conflict, FieldsInvalid, InputInvalid, NotFound
from definitions.launching import schedule_id, scheduled_execution_id
from definitions.schedules import ScheduleInvalid, load_schedule
from engine.access.identity import Identity
from engine.core import Engine, open_engine
from engine.schedules.schedules import Schedules, preview
from engine.schedules.views import OccurrenceView
from engine.service import working
from engine.settings import Settings
from tests.engine.own_servers import own_server
from tests.engine.schedules.scheduled import ECHOES, FAILS, HOLDS, NEVER_BY_ITSELF, came_of, outcome, scheduled, until
from tests.polling import eventually

EACH_SECOND = {"type": "interval", "every": "1s"}
SECOND = timedelta(seconds=1)
SPAN = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 1, tzinfo=UTC)


async def fired(schedules: Schedules, workflow: str, count: int) -> list[OccurrenceView]:
    """The first occurrences, once so many have run to their ends without a gap between them, which a launcher that is
    slower than the next leaves for a while."""
    found: list[OccurrenceView] = []

    async def so_many() -> bool:
        found[:] = (await came_of(schedules, workflow))[:count]
        return [each.run_status for each in found] == ["completed"] * count and len(gaps(found)) <= 1

    await eventually(so_many)
    return found


def gaps(found: Sequence[OccurrenceView]) -> set[timedelta]:
    """How far apart those are that follow one another."""
    return {later.due_at - earlier.due_at for earlier, later in pairwise(found)}


async def test_it_fires_each_time_once_with_what_it_is_to_hand_over(on_each_database: Engine) -> None:
    engine = on_each_database
    schedules, workflow = await scheduled(
        engine, ECHOES, schedule=EACH_SECOND, parameters={"at": "${schedule.time}", "n": 7}, overlap_policy="allow_all"
    )
    found = await fired(schedules, workflow, 3)
    assert gaps(found) == {SECOND}
    assert [each.execution_id for each in found] == [scheduled_execution_id(workflow, each.due_at) for each in found]
    run = await engine.executions.get(found[0].execution_id)
    assert run.input == {"at": found[0].due_at.isoformat().replace("+00:00", "Z"), "n": 7}
    view = await schedules.get(workflow)
    assert view.applied
    assert not view.paused
    await schedules.delete(workflow)
    with pytest.raises(NotFound):
        await schedules.get(workflow)
    with pytest.raises(NotFound):
        await schedules.delete(workflow)


@pytest.mark.long
async def test_through_a_restart_of_the_server_none_is_missed_and_none_is_twice(settings: Settings) -> None:
    async with (
        own_server() as server,
        open_engine(settings, temporal_address=server.address) as engine,
        working(engine),
    ):
        each_other = {"type": "interval", "every": "2s"}
        schedules, workflow = await scheduled(engine, ECHOES, schedule=each_other, overlap_policy="allow_all")
        await fired(schedules, workflow, 2)
        await asyncio.to_thread(server.kill)
        away = datetime.now(UTC)
        await eventually(lambda: _over(away + 9 * SECOND))
        await asyncio.to_thread(server.restart)
        back = datetime.now(UTC)

        async def is_past_it() -> bool:
            return any(each.due_at > back for each in await came_of(schedules, workflow))

        await eventually(is_past_it)
        await schedules.pause(workflow)

        async def all_over_without_a_gap() -> bool:
            found = await came_of(schedules, workflow)
            over = all(each.run_status == "completed" or each.reason == "paused" for each in found)
            return over and gaps(found) == {2 * SECOND}

        await eventually(all_over_without_a_gap)
        found = await came_of(schedules, workflow)
        # What was due shortly before may have been in time.
        late = [each for each in found if away < each.due_at < back - 6 * SECOND]
        assert late
        assert {each.reason for each in late} == {"temporal_away"}
        runs, total = await engine.executions.find(name="echoes", limit=1000)
        assert {run.execution_id for run in runs} == {each.execution_id for each in found if each.state == "started"}
        assert total == len(runs)


async def _over(moment: datetime) -> bool:
    return datetime.now(UTC) > moment


@pytest.mark.long
async def test_what_was_due_before_the_catch_up_window_is_recorded_as_missed(settings: Settings) -> None:
    async with own_server() as server, open_engine(settings, temporal_address=server.address) as engine:
        async with working(engine):
            schedules, workflow = await scheduled(
                engine, ECHOES, schedule=EACH_SECOND, overlap_policy="allow_all", catchup_window=10
            )
            await fired(schedules, workflow, 1)
            await asyncio.to_thread(server.kill)
            away = datetime.now(UTC)
            await eventually(lambda: _over(away + 15 * SECOND))
            await asyncio.to_thread(server.restart)

            async def accounted_for() -> bool:
                found = await came_of(schedules, workflow)
                return any(each.reason == "missed" for each in found)

            await eventually(accounted_for)
            await schedules.pause(workflow)

            async def without_a_gap() -> bool:
                return gaps(await came_of(schedules, workflow)) == {SECOND}

            await eventually(without_a_gap)
            missed = [each for each in await came_of(schedules, workflow) if each.reason == "missed"]
        assert len(missed) >= 3
        assert gaps(missed) == {SECOND}
        assert all("catch-up window of 10 s" in each.message for each in missed)


async def test_it_is_changed_in_place(service: Engine) -> None:
    schedules, workflow = await scheduled(service, HOLDS)
    await schedules.trigger(workflow)
    await until(schedules, workflow, "running")
    handle = service.client.get_schedule_handle(schedule_id(workflow))
    before = await handle.describe()
    changed = {"type": "cron", "expression": "30 2 * * *", "timezone": "Europe/Berlin", "jitter": "5m"}
    view = await schedules.put(workflow, {"schedule": changed, "catchup_window": "2h"})
    after = await handle.describe()
    assert after.info.created_at == before.info.created_at
    assert after.info.last_updated_at is not None
    assert (after.schedule.spec.time_zone_name, after.schedule.policy.catchup_window) == (
        "Europe/Berlin",
        timedelta(hours=2),
    )
    assert view.next_times == preview(load_schedule({"schedule": changed}), count=10).times
    await until(schedules, workflow, "running")


async def test_pausing(service: Engine) -> None:
    schedules, workflow = await scheduled(service, HOLDS, overlap_policy="buffer_all", enabled=False)
    view = await schedules.get(workflow)
    assert (view.paused, view.next_times) == (True, ())
    assert (await service.client.get_schedule_handle(schedule_id(workflow)).describe()).schedule.state.paused
    assert not (await schedules.unpause(workflow)).paused
    # Whoever pauses it in the Temporal web UI is heard, also by a change that says nothing about it.
    await service.client.get_schedule_handle(schedule_id(workflow)).pause(note="by an operator")
    view = await schedules.get(workflow)
    assert (view.paused, view.note) == (True, "by an operator")
    assert (await schedules.put(workflow, {"schedule": NEVER_BY_ITSELF})).paused
    # Started by hand it is all the same.
    await schedules.trigger(workflow)
    await until(schedules, workflow, "running")


async def test_a_run_that_fails_pauses_it(service: Engine) -> None:
    schedules, workflow = await scheduled(service, FAILS, pause_on_failure=True)
    first = await schedules.trigger(workflow)

    async def paused() -> bool:
        return (await schedules.get(workflow)).paused

    await eventually(paused)
    assert (await schedules.get(workflow)).note == f"{first.execution_id} has failed"
    assert (await service.client.get_schedule_handle(schedule_id(workflow)).describe()).schedule.state.paused


async def test_filling_in(service: Engine) -> None:
    mornings = {"type": "cron", "expression": "0 8-12 1 3 *"}  # none of them comes while this runs
    schedules, workflow = await scheduled(service, ECHOES, schedule=mornings, parameters={"at": "${schedule.time}"})
    start, end = datetime(2026, 3, 1, 9, tzinfo=UTC), datetime(2026, 3, 1, 12, tzinfo=UTC)
    asked = await schedules.backfill(workflow, start, end)
    assert [(each.kind, each.state) for each in asked] == [("backfill", "requested")] * 4
    found = await until(schedules, workflow, *["completed"] * 4)
    assert [each.due_at for each in found] == [start + hours * timedelta(hours=1) for hours in range(4)]
    assert [each.decided_at for each in found] == sorted(each.decided_at for each in found if each.decided_at)
    assert {each.reason for each in found} == {"backfill"}
    # Again: only what did not happen.
    assert await schedules.backfill(workflow, start, end) == []
    assert len(await schedules.backfill(workflow, start - timedelta(hours=1), end)) == 1
    await until(schedules, workflow, *["completed"] * 5)
    now = datetime.now(UTC)
    with pytest.raises(FieldsInvalid, match="not over"):
        await schedules.backfill(workflow, now, now + timedelta(hours=1))
    await schedules.put(workflow, {"schedule": {"type": "cron", "expression": "0 * * * *"}, "enabled": False})
    with pytest.raises(FieldsInvalid, match="more than 1000 times"):
        await schedules.backfill(workflow, now - timedelta(days=60), now)


async def test_filling_in_what_was_skipped(service: Engine) -> None:
    schedules, workflow = await scheduled(
        service, HOLDS, schedule={"type": "cron", "expression": "0 0 1 * *"}, overlap_policy="skip"
    )
    first = await schedules.backfill(workflow, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
    await until(schedules, workflow, "running")
    span = datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 2, 2, tzinfo=UTC)
    await schedules.backfill(workflow, *span, overlap="skip")
    await until(schedules, workflow, "running", "overlap")
    await schedules.backfill(workflow, *span)
    await until(schedules, workflow, "running", "waiting")
    await service.executions.send_event(first[0].execution_id, "go")
    await until(schedules, workflow, "completed", "running")


async def test_what_can_not_be_stored(service: Engine) -> None:
    needs = {**ECHOES, "name": "needs", "input_schema": {"type": "object", "required": ["day"]}}
    stored = await service.definitions.save(needs)
    schedules = Schedules(service)
    with pytest.raises(InputInvalid):
        await schedules.put(stored.workflow_id, {"schedule": NEVER_BY_ITSELF})
    with pytest.raises(ScheduleInvalid):
        await schedules.put(stored.workflow_id, {"schedule": {"type": "cron", "expression": "not one"}})
    with pytest.raises(NotFound):
        await schedules.put("wf_" + "0" * 32, {"schedule": NEVER_BY_ITSELF})
    await schedules.put(stored.workflow_id, {"schedule": NEVER_BY_ITSELF, "parameters": {"day": "${schedule.date}"}})


async def test_an_inactive_workflow_is_not_started(service: Engine) -> None:
    stored = await service.definitions.save(ECHOES)
    await service.definitions.set_active(stored.workflow_id, False)
    schedules = Schedules(service)
    end = (datetime.now(UTC) + timedelta(seconds=5)).isoformat()
    await schedules.put(stored.workflow_id, {"schedule": {"type": "interval", "every": "2s", "end_at": end}})

    async def has_come() -> bool:
        return [outcome(each) for each in await came_of(schedules, stored.workflow_id)][:1] == ["workflow_inactive"]

    await eventually(has_come)
    for start in (schedules.trigger(stored.workflow_id), schedules.backfill(stored.workflow_id, *SPAN)):
        with pytest.raises(Conflict, match="is paused: nothing of it begins"):
            await start


async def test_what_is_another_users_is_not_found(service: Engine) -> None:
    alice, bob = Identity("alice"), Identity("bob")
    own = Schedules(service.seen_by(alice), alice)
    stored = await service.seen_by(alice).definitions.save(ECHOES)
    await own.put(stored.workflow_id, {"schedule": NEVER_BY_ITSELF})
    assert (await own.list())[1] == 1
    others = Schedules(service.seen_by(bob), bob)
    assert (await others.list())[1] == 0
    for call in (others.get, others.pause, others.unpause, others.delete, others.trigger, others.preview):
        with pytest.raises(NotFound):
            await call(stored.workflow_id)  # type: ignore[operator]
    with pytest.raises(NotFound):
        await others.put(stored.workflow_id, {"schedule": NEVER_BY_ITSELF})
    await own.trigger(stored.workflow_id)
    found = await until(own, stored.workflow_id, "completed")
    assert (await service.executions.get(found[0].execution_id)).owner == "alice"


async def test_temporal_is_told_later_when_it_is_away(settings: Settings) -> None:
    async with (
        own_server() as server,
        open_engine(settings, temporal_address=server.address) as engine,
        working(engine),
    ):
        stored = await engine.definitions.save(ECHOES)
        await asyncio.to_thread(server.kill)
        schedules = Schedules(engine)
        view = await schedules.put(stored.workflow_id, {"schedule": EACH_SECOND, "overlap_policy": "allow_all"})
        assert not view.applied
        assert len(view.next_times) == 10
        with pytest.raises(Conflict, match="does not have this schedule yet"):
            await schedules.backfill(
                stored.workflow_id, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
            )
        await asyncio.to_thread(server.restart)
        await fired(schedules, stored.workflow_id, 1)
        await schedules.delete(stored.workflow_id)
