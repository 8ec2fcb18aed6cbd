"""Launchers that are open go on with later workers: they may wait for their turn for days."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, WorkflowRunner

from engine.sandbox import sandbox
from tests.histories import launchers
from workflows import launcher
from workflows.launcher import LauncherWorkflow


async def failures(runner: WorkflowRunner) -> dict[str, Exception]:
    histories = launchers.stored()
    assert set(histories) == set(launchers.WISHES)

    async def each() -> AsyncIterator[WorkflowHistory]:
        for history in histories.values():
            yield history

    replayer = Replayer(workflows=[LauncherWorkflow], workflow_runner=runner)
    results = await replayer.replay_workflows(each(), raise_on_replay_failure=False)
    return dict(results.replay_failures)


async def test_recorded_launchers_replay() -> None:
    assert await failures(sandbox()) == {}


async def test_another_order_of_activities_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "LAUNCH", launcher.FOLLOW_LAUNCHED)
    failed = await failures(UnsandboxedWorkflowRunner())
    assert len(failed) == len(launchers.WISHES)
    assert all("TMPRL1100" in str(error) for error in failed.values())
