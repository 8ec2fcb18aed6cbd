"""Real databases: DuckDB and SQLite files, and PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from activities import step
from activities.data_places import SOURCES, TARGETS
from activities.errors import InvalidInput, StepCancelled, TemporaryFailure
from activities.plugins.registry import PluginRegistry
from activities.step import Simulation
from tests.postgres import Postgres

pq = pytest.importorskip("pyarrow.parquet", reason="needs longpole[sql]")


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Simulation]:
    with step.simulate(step_id="extraction", workdir=tmp_path / "run", secrets={"pw": "p@ss word"}) as simulation:
        yield simulation


def run(operation: str, config: dict[str, Any], **settings: Any) -> Any:
    return PluginRegistry({"sql": settings}, {}).resolve("sql", operation)(config)


def customers(path: Path, count: int = 10) -> Path:
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"CREATE TABLE customers AS SELECT range AS id, 'n' || range AS name FROM range({count})")
    return path


def test_rows_become_a_parquet_file_with_the_documented_result(told: Simulation) -> None:
    customers(step.workdir / "warehouse.duckdb", 120_000)
    sql = "SELECT * FROM customers WHERE id >= $low ORDER BY id"
    result = run("extract_data", {"database": "warehouse.duckdb", "sql": sql, "parameters": {"low": 5}})
    path = step.workdir / "extraction.parquet"
    assert result["output_path"] == str(path)
    assert result["records_extracted"] == 119_995
    assert result["file_size_mb"] == round(path.stat().st_size / 1e6, 3) > 0
    assert result["columns"] == [{"name": "id", "type": "int64"}, {"name": "name", "type": "string"}]
    table = pq.read_table(path)
    assert table.num_rows == 119_995
    assert table.column("id")[0].as_py() == 5
    assert told.usage["records"] == 119_995
    assert told.artifacts[0]["uri"] == path.as_uri()
    assert told.progress[-1] == (1.0, "119,995 records")


def test_files_are_queried_without_a_database_and_written_as_csv(
    told: Simulation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text("id,name\n1,a\n2,b\n")
    monkeypatch.setenv(SOURCES, str(tmp_path / "in"))
    monkeypatch.setenv(TARGETS, str(tmp_path / "out"))
    target = tmp_path / "out" / "deep" / "b.csv"
    sql = f"SELECT id * 2 AS twice FROM '{tmp_path}/in/*.csv' ORDER BY ALL"
    run("extract_data", {"sql": sql, "output_format": "csv", "output_path": str(target)})
    assert target.read_text().splitlines() == ['"twice"', "2", "4"]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('{secret}')",
        "SELECT * FROM '{secret}'",
        "SELECT * FROM read_text('{run}/../secret.csv')",
        "COPY (SELECT 1) TO '{run}/x.csv'",
        "SELECT 1; SELECT 2",
        "ATTACH '{run}/y.duckdb'",
        "SET enable_external_access = true",
        "INSTALL httpfs",
        "DROP TABLE customers",
        "SELEC 1",
        "SELECT * FROM nowhere",
    ],
)
def test_a_query_reads_its_own_and_changes_nothing(told: Simulation, tmp_path: Path, sql: str) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    customers(step.workdir / "w.duckdb")
    query = sql.format(secret=tmp_path / "secret.csv", run=step.workdir)
    with pytest.raises(InvalidInput):
        run("extract_data", {"database": "w.duckdb", "sql": query})
    with duckdb.connect(str(step.workdir / "w.duckdb")) as connection:
        assert connection.sql("SELECT count(*) FROM customers").fetchall() == [(10,)]


@pytest.mark.parametrize(
    "config", [{"database": "/etc/passwd"}, {"output_path": "/etc/x.parquet"}, {"connection": "x"}]
)
def test_files_and_connections_that_nobody_allowed_are_refused(told: Simulation, config: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match=r"beneath none of|no connection"):
        run("extract_data", {"sql": "SELECT 1 AS a", **config})


def test_no_rows_make_an_empty_file_with_columns(told: Simulation) -> None:
    result = run("extract_data", {"sql": "SELECT 1 AS a WHERE false"})
    assert (result["records_extracted"], pq.read_table(result["output_path"]).column_names) == (0, ["a"])


def test_statements_change_a_database_in_one_transaction(told: Simulation) -> None:
    made = [
        "CREATE TABLE t (a INTEGER UNIQUE)",
        "INSERT INTO t SELECT range FROM range($n)",
        "UPDATE t SET a = a + 100",
    ]
    database = {"database": "own.duckdb"}
    assert run("execute", {**database, "sql": made, "parameters": {"n": 3}}) == {"rows_affected": 6, "rows": []}
    assert run("execute", {**database, "sql": "SELECT a FROM t ORDER BY a", "max_rows": 2})["rows"] == [
        {"a": 100}, {"a": 101},
    ]  # fmt: skip
    with pytest.raises(InvalidInput, match="Constraint"):
        run("execute", {**database, "sql": "INSERT INTO t VALUES (7); INSERT INTO t VALUES (100)"})
    assert run("execute", {**database, "sql": "SELECT count(*) AS n FROM t"})["rows"] == [{"n": 3}]
    with pytest.raises(InvalidInput, match="COPY is not allowed"):
        run("execute", {**database, "sql": "COPY t TO 't.csv'"})


def test_sqlite_files_are_read_by_sqlalchemy_and_reach_no_other_file(told: Simulation, tmp_path: Path) -> None:
    rows = "INSERT INTO t SELECT value, 'it''s ' || value, NULL FROM generate(:n)"
    made = [
        "CREATE TABLE t (id INTEGER, name TEXT, at TEXT)",
        rows.replace("generate(:n)", "json_each(:n)"),
    ]
    run("execute", {"database": "s.sqlite", "sql": made, "parameters": {"n": "[1,2,3]"}})
    result = run("extract_data", {"database": "s.sqlite", "sql": "SELECT * FROM t WHERE name <> 'a:b' ORDER BY id"})
    assert pq.read_table(result["output_path"]).to_pylist()[2] == {"id": 3, "name": "it's 3", "at": None}
    sqlite3.connect(tmp_path / "other.sqlite").close()
    with pytest.raises(InvalidInput, match="not authorized"):
        run("extract_data", {"database": "s.sqlite", "sql": f"ATTACH '{tmp_path}/other.sqlite' AS o"})
    with pytest.raises(InvalidInput, match="readonly"):
        run("extract_data", {"database": "s.sqlite", "sql": "DELETE FROM t RETURNING id"})


def test_columns_that_widen_between_batches_keep_all_their_values(told: Simulation) -> None:
    made = ["CREATE TABLE t (a)", "INSERT INTO t SELECT NULL FROM json_each(:n)", "INSERT INTO t VALUES (5), (NULL)"]
    made.append("INSERT INTO t VALUES (1.5)")
    run("execute", {"database": "s.db", "sql": made, "parameters": {"n": str([0] * 50_000)}})
    result = run("extract_data", {"database": "s.db", "sql": "SELECT a FROM t ORDER BY rowid"})
    table = pq.read_table(result["output_path"])
    assert (result["records_extracted"], result["columns"]) == (50_003, [{"name": "a", "type": "double"}])
    assert table.column("a").to_pylist()[-3:] == [5.0, None, 1.5]


def test_two_columns_of_one_name_are_refused(told: Simulation) -> None:
    sqlite3.connect(step.workdir / "s.db").close()
    with pytest.raises(InvalidInput, match="two columns are named `a`"):
        run("extract_data", {"database": "s.db", "sql": "SELECT 1 AS a, 2 AS a"})


def test_connections_that_the_operator_named_are_used(told: Simulation, postgres: Postgres) -> None:
    url = postgres.create_database()
    settings = {"connections": {"warehouse": url}}
    made = [
        "CREATE TEMP TABLE t (a numeric, b timestamptz, c jsonb)",
        "INSERT INTO t VALUES (1.25, 'epoch', '{\"k\": 1}')",
    ]
    made.append("SELECT * FROM t")
    assert run("execute", {"connection": "warehouse", "sql": made}, **settings) == {
        "rows_affected": 1,
        "rows": [{"a": "1.25", "b": "1970-01-01T00:00:00Z", "c": {"k": 1}}],
    }
    sql = "SELECT n, repeat('x', 3)::text AS t, '{\"k\": [1]}'::jsonb AS j FROM generate_series(1, 60000) AS n"
    result = run("extract_data", {"connection": "warehouse", "sql": sql}, **settings)
    assert result["records_extracted"] == 60_000
    assert pq.read_table(result["output_path"]).to_pylist()[-1] == {"n": 60_000, "t": "xxx", "j": '{"k": [1]}'}
    with pytest.raises(InvalidInput, match="did you mean `warehouse`"):
        run("extract_data", {"connection": "warehose", "sql": sql}, **settings)


def test_a_server_that_is_not_there_is_worth_another_attempt(told: Simulation) -> None:
    settings = {"connections": {"gone": "postgresql+psycopg://u:{pw}@127.0.0.1:9/db"}}
    with pytest.raises(TemporaryFailure) as raised:
        run("extract_data", {"connection": "gone", "sql": "SELECT 1"}, **settings)
    assert "p@ss" not in str(raised.value)


def test_a_long_query_ends_when_its_step_is_cancelled(told: Simulation) -> None:
    told.cancel()
    with pytest.raises(StepCancelled):
        run("extract_data", {"sql": "SELECT count(*) AS n FROM range(1000000000000) a WHERE range % 7 = 3"})
