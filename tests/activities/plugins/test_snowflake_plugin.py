"""Snowflake's own connector against `fakesnow`, which answers as Snowflake's servers do, on loopback."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from activities import step
from activities.errors import InvalidInput
from activities.plugins.registry import PluginRegistry
from definitions.errors import PluginUnavailable
from definitions.files import parse_document

# The way fakesnow reads its DuckDB.
pytestmark = pytest.mark.filterwarnings("ignore:Arrow output on a DB-API result:UserWarning")
ROWS = """SELECT column1::int id, column2::number(10,2) spent, column3::date created_at
    FROM VALUES (1, 10.5, '2023-12-31'), (2, 20.25, '2024-01-01'), (3, NULL, '2024-02-01')"""
PURCHASES = """SELECT column1::int AS customer_id, column2::date AS day, column3::int AS records,
    column4::double AS dollars
    FROM (VALUES (1, '1997-01-02', 2, 20.5), (1, '1997-12-01', 1, 9.75), (1, '1998-03-01', 1, 12.0),
        (2, '1997-02-01', 3, 33.0), (2, '1997-02-01', 1, 7.25), (3, '1998-02-01', 1, 5.0))
        AS bought (column1, column2, column3, column4)"""
EXAMPLES = Path(__file__).parents[3] / "examples"
SECRET = {"LONGPOLE_SECRET_SNOWFLAKE_PASSWORD": "secret"}


@pytest.fixture(scope="module")
def account() -> Iterator[dict[str, Any]]:
    fakesnow = pytest.importorskip("fakesnow", reason="needs fakesnow")
    connector = pytest.importorskip("snowflake.connector", reason="needs longpole[snowflake]")
    logging.getLogger("snowflake").setLevel(logging.ERROR)
    with fakesnow.server() as server:
        with connector.connect(**server, platform_detection_timeout_seconds=0) as connection:
            for sql in (
                "CREATE DATABASE IF NOT EXISTS shop",
                "CREATE SCHEMA IF NOT EXISTS shop.sales",
                f"CREATE TABLE shop.sales.customer_features AS {ROWS}",
                f"CREATE TABLE shop.sales.purchases AS {PURCHASES}",
            ):
                connection.cursor().execute(sql)
        known = {name: server[name] for name in ("account", "user", "host", "port", "protocol")}
        yield {**known, "database": "SHOP", "db_schema": "SALES"}


def run(config: dict[str, Any], settings: dict[str, Any], folder: Path) -> Any:
    with step.simulate(step_id="data_extraction", workdir=folder, secrets={"snowflake_password": "secret"}):
        return PluginRegistry({"snowflake": settings}, SECRET).resolve("snowflake", "extract_data")(config)


def test_the_documented_extraction(account: dict[str, Any], tmp_path: Path) -> None:
    from pyarrow import parquet

    sql = "SELECT * FROM customer_features WHERE created_at >= '2024-01-01' ORDER BY id"
    result = run({"sql": sql, "output_format": "parquet"}, account, tmp_path)
    assert (result["records_extracted"], result["output_path"]) == (2, str(tmp_path / "data_extraction.parquet"))
    assert result["query_id"]
    table = parquet.read_table(result["output_path"])
    assert table.column_names == ["ID", "SPENT", "CREATED_AT"]
    assert table.column("SPENT").to_pylist() == [Decimal("20.25"), None]


def test_parameters_schemas_and_queries_without_rows(account: dict[str, Any], tmp_path: Path) -> None:
    elsewhere = {**account, "db_schema": "PUBLIC"}
    config = {"sql": "SELECT id FROM customer_features WHERE id > %(low)s", "db_schema": "SALES"}
    assert run({**config, "parameters": {"low": 2}}, elsewhere, tmp_path)["records_extracted"] == 1
    empty = run({**config, "parameters": {"low": 9}}, elsewhere, tmp_path)
    assert (empty["records_extracted"], [each["name"] for each in empty["columns"]]) == (0, ["ID"])


def test_the_churn_example_extracts_the_same_from_snowflake_as_from_duckdb(
    account: dict[str, Any], tmp_path: Path
) -> None:
    duckdb = pytest.importorskip("duckdb")
    from pyarrow import parquet

    document = parse_document((EXAMPLES / "churn" / "workflow.yaml").read_text(), ".yaml")
    [sql] = [each["input"]["sql"] for each in document["steps"] if each["id"] == "data_extraction"]
    settings, parameters = {**account, "db_schema": "SALES"}, {"cutoff": "1998-01-01"}
    with step.simulate(workdir=tmp_path, secrets={"snowflake_password": "secret"}):
        snowflake = PluginRegistry({"snowflake": settings}, SECRET).resolve("snowflake", "extract_data")
        there = snowflake(
            {"sql": sql.replace("$cutoff", "%(cutoff)s"), "parameters": parameters, "output_path": "there.parquet"}
        )
        with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
            connection.execute(f"CREATE TABLE purchases AS {PURCHASES}")
        local = PluginRegistry({}, {}).resolve("sql", "extract_data")
        config = {"sql": sql, "parameters": parameters, "database": "warehouse.duckdb", "output_path": "here.parquet"}
        here = local(config)
    rows = [parquet.read_table(each["output_path"]).to_pylist() for each in (here, there)]
    exact = [[{name: float(value) for name, value in row.items()} for row in table] for table in rows]
    assert exact[0] == exact[1]
    assert [(row["customer_id"], row["orders"], row["churned"]) for row in rows[0]] == [(1, 2, 0), (2, 1, 1)]


def test_what_snowflake_refuses_is_told(account: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"Snowflake says: .*NOSUCH"):
        run({"sql": "SELECT * FROM nosuch"}, account, tmp_path)


def test_without_account_and_password_it_is_unavailable() -> None:
    pytest.importorskip("snowflake.connector", reason="needs longpole[snowflake]")
    with pytest.raises(PluginUnavailable) as raised:
        PluginRegistry({}, {}).resolve("snowflake", "extract_data")
    assert "LONGPOLE_PLUGIN_SNOWFLAKE_ACCOUNT" in raised.value.remedy
    assert "LONGPOLE_SECRET_SNOWFLAKE_PASSWORD" in raised.value.remedy
