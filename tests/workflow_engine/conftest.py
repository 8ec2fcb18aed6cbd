"""Engines on databases of their own, with the test session's Temporal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from temporal_dev.server import DevServer

from engine.settings import Settings
from longpole import WorkflowEngine, WorkflowService
from tests.postgres import Postgres, postgres

__all__ = ["postgres"]

DOCUMENTED = Path(__file__).parent / "handlers"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With the handlers of the document's examples."""
    return settings.model_copy(
        update={
            "handler_paths": (*settings.handler_paths, DOCUMENTED),
            "handler_allow": (*settings.handler_allow, "documented"),
        }
    )


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Session]:
    """A session of an application's own."""
    bound = create_engine(f"sqlite:///{tmp_path / 'app.db'}")
    with Session(bound) as session:
        yield session
    bound.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def each_db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Session]:
    """A session on each kind of database."""
    server: Postgres | None = None
    url = f"sqlite:///{tmp_path / 'app.db'}"
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres")
        url = server.create_database()
    bound = create_engine(url)
    with Session(bound) as session:
        yield session
    bound.dispose()
    if server is not None:
        server.drop_database(url)


@pytest.fixture
def engine(db: Session, settings: Settings, temporal: DevServer) -> Iterator[WorkflowEngine]:
    """An engine on the session's database."""
    with WorkflowEngine(db, settings=settings, temporal_address=temporal.address) as made:
        yield made


@pytest.fixture
def service(engine: WorkflowEngine, settings: Settings, temporal: DevServer) -> WorkflowService:
    """A service on the same."""
    return WorkflowService(engine.db, settings=settings, temporal_address=temporal.address)
