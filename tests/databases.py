"""Databases of each kind for tests. In a conftest: `from tests.databases import database, url`, and `postgres` from
`tests.postgres`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.database import Database
from tests.postgres import Postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path, migrated: Path) -> Iterator[str]:
    """A database of each kind: empty, or with this release's schema where a test asks for `database`, too."""
    with_schema = "database" in request.fixturenames
    if request.param == "sqlite":
        file = tmp_path / "store.db"
        if with_schema:
            shutil.copyfile(migrated, file)
        yield f"sqlite:///{file}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    if with_schema:
        url = server.borrow_database()
        yield url
        server.give_back(url)
    else:
        url = server.create_database()
        yield url
        server.drop_database(url)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """A migrated database of each kind."""
    database = Database(url)
    yield database
    database.dispose()
