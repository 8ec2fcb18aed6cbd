"""DuckDB in the worker's own process, held to the files that the run may read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from activities.data_places import source_folders
from activities.errors import InvalidInput, TemporaryFailure
from activities.plugins.arrow_files import ROWS_A_BATCH
from activities.plugins.interrupting import interrupting

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection, Statement

_ALLOWED = frozenset(
    {"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE_INTO", "CREATE", "ALTER", "DROP", "EXPLAIN", "ANALYZE", "VACUUM"}
)
"""Statements that stay inside the database; COPY, ATTACH, EXPORT, LOAD, SET and the like reach beyond it."""


@contextmanager
def duckdb_connection(database: Path | None, *, read_only: bool) -> Iterator[DuckDBPyConnection]:
    """A connection to that file, or to an empty database in memory. Its SQL can read the run's folder and what the
    operator names in `LONGPOLE_DATA_SOURCES`, nothing else, and change none of that.

    What DuckDB says becomes `InvalidInput`, or `TemporaryFailure` when somebody else has the file open."""
    import duckdb

    try:
        with duckdb.connect(str(database or ":memory:"), read_only=read_only and database is not None) as connection:
            folders = [f"{folder}/" for folder in source_folders()]
            quoted = ", ".join("'" + folder.replace("'", "''") + "'" for folder in folders)
            connection.execute(f"SET allowed_directories = [{quoted}]")
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            with interrupting(connection.interrupt):
                yield connection
    except duckdb.IOException as error:
        raise TemporaryFailure(_said(error)) from None
    except duckdb.Error as error:
        raise InvalidInput(_said(error)) from None


def select_by_duckdb(connection: DuckDBPyConnection, sql: str, parameters: Mapping[str, Any]) -> Iterator[pa.Table]:
    """The rows of one SELECT. Raises `InvalidInput` for any other statement."""
    import pyarrow as pa

    statements = connection.extract_statements(sql)
    if len(statements) != 1 or _kind(statements[0]) != "SELECT":
        raise InvalidInput("`sql` must be one SELECT; `execute` takes statements that change something")
    reader = connection.sql(sql, params=dict(parameters) or None).to_arrow_reader(ROWS_A_BATCH)
    empty = True
    for batch in reader:
        empty = False
        yield pa.Table.from_batches([batch])
    if empty:
        yield reader.schema.empty_table()


def run_by_duckdb(
    connection: DuckDBPyConnection, statements: list[str], parameters: Mapping[str, Any], most: int
) -> tuple[int, list[dict[str, Any]]]:
    """Statements in one transaction: how many rows they changed, and the first rows of the last one.

    Raises `InvalidInput` for statements that would write files or reach other databases."""
    parsed = [each for sql in statements for each in connection.extract_statements(sql)]
    for statement in parsed:
        if _kind(statement) not in _ALLOWED:
            raise InvalidInput(f"{_kind(statement)} is not allowed here; `extract_data` writes files")
    changed, rows = 0, list[dict[str, Any]]()
    connection.begin()
    for statement in parsed:
        named = {name: value for name, value in parameters.items() if name in statement.named_parameters}
        cursor = connection.execute(statement, named or None)
        names = [each[0] for each in cursor.description or ()]
        found = cursor.fetchmany(max(most, 1))
        if "CHANGED_ROWS" in {each.name for each in statement.expected_result_type} and names == ["Count"]:
            changed, rows = changed + sum(int(row[0]) for row in found), []
        else:
            rows = [dict(zip(names, row, strict=True)) for row in found[:most]]
    connection.commit()
    return changed, rows


def _kind(statement: Statement) -> str:
    return str(statement.type.name)


def _said(error: Exception) -> str:
    return str(error).split("\n\nLINE", 1)[0][:1000]
