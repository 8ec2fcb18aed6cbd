"""The sandbox is on, catches what would break a replay, and changes nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from temporal_dev.server import DevServer
from temporalio.client import Client, WorkflowFailureError
from temporalio.worker import Worker

from engine.core import Engine
from engine.sandbox import HANDLERS, PASSED_THROUGH, PURE, Sandbox, sandbox
from engine.settings import Settings
from engine.worker import create_worker
from tests.definitions import test_expressions
from tests.workflows.unruly import FORBIDDEN, Conditions, Unruly, evaluated

SCOPE: dict[str, Any] = {
    "input_data": {
        "region": "eu",
        "n": 3,
        "flags": [True, False],
        "nothing": None,
        "rows": list(range(300)),
        "a": {"b": [{"c": 1}]},
    },
    "context": {"region": "eu"},
    "step_outputs": {"a": {"ok": True, "score": 0.7}, "sentiment": {"label": "POSITIVE"}},
    "skipped": ["gone"],
    "workflow": {"id": "exec_1", "name": "w"},
    "loop": {"current_item": "c", "index": 2},
}


@pytest.fixture
async def sandboxed(temporal: DevServer) -> AsyncIterator[tuple[Client, str]]:
    """A client, and the task queue of a worker for the unruly workflows, in the sandbox that runs are in."""
    client = await Client.connect(temporal.address)
    queue = f"sandbox-{uuid.uuid4().hex[:12]}"
    async with Worker(client, task_queue=queue, workflows=[Unruly, Conditions], workflow_runner=sandbox()):
        yield client, queue


async def test_what_would_break_a_replay_is_caught(sandboxed: tuple[Client, str]) -> None:
    client, queue = sandboxed
    for what in FORBIDDEN:
        with pytest.raises(WorkflowFailureError) as caught:
            await client.execute_workflow(Unruly.run, what, id=f"{queue}-{what}", task_queue=queue)
        assert "Cannot access" in str(caught.value.cause), what


def _expressions() -> Iterator[str]:
    """Those of the tests of expressions, with and without an error."""
    for name, test in vars(test_expressions).items():
        if name.startswith("test_"):
            for mark in getattr(test, "pytestmark", []):
                if mark.name == "parametrize" and "text" in mark.args[0]:
                    for case in mark.args[1]:
                        text = case[0] if isinstance(case, tuple) else case
                        if isinstance(text, str):
                            yield text


async def test_conditions_mean_the_same_in_the_sandbox(sandboxed: tuple[Client, str]) -> None:
    client, queue = sandboxed
    expressions = list(_expressions())
    outside = [evaluated(each, SCOPE) for each in expressions]
    assert len(expressions) > 100
    assert sum(kind == "value" for kind, _ in outside) > 50
    assert sum(kind != "value" for kind, _ in outside) > 20
    inside = await client.execute_workflow(Conditions.run, args=[expressions, SCOPE], id=queue, task_queue=queue)
    assert dict(zip(expressions, inside, strict=True)) == dict(zip(expressions, outside, strict=True))


async def test_runs_are_in_the_sandbox_and_share_nothing_that_decides(engine: Engine, settings: Settings) -> None:
    worker = create_worker(engine.client, settings, [], submit_outcome=lambda _pages: None)
    runner = worker.config(active_config=True)["workflow_runner"]
    assert isinstance(runner, Sandbox)
    passed = set(runner.restrictions.passthrough_modules)
    assert set(PASSED_THROUGH) <= passed
    assert {name for name in passed if name.partition(".")[0] == "workflows"} == {*PURE, HANDLERS}
    assert not runner.restrictions.passthrough_all_modules


def test_runs_need_no_bytecode(tmp_path: Path) -> None:
    """As in many container images, where Python may write none."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.histories.replay", "chain", "conditions"],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 of 2 histories replayed" in done.stdout
    assert not list(tmp_path.rglob("*.pyc"))
