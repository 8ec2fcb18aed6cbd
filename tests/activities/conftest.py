from __future__ import annotations

import shutil
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from single_steps import CANARY, Records, Steps
from step_worker import step_worker
from temporal_dev.server import DevServer
from temporalio.client import Client

from definitions.ids import new_execution_id
from store.database import Database
from store.instances import create_instance
from store.templates import create_template


@pytest.fixture
def database(tmp_path: Path, migrated: Path) -> Iterator[Database]:
    file = tmp_path / "test.db"
    shutil.copyfile(migrated, file)
    database = Database(f"sqlite:///{file}")
    yield database
    database.dispose()


@pytest.fixture
def new_execution(database: Database) -> Callable[[], str]:
    """Makes the row of a run."""

    def make() -> str:
        execution_id = new_execution_id()
        document = {"name": f"w-{execution_id}", "steps": [{"id": "s"}]}
        with database.write() as session:
            template = create_template(session, name="w", definition=document, source=document, digest="sha256:0")
            create_instance(
                session,
                execution_id=execution_id,
                workflow_id=template.workflow_id,
                name="w",
                revision=1,
                digest="sha256:0",
                input_data={},
            )
        return execution_id

    return make


@pytest.fixture
def records(database: Database) -> Records:
    return Records(database)


@pytest.fixture
async def idle_steps(
    temporal: DevServer, database: Database, tmp_path: Path, new_execution: Callable[[], str]
) -> Steps:
    """Without a worker."""
    client = await Client.connect(temporal.address)
    return Steps(client, f"q-{uuid.uuid4().hex}", tmp_path, database, new_execution)


@pytest.fixture
async def steps(idle_steps: Steps, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Steps]:
    """With a worker in this process."""
    monkeypatch.setenv("LONGPOLE_SECRET_CANARY", CANARY)
    async with step_worker(
        idle_steps.client, idle_steps.task_queue, idle_steps.database, idle_steps.data_dir
    ) as idle_steps.recorder:
        yield idle_steps
