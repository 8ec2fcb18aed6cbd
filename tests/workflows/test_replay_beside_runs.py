"""Workflows beside runs that are open go on with later workers: launchers may wait for their turn for days, deliveries
for a receiver that is away, cleanups for the end of a run."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, WorkflowRunner

from engine.sandbox import sandbox
from tests.histories import beside, files
from workflows import cleanup, launcher, webhook_delivery


async def failures(folder: str, runner: WorkflowRunner) -> dict[str, Exception]:
    kind, histories = beside.KINDS[folder], files.stored(folder)
    assert set(histories) == set(kind.recordings)

    async def each() -> AsyncIterator[WorkflowHistory]:
        for history in histories.values():
            yield history

    replayer = Replayer(workflows=[kind.workflow], workflow_runner=runner, debug_mode=True)
    results = await replayer.replay_workflows(each(), raise_on_replay_failure=False)
    return dict(results.replay_failures)


@contextmanager
def another_activity(folder: str) -> Iterator[None]:
    """As if the workflow called another one first."""
    with pytest.MonkeyPatch.context() as patch:
        if folder == "launchers":
            patch.setattr(launcher, "LAUNCH", launcher.FOLLOW_LAUNCHED)
        elif folder == "deliveries":
            patch.setattr(webhook_delivery, "DELIVER", "another")
        else:
            patch.setattr(cleanup, "CLEAN_UP", "another")
        yield


@pytest.mark.parametrize("folder", beside.KINDS)
async def test_what_was_recorded_replays(folder: str) -> None:
    assert await failures(folder, sandbox()) == {}


@pytest.mark.parametrize("folder", beside.KINDS)
async def test_another_order_of_activities_is_caught(folder: str) -> None:
    with another_activity(folder):
        failed = await failures(folder, UnsandboxedWorkflowRunner())
    assert len(failed) == len(beside.KINDS[folder].recordings)
    assert all("TMPRL1100" in str(error) for error in failed.values())


def test_a_delivery_was_tried_again_after_a_pause() -> None:
    [history] = files.stored("deliveries").values()
    kinds = [str(event.event_type) for event in history.events]
    assert kinds.count("10") == 2  # EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    assert kinds.count("17") == 1  # EVENT_TYPE_TIMER_STARTED


@pytest.mark.parametrize("folder", beside.KINDS)
def test_they_tell_nothing_of_the_machine_they_come_from(folder: str) -> None:
    for path in (files.FOLDER / folder).glob("*.json"):
        text = files.text_of(json.loads(path.read_text()))
        assert not re.findall(r"(?<![\w./-])(?:/[\w.-]+){2,}", text), path.name
        assert "@" not in text
