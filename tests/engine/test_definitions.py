"""Definitions, stored as immutable revisions of what this service can run."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from temporal_dev.server import DevServer

from definitions.errors import DefinitionInvalid, DefinitionNotFound
from engine.core import Engine, open_engine
from engine.settings import Settings
from tests.polling import eventually
from tests.postgres import postgres
from tests.running import begin, ended, statuses

__all__ = ["postgres"]

ECHO = {"name": "echo", "steps": [{"id": "a", "handler": "steps.echo"}]}


async def test_the_same_content_is_stored_once(engine: Engine) -> None:
    first = await engine.definitions.save(ECHO)
    # Neither the order of fields nor a default that is written out makes a difference.
    again = await engine.definitions.save(
        {"steps": [{"handler": "steps.echo", "depends_on": [], "id": "a"}], "name": "echo"}
    )
    assert again == first
    other = await engine.definitions.save({**ECHO, "description": "it echoes"})
    assert (first.version, other.version) == (1, 2)
    assert other.workflow_id != first.workflow_id
    assert other.digest != first.digest
    assert await engine.definitions.get(first.workflow_id) == first
    assert await engine.definitions.get(other.workflow_id) == other


async def test_names_belong_to_their_owners(engine: Engine) -> None:
    mine, yours = [await engine.definitions.save(ECHO, owner=owner) for owner in ("me", "you")]
    assert mine.workflow_id != yours.workflow_id
    assert (mine.version, yours.version) == (1, 1)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_the_same_content_saved_many_times_at_once_is_stored_once(
    temporal: DevServer, settings: Settings, kind: str, request: pytest.FixtureRequest
) -> None:
    if kind == "postgresql":
        url = request.getfixturevalue("postgres").borrow_database()
        settings = settings.model_copy(update={"database_url": url})
    async with open_engine(settings, temporal_address=temporal.address) as engine:
        stored = await asyncio.gather(*(engine.definitions.save(ECHO) for _ in range(12)))
    assert {each.version for each in stored} == {1}
    assert len({each.workflow_id for each in stored}) == 1


async def test_an_unknown_definition(engine: Engine) -> None:
    with pytest.raises(DefinitionNotFound, match="wf_0123"):
        await engine.definitions.get("wf_" + "0123" * 8)


async def test_all_problems_are_told_at_once(engine: Engine) -> None:
    document = {
        "name": "wrong",
        "steps": [
            {"id": "a", "handler": "os.system"},
            {"id": "b", "handler": "steps.echo", "depends_on": ["nobody"]},
            {"id": "c", "handler": "slepe", "timeout": "soon"},
            {"id": "d", "handler": "steps.echo", "condition": "open('x')"},
        ],
    }
    problems = engine.definitions.check(document)
    told = {problem.path.partition(".")[0] for problem in problems}
    assert {"steps[1]", "steps[2]", "steps[3]"} <= told
    with pytest.raises(DefinitionInvalid) as caught:
        await engine.definitions.save(document)
    assert list(caught.value.problems) == problems
    assert engine.definitions.check(ECHO) == []


async def test_handlers_outside_of_the_allow_list_are_refused_and_never_imported(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "imported"
    (tmp_path / "outside_the_list.py").write_text(f"open({str(mark)!r}, 'w')\ndef run(data): return data\n")
    monkeypatch.syspath_prepend(tmp_path)
    document = {
        "name": "refused",
        "steps": [
            {"id": "a", "handler": "outside_the_list.run"},
            {"id": "b", "handler": "stepsen.echo"},
            {"id": "c", "handler": "slep"},
        ],
    }
    problems = engine.definitions.check(document)
    assert [(problem.code, problem.path) for problem in problems] == [
        ("handler_not_allowed", "steps[0].handler"),
        ("handler_not_allowed", "steps[1].handler"),
        ("handler_not_found", "steps[2].handler"),
    ]
    assert "sleep" in problems[2].remedy
    with pytest.raises(DefinitionInvalid):
        await engine.definitions.save(document)
    assert not mark.exists()
    assert "outside_the_list" not in sys.modules


async def test_a_run_keeps_to_the_definition_it_was_started_with(service: Engine) -> None:
    old = {
        "name": "changing",
        "steps": [
            {"id": "a", "handler": "steps.wait", "input": {"seconds": 60}},
            {"id": "b", "handler": "steps.give", "input": {"value": "old"}},
        ],
    }
    execution_id = await begin(service, old)

    async def a_runs() -> bool:
        return statuses(await service.executions.get(execution_id))["a"] == "running"

    await eventually(a_runs)
    await service.executions.pause(execution_id)
    newer = {**old, "steps": [{"id": "a", "handler": "steps.give", "input": {"value": "new"}}]}
    execution = await ended(service, await begin(service, newer))
    assert execution.output == "new"
    running = await service.executions.get(execution_id)
    assert [step.step_id for step in running.steps] == ["a", "b"]
    await service.executions.cancel(execution_id)
    first = await ended(service, execution_id)
    assert first.workflow_id != execution.workflow_id
    assert first.output == {"b": "old"}
