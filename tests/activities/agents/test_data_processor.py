"""`data_processor` on real files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from activities.agents.data_processor import data_processor
from activities.data_places import SOURCES
from activities.errors import InvalidInput


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that data may be read from, with a table in three parts of each kind."""
    root = tmp_path / "data"
    for kind in ("csv", "json", "parquet"):
        (root / kind).mkdir(parents=True)
        for part in range(3):
            table = duckdb.sql(f"SELECT {part} * 10 + range AS id, 'n' || range AS name FROM range(10)")
            file = str(root / kind / f"{part}.{kind}")
            if kind == "json":
                Path(file).write_text("".join(f'{{"id": {key}, "name": "{name}"}}\n' for key, name in table.fetchall()))
            else:
                {"csv": table.write_csv, "parquet": table.write_parquet}[kind](file)
    monkeypatch.setenv(SOURCES, str(root))
    return root


def process(source: Path | str, *rules: str, **more: Any) -> dict[str, Any]:
    return data_processor({"prompt": "", "parameters": {"source": str(source), "rules": list(rules), **more}})


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_a_folder_is_read_and_checked(folder: Path, kind: str) -> None:
    told = process(folder / kind, "not_empty", "non_null", "unique:id", "schema_validation")
    assert (told["files"], told["rows"]) == (3, 30)
    assert [(each["name"], each["nulls"]) for each in told["columns"]] == [("id", 0), ("name", 0)]
    assert all(check["passed"] for check in told["checks"])


@pytest.mark.parametrize(
    ("content", "rules", "says"),
    [
        ("id,name\n1,a\n,b\n", ["non_null"], "1 nulls in `id`"),
        ("id,name\n1,a\n1,b\n1,c\n", ["unique:id"], "2 repeated in `id`"),
        ("id,name\n", ["not_empty"], "no rows"),
        ("id,name\n1,a\n", ["non_null:nosuch"], "no column `nosuch`"),
        ("id,name\n1,a\n", ["tidy"], "no rule 'tidy'"),
    ],
)
def test_what_breaks_a_rule_is_told_with_its_number(folder: Path, content: str, rules: list[str], says: str) -> None:
    (folder / "one.csv").write_text(content)
    with pytest.raises(InvalidInput, match=says):
        process(folder / "one.csv", *rules)


def test_a_schema_is_that_of_all_files_or_the_one_that_is_given(folder: Path) -> None:
    assert process(folder / "csv", "schema_validation", schema={"id": "bigint", "name": "varchar"})["rows"] == 30
    (folder / "csv" / "3.csv").write_text("id,title\n1,x\n")
    with pytest.raises(InvalidInput, match=r"`name` is missing in 3.csv, not VARCHAR"):
        process(folder / "csv", "schema_validation")


@pytest.mark.parametrize("source", ["/etc/passwd", "{folder}/../secret.csv", "{folder}", "https://example.org/x.csv"])
def test_nothing_else_may_be_read(folder: Path, source: str) -> None:
    (folder.parent / "secret.csv").write_text("a\n1\n")
    with pytest.raises(InvalidInput):
        process(source.format(folder=folder))
    with pytest.raises(InvalidInput, match="is not there"):
        process(folder / "nosuch.csv")
