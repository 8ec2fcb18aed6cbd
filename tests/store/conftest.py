from __future__ import annotations

import pytest
from rows import Rows

from store.database import Database
from tests.databases import database, url
from tests.postgres import postgres

__all__ = ["database", "postgres", "url"]


@pytest.fixture
def rows(database: Database) -> Rows:
    return Rows(database)
