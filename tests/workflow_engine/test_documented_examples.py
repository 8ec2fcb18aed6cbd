"""Every code block of the contract, as it is written there but for import path and handler module."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session
from temporal_dev.server import DevServer

from definitions.errors import DefinitionInvalid
from engine.settings import Settings
from longpole import WorkflowEngine, WorkflowService
from longpole.workflow_engine.runtime import close_all
from tests.docs.blocks import Block, blocks, run_block

CONTRACT = Path(__file__).parents[2] / ".." / "shared" / "spec" / "004_a96820a631c8b7fc.txt"
pytestmark = pytest.mark.skipif(not CONTRACT.exists(), reason="the folder `shared` with the contract is not there")
OURS = {
    "from app.workflow.engine import": "from longpole import",
    "from app.services.workflow_service import": "from longpole import",
    "app.services.handlers.": "documented.",
    "app.handlers.": "documented.",
}


def documented() -> list[Block]:
    text = CONTRACT.read_text()
    for theirs, ours in OURS.items():
        text = text.replace(theirs, ours)
    return blocks(text)


def block_with(words: str) -> Block:
    (found,) = [block for block in documented() if words in block.code]
    return found


def fragment(words: str) -> Any:
    """A block that is a part of a definition."""
    code = block_with(words).code
    return eval(code if code.lstrip().startswith("{") else f"{{{code}}}")


@pytest.fixture
def from_environment(settings: Settings, temporal: DevServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an operator sets, so that programs need not say it."""
    monkeypatch.setenv("LONGPOLE_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("LONGPOLE_HANDLER_PATHS", ",".join(map(str, settings.handler_paths)))
    monkeypatch.setenv("LONGPOLE_HANDLER_ALLOW", ",".join(settings.handler_allow))
    monkeypatch.setenv("LONGPOLE_TASK_QUEUE", settings.task_queue)
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal.address)


def test_every_block_is_covered() -> None:
    covered = [*USAGE, *FRAGMENTS, "async def my_step_handler", "stats = engine.get_statistics(template_id"]
    for block in documented():
        assert any(words in block.code for words in covered), block.code


USAGE = ["engine.create_template(", "engine.create_instance(", "service.start_workflow(", "engine.query_instances("]
FRAGMENTS = [
    "unique_step_id",
    "# ... step objects",
    "conditional_step",
    '"id": "step2a"',
    '"retry_policy": {\n    "max',
    "critical_step",
]


async def test_the_usage_from_top_to_bottom(
    db: Session, from_environment: None, capsys: pytest.CaptureFixture[str]
) -> None:
    found: dict[str, Any] = {"db": db, "datetime": datetime, "timedelta": timedelta}
    try:
        for words in USAGE:
            await run_block(block_with(words), found, name="contract")
        engine: WorkflowEngine = found["engine"]
        assert found["template"].definition["steps"][0]["retry_policy"]["max_attempts"] == 3
        printed = capsys.readouterr().out
        assert "Status: " in printed
        assert "Success rate: " in printed
        assert found["failed"] == []
        assert [each.priority for each in found["priority"]] == [10]
        assert found["total"] == 1
        # What was started goes to its end.
        for each in engine.query_instances()[0]:
            ended = await engine.execute_workflow(each.id)
            assert ended.status == "completed"
            assert ended.output_data == {"success": True, "result": ["2024-01-01"], "message": "Schedule generated"}
        code = block_with("stats = engine.get_statistics(template_id").code
        call, _, shown = code.partition("# Returns:")
        exec(call, found)
        assert list(found["stats"]) == list(eval(shown))
        assert found["stats"] | {"avg_duration_seconds": 0} == {
            "total_instances": 2,
            "running_instances": 0,
            "completed_instances": 2,
            "failed_instances": 0,
            "cancelled_instances": 0,
            "success_rate": 100.0,
            "avg_duration_seconds": 0,
        }
    finally:
        close_all()


def test_the_documented_step_has_every_field(engine: WorkflowEngine) -> None:
    step = fragment("unique_step_id")
    others = [{"id": "step1"}, {"id": "step2"}]
    real = step | {"handler": "documented.answer", "condition": "input_data.get('wanted', True)"}
    template = engine.create_template("documented", {"steps": [*others, real]})
    assert template.definition["steps"][2]["input_mapping"] == {
        "param1": "static_value",
        "param2": "step_outputs.step1.result",
    }
    # The document's own handler and condition are placeholders, and are told as such.
    with pytest.raises(DefinitionInvalid, match=r"steps\[2\].handler: .module.path.function. is outside") as refused:
        engine.create_template("documented", {"steps": [*others, step]})
    assert "allow `module`" in str(refused.value)
    assert "steps[2].condition: `expression`" in str(refused.value)


async def test_the_conditional_step(service: WorkflowService) -> None:
    for success, expected in ((True, "completed"), (False, "skipped")):
        before = {"id": "previous_step", "handler": "documented.answer", "input_mapping": {"success": success}}
        service.engine.create_template("conditional", {"steps": [before, fragment("conditional_step")]})
        instance = service.start_workflow("conditional", async_execution=False)
        assert instance.status == "completed"
        assert instance.execution_state["steps"]["conditional_step"]["status"] == expected


def test_the_parallel_steps_the_retry_policy_and_the_error_handler(service: WorkflowService) -> None:
    steps = fragment('"id": "step2a"')["steps"]
    retry = fragment('"retry_policy": {\n    "max')
    steps[0] |= retry
    error_handlers = fragment("critical_step")
    steps += [{"id": "critical_step"}, {"id": "send_error_notification", "handler": "documented.answer"}]
    whole = fragment("# ... step objects")
    definition = {**whole, "steps": steps, **error_handlers}
    assert service.engine.create_template("whole", definition).definition == definition
    ended = service.start_workflow("whole", async_execution=False)
    assert ended.status == "completed"
    assert ended.execution_state["steps"]["send_error_notification"]["reason"] == "not_needed"
    assert ended.timeout_at is not None
    assert ended.timeout_at - ended.created_at == pytest.approx(timedelta(seconds=3600), abs=timedelta(seconds=60))


async def test_the_documented_handler(service: WorkflowService) -> None:
    found: dict[str, Any] = {"do_work": __import__("documented").do_work}
    await run_block(block_with("async def my_step_handler"), found, name="contract")
    assert await found["my_step_handler"]({"a": 1}) == {"success": True, "result": 1, "message": "Step completed"}
    service.engine.create_template("handled", {"steps": [{"id": "a", "handler": "documented.my_step_handler"}]})
    ended = service.start_workflow("handled", {"a": 1}, async_execution=False)
    assert ended.output_data == {"success": True, "result": 1, "message": "Step completed"}
