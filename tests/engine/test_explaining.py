"""Why steps of real runs are where they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from definitions.calls import StepExplanation
from definitions.errors import ExecutionNotFound, NotFound
from definitions.ids import new_execution_id
from engine.core import Engine
from tests.polling import eventually
from tests.running import begin, ended, run


def _document(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "explained", "steps": list(steps), **more}


async def _becomes(service: Engine, execution_id: str, step_id: str, why: str) -> StepExplanation:
    found: list[StepExplanation] = []

    async def is_so() -> bool:
        found[:] = await service.executions.explain(execution_id, step_id)
        return found[0]["why"] == why

    await eventually(is_so)
    return found[0]


async def test_a_step_between_two_attempts_says_until_when(service: Engine) -> None:
    flaky = {"id": "a", "handler": "steps.flaky", "input": {"succeeds_at": 2}}
    flaky["retry"] = {"max_attempts": 2, "initial_interval": 600, "max_interval": 600}
    execution_id = await begin(service, _document(flaky, {"id": "b", "handler": "steps.echo", "depends_on": ["a"]}))
    told = await _becomes(service, execution_id, "a", "retry_backoff")
    assert "attempt 1 fails" in told["message"]
    assert " UTC" in told["message"]
    both = await service.executions.explain(execution_id)
    assert [(each["step_id"], each["why"]) for each in both] == [("a", "retry_backoff"), ("b", "dependencies")]
    await service.executions.cancel(execution_id, grace_seconds=0)


async def test_a_step_that_runs_says_where_and_what_is_paused_says_so(service: Engine, tmp_path: Path) -> None:
    steps = [
        {"id": "a", "handler": "steps.occupy", "input": {"parameters": {"until": str(tmp_path / "gate")}}},
        {"id": "b", "handler": "steps.echo", "depends_on": ["a"]},
    ]
    execution_id = await begin(service, _document(*steps))
    told = await _becomes(service, execution_id, "a", "running")
    assert told["status"] == "running"
    await service.executions.pause(execution_id)
    (tmp_path / "gate").touch()
    told = await _becomes(service, execution_id, "b", "paused")
    assert "resume" in told["message"]
    await service.executions.resume(execution_id)


async def test_a_run_that_is_over_says_why_not_all_completed(service: Engine) -> None:
    steps = [
        {"id": "a", "handler": "steps.fail", "input": {"message": "no more paper"}},
        {"id": "b", "handler": "steps.echo", "depends_on": ["a"]},
        {"id": "c", "handler": "steps.echo"},
    ]
    execution_id = (await run(service, _document(*steps))).execution_id
    told = await service.executions.explain(execution_id)
    assert [(each["step_id"], each["status"]) for each in told] == [("a", "failed"), ("b", "skipped")]
    assert "no more paper" in told[0]["message"]
    assert "upstream failed" in told[1]["message"]


async def test_what_is_not_there_is_told(service: Engine) -> None:
    execution_id = (await run(service, _document({"id": "a", "handler": "steps.echo"}))).execution_id
    with pytest.raises(NotFound, match="has no step 'x'"):
        await service.executions.explain(execution_id, "x")
    with pytest.raises(ExecutionNotFound):
        await service.executions.explain(new_execution_id())


async def test_steps_in_blocks_are_explained_by_their_paths_while_and_after_they_are_there(service: Engine) -> None:
    inside = [
        {"id": "read", "handler": "steps.echo"},
        {"id": "ask", "approval": {"message": "?"}, "depends_on": ["read"]},
        {"id": "tell", "handler": "steps.echo", "depends_on": ["ask"]},
    ]
    execution_id = await begin(service, _document({"id": "docs", "loop": {"iterate_over": [1, 2], "steps": inside}}))
    explain = service.executions.explain

    async def asks(path: str) -> None:
        async def is_so() -> bool:
            return [each["step"] for each in await service.executions.approvals(execution_id)] == [path]

        await eventually(is_so)

    await asks("docs[0].ask")
    assert [each["why"] for each in await explain(execution_id, "docs[0].ask")] == ["approval"]
    assert [each["waits_for"] for each in await explain(execution_id, "docs[0].tell")] == [["docs[0].ask"]]
    with pytest.raises(NotFound, match="not there now"):
        await explain(execution_id, "docs[1].ask")
    with pytest.raises(NotFound, match="has no step 'docs\\[0\\]\\.talk'"):
        await explain(execution_id, "docs[0].talk")
    await service.executions.decide(execution_id, "docs[0].ask", True)
    await asks("docs[1].ask")
    [told] = await explain(execution_id, "docs[0].read")
    assert (told["why"], told["message"]) == ("ended", "it is completed")
    await service.executions.decide(execution_id, "docs[1].ask", True)
    await ended(service, execution_id)
    [told] = await explain(execution_id, "docs[1].tell")
    assert (told["status"], told["why"]) == ("completed", "ended")
    with pytest.raises(NotFound, match="has no step"):
        await explain(execution_id, "docs[7].read")
