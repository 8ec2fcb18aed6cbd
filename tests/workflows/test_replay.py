"""Runs that are open go on with later workers: what was recorded replays, and no bug that would break that hides."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Mapping

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import UnsandboxedWorkflowRunner

from definitions import incoming
from definitions.program import ProgramCache
from engine.core import Engine
from engine.service import working
from tests.histories import files
from tests.histories.features import FEATURES
from tests.histories.replay import failures, first_failure
from tests.histories.steering import Run
from tests.running import begin, ended, statuses
from tests.workflows.seeded_bugs import SEEDED


@pytest.fixture(scope="module")
def histories() -> Mapping[str, WorkflowHistory]:
    return files.stored()


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_every_history_replays_whatever_the_hash_seed(histories: Mapping[str, WorkflowHistory], seed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.histories.replay"],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(histories)} of {len(histories)} histories replayed" in done.stdout


def test_every_feature_has_its_history(histories: Mapping[str, WorkflowHistory]) -> None:
    assert {name.partition(".")[0] for name in histories} == {feature.name for feature in FEATURES}
    assert len([name for name in histories if name.startswith("continue_as_new.")]) > 1


def test_histories_tell_nothing_of_the_machine_they_come_from() -> None:
    for path in files.FOLDER.glob("*.json"):
        text = files.text_of(json.loads(path.read_text()))
        assert not re.findall(r"(?<![\w./-])(?:/[\w.-]+){2,}", text), path.name
        assert "@" not in text
        assert socket.gethostname() not in text


@pytest.mark.parametrize("bug", SEEDED)
async def test_a_seeded_bug_is_caught(
    histories: Mapping[str, WorkflowHistory], monkeypatch: pytest.MonkeyPatch, bug: str
) -> None:
    monkeypatch.setattr(incoming, "programs", ProgramCache())
    SEEDED[bug](monkeypatch)
    assert "TMPRL1100" in await first_failure(histories, UnsandboxedWorkflowRunner())


async def test_without_a_bug_the_same_replay_holds(histories: Mapping[str, WorkflowHistory]) -> None:
    assert await failures(histories, UnsandboxedWorkflowRunner()) == {}


async def test_runs_come_out_right_when_every_task_replays_from_the_start(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a cache each workflow task is a replay, on a live server.

    One run at a time: while others wait for their tasks, the SDK takes a run that it can't cache from its worker with
    local activities under way, and then waits for these until the task times out."""
    monkeypatch.setattr("engine.worker.CACHED_WORKFLOWS", 0)
    names = ("chain", "diamond", "fan_out", "handler_recovers", "pause_and_resume", "skip_cascade")
    async with working(engine):
        for feature in (feature for feature in FEATURES if feature.name in names):
            execution_id = await begin(engine, feature.document, feature.run_input)
            if feature.steer is not None:
                await feature.steer(Run(engine, execution_id))
            execution = await ended(engine, execution_id)
            assert execution.status == feature.status, feature.name
            assert not {"pending", "running"} & set(statuses(execution).values())
            history = await engine.client.get_workflow_handle(execution_id).fetch_history()
            assert not [event for event in history.events if event.HasField("workflow_task_failed_event_attributes")]
