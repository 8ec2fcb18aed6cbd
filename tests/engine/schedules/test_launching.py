"""A launcher may ask any number of times, and so may another one for the same time: there is one run."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from temporalio.testing import ActivityEnvironment

from activities.launching import LaunchActivities
from definitions.launching import LaunchCall, scheduled_execution_id
from engine.core import Engine
from engine.schedules.schedules import Schedules
from tests.engine.schedules.scheduled import ECHOES, came_of, outcome

HOURLY = {"type": "cron", "expression": "0 * * * *"}


class Launchers:
    """Launchers of one schedule, without a worker."""

    def __init__(self, engine: Engine, workflow: str) -> None:
        self.brought: list[str] = []
        self._activities = LaunchActivities(engine.database, self._bring)
        self._workflow = workflow

    async def _bring(self, execution_id: str) -> None:
        self.brought.append(execution_id)

    async def __call__(self, due: datetime, launched: datetime, run: str = "first") -> str:
        call = LaunchCall(self._workflow, due.timestamp(), launched.timestamp(), f"sched-{due:%H}", run)
        answer = await ActivityEnvironment().run(self._activities.launch, asdict(call))
        return f"{answer['state']} {answer['reason']}".strip()


async def launchers(engine: Engine, **wish: object) -> tuple[Launchers, Schedules, str]:
    stored = await engine.definitions.save(ECHOES)
    schedules = Schedules(engine)
    await schedules.put(stored.workflow_id, {"schedule": HOURLY, **wish})
    return Launchers(engine, stored.workflow_id), schedules, stored.workflow_id


def hour() -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


async def test_asked_again_it_is_the_same_run(engine: Engine) -> None:
    launch, schedules, workflow = await launchers(engine)
    due, now = hour(), datetime.now(UTC)
    for run in ("first", "first", "second"):
        assert (await launch(due, now, run)).startswith("started")
    assert set(launch.brought) == {scheduled_execution_id(workflow, due)}
    assert [outcome(each) for each in await came_of(schedules, workflow)] == ["pending"]
    assert (await engine.executions.find(name="echoes"))[1] == 1


async def test_what_was_skipped_stays_so_for_its_launcher_and_not_for_a_later_one(engine: Engine) -> None:
    launch, schedules, workflow = await launchers(engine, overlap_policy="skip")
    due, now = hour(), datetime.now(UTC)
    earlier = due - timedelta(hours=1)
    assert (await launch(earlier, now)).startswith("started")
    assert await launch(due, now) == "skipped overlap"
    await engine.executions.bring(scheduled_execution_id(workflow, earlier))
    await schedules.put(workflow, {"schedule": HOURLY, "overlap_policy": "allow_all"})
    assert await launch(due, now) == "skipped overlap"
    assert (await launch(due, now, "another")).startswith("started")


async def test_what_no_worker_took_within_the_window_is_skipped(engine: Engine) -> None:
    launch, _, _ = await launchers(engine, catchup_window="1h", overlap_policy="allow_all")
    due = hour() - timedelta(hours=2)
    assert await launch(due, due) == "skipped catchup_window"
    # Started by Temporal itself later than the window: somebody filled it in there.
    assert await launch(due - timedelta(hours=1), datetime.now(UTC)) == "started temporal_away"
    late = datetime.now(UTC) - timedelta(minutes=30)
    assert await launch(late, late) == "started no_worker"


async def test_a_paused_schedule_starts_nothing(engine: Engine) -> None:
    launch, _, _ = await launchers(engine, enabled=False)
    assert await launch(hour(), datetime.now(UTC)) == "skipped paused"
