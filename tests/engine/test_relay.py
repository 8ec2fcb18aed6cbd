"""Whatever dies between the row and Temporal: the run happens, and happens once."""

from __future__ import annotations

import asyncio

import pytest
from dying import die_on_the_way
from own_servers import engine_of_its_own
from temporal_dev.server import DevServer
from temporalio.client import Client

from definitions.errors import Conflict, ServiceUnavailable
from definitions.ids import new_execution_id
from engine.core import Engine, open_engine
from engine.service import working
from engine.settings import Settings
from tests.polling import eventually
from tests.running import begin, ended

KILLS = 5
ECHO = {"name": "echo", "steps": [{"id": "a", "handler": "steps.echo"}]}
IN_TIME = 180.0
"""A run that a crash left in between has ended long before that."""


async def start_and_die(settings: Settings, temporal: DevServer, failpoint: str) -> str:
    """Start a run in a process that dies at the failpoint; its execution id."""
    execution_id = new_execution_id()
    await die_on_the_way("tests.engine.starter", settings, temporal, failpoint, execution_id)
    return execution_id


async def completed_once(engine: Engine, execution_id: str) -> None:
    async def completed() -> bool:
        return await engine.executions.status(execution_id) == "completed"

    await eventually(completed, seconds=IN_TIME)
    execution = await engine.executions.get(execution_id)
    assert execution.output == {"n": 1}
    types = [event.type for event in await engine.executions.events(execution_id)]
    assert types == ["step.started", "step.completed", "run.completed"]

    async def listed_once() -> bool:
        return await temporal_runs(engine.client, execution_id) == 1

    await eventually(listed_once)


async def temporal_runs(client: Client, execution_id: str) -> int:
    """How many runs Temporal has had of an execution, ended ones included."""
    return (await client.count_workflows(f"WorkflowId = '{execution_id}'")).count


@pytest.mark.long
@pytest.mark.parametrize("failpoint", ["after_row", "after_start"])
async def test_a_run_whose_starter_died_in_between_happens_once(
    service: Engine, temporal: DevServer, failpoint: str
) -> None:
    for _ in range(KILLS):
        await completed_once(service, await start_and_die(service.settings, temporal, failpoint))


async def test_a_run_is_accepted_while_temporal_is_down_and_happens_when_it_is_back(settings: Settings) -> None:
    async with engine_of_its_own(settings) as (engine, server):
        await asyncio.to_thread(server.stop)
        async with asyncio.timeout(30):
            execution_id = await begin(engine, ECHO, {"n": 1})
        assert await engine.executions.status(execution_id) == "pending"
        async with asyncio.timeout(30):
            with pytest.raises(ServiceUnavailable, match=r"Temporal d.*not answer"):
                await engine.executions.cancel(execution_id)
        await asyncio.to_thread(server.restart)
        with pytest.raises(Conflict, match="not with Temporal yet"):
            await engine.executions.pause(execution_id)
        async with working(engine):
            await completed_once(engine, execution_id)


async def test_starting_an_execution_many_times_at_once_is_one_run(service: Engine) -> None:
    stored = await service.definitions.save(ECHO)
    execution_id = new_execution_id()
    ids = await asyncio.gather(
        *(service.executions.start(stored, {"n": 1}, execution_id=execution_id) for _ in range(20))
    )
    assert set(ids) == {execution_id}
    await ended(service, execution_id)
    await completed_once(service, execution_id)
    # Also when it is over.
    assert await service.executions.start(stored, {"n": 1}, execution_id=execution_id) == execution_id
    await completed_once(service, execution_id)


async def test_the_id_of_a_run_of_something_else_is_refused(service: Engine) -> None:
    execution_id = await begin(service, ECHO, {"n": 1})
    with pytest.raises(Conflict, match="is the id of another execution"):
        await begin(service, {**ECHO, "name": "other"}, {"n": 1}, execution_id=execution_id)
    await ended(service, execution_id)
    await completed_once(service, execution_id)


async def test_what_search_attributes_have_no_room_for_starts_all_the_same(service: Engine) -> None:
    tags = [f"{number:03}" + "x" * 60 for number in range(60)]
    document = {**ECHO, "name": "😀" * 200, "tags": tags}
    execution_id = await begin(service, document, {"n": 1})
    await completed_once(service, execution_id)
    execution = await service.executions.get(execution_id)
    assert (execution.name, execution.tags) == (document["name"], tuple(tags))


async def test_a_run_that_temporal_refuses_has_failed(temporal: DevServer, settings: Settings) -> None:
    # A task queue's name has at most 1000 characters.
    impossible = settings.model_copy(update={"task_queue": "x" * 2000})
    async with open_engine(impossible, temporal_address=temporal.address) as engine:
        execution = await engine.executions.get(await begin(engine, ECHO))
    assert execution.status == "failed"
    assert execution.error is not None
    assert execution.error["error_class"] == "refused"
    assert "Temporal refused the run" in execution.error["message"]
