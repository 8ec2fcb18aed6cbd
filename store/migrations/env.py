"""Alembic's environment: runs on the connection, and in the transaction, that `store.migrate` brings."""

from __future__ import annotations

from alembic import context

import store.access_tables
import store.orchestration_tables
import store.schedule_tables
import store.scheduling_tables
import store.webhook_tables  # noqa: F401
from store.migrate import VERSION_TABLE
from store.tables import Row

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Row.metadata, version_table=VERSION_TABLE
)
context.run_migrations()
