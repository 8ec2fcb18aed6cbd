"""The plugin `sql`: queries by DuckDB, which is embedded, or by SQLAlchemy in databases that the operator names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import quote

from pydantic import Field, model_validator
from pydantic_core import to_jsonable_python

from activities import step
from activities.data_places import source_path, target_path
from activities.errors import InvalidInput
from activities.plugins.arrow_files import ARROW
from activities.plugins.duckdb_queries import duckdb_connection, run_by_duckdb, select_by_duckdb
from activities.plugins.extracting import ExtractData, extract
from activities.plugins.plugin import Config, Hint, Plugin, PluginSettings
from activities.plugins.sqlalchemy_queries import run_by_sqlalchemy, select_by_sqlalchemy, sqlalchemy_connection
from definitions.nearest import did_you_mean

_SQLITE = (".sqlite", ".sqlite3", ".db")
_SECRET = re.compile(r"\{([A-Za-z0-9_.-]+)\}")


class SqlSettings(PluginSettings):
    """`connections`: SQLAlchemy URLs by name, with secrets by name in braces:
    `{"warehouse": "postgresql+psycopg://reader:{warehouse_password}@db.example/warehouse"}`."""

    connections: dict[str, str] = Field(default_factory=dict)


class Where(Config):
    """Which database."""

    connection: str | None = None
    """One that the operator named."""
    database: str | None = None
    """A file that the run may read: SQLite where it ends in .sqlite, .sqlite3 or .db, else DuckDB; without both, an
    empty DuckDB in memory, for queries on files."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.connection is not None and self.database is not None:
            raise ValueError("name a `connection` or a `database`, not both")
        return self


class Extract(Where, ExtractData):
    """Rows of a query, into a file."""


class Execute(Where):
    """Statements that change something."""

    sql: str | list[str]
    """One statement or several, in one transaction; with DuckDB a text may have several."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Values for named parameters: `$name` with DuckDB, `:name` otherwise."""
    max_rows: Annotated[int, Field(ge=0, le=10_000)] = 100
    """How many rows of the last statement are told."""


plugin = Plugin("sql", summary="Queries and statements in databases.", settings=SqlSettings)


@plugin.operation(Extract, needs=ARROW, hint=lambda _config: Hint(seconds=60.0))
def extract_data(config: Extract, settings: SqlSettings) -> dict[str, Any]:
    """Writes the rows of a query to a Parquet or CSV file; changes nothing.

    Returns `{"records_extracted", "file_size_mb", "output_path", "columns", "duration_ms"}`. Raises `InvalidInput`,
    `TemporaryFailure`."""
    url, file = _place(config, settings)
    if url is None:
        with duckdb_connection(file, read_only=True) as connection:
            return extract(config, select_by_duckdb(connection, config.sql, config.parameters))
    with sqlalchemy_connection(url, guarded=file is not None) as connection:
        return extract(config, select_by_sqlalchemy(connection, config.sql, config.parameters))


@plugin.operation(Execute, hint=lambda _config: Hint(seconds=10.0))
def execute(config: Execute, settings: SqlSettings) -> dict[str, Any]:
    """Runs statements in one transaction.

    Returns `{"rows_affected", "rows"}`: the first rows of the last statement, if it returns any. Raises `InvalidInput`,
    `TemporaryFailure`."""
    statements = [config.sql] if isinstance(config.sql, str) else config.sql
    url, file = _place(config, settings, write=True)
    if url is None:
        with duckdb_connection(file, read_only=False) as connection:
            changed, rows = run_by_duckdb(connection, statements, config.parameters, config.max_rows)
    else:
        with sqlalchemy_connection(url, guarded=file is not None) as connection:
            changed, rows = run_by_sqlalchemy(connection, statements, config.parameters, config.max_rows)
    step.log.info("executed", statements=len(statements), rows_affected=changed)
    return {"rows_affected": changed, "rows": to_jsonable_python(rows, fallback=str, inf_nan_mode="null")}


def _place(config: Where, settings: SqlSettings, *, write: bool = False) -> tuple[str | None, Path | None]:
    """A URL for SQLAlchemy (None: DuckDB), and the file that it is, where the workflow names one."""
    if config.connection is not None:
        return _connection(config.connection, settings.connections)
    if config.database is None:
        return None, None
    path = target_path(config.database) if write else source_path(config.database)
    if path.suffix not in _SQLITE:
        return None, path
    return f"sqlite:///file:{quote(str(path))}?mode={'rwc' if write else 'ro'}&uri=true", path


def _connection(name: str, known: Mapping[str, str]) -> tuple[str | None, Path | None]:
    url = known.get(name)
    if url is None:
        said = did_you_mean(name, known) or "the operator names them under [plugins.sql.connections]"
        raise InvalidInput(f"there is no connection `{name[:80]}`: {said}")
    if url.startswith("duckdb://"):
        return None, Path(url.removeprefix("duckdb:///")).expanduser().resolve()
    return _SECRET.sub(lambda found: quote(step.secret(found[1]), safe=""), url), None
