"""The agent `data_processor`: reads tables from files and checks rules about them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from activities import step
from activities.data_places import source_files
from activities.errors import InvalidInput

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation

_READERS = {
    ".csv": "read_csv",
    ".tsv": "read_csv",
    ".json": "read_json",
    ".jsonl": "read_json",
    ".ndjson": "read_json",
    ".parquet": "read_parquet",
}
_RULE = re.compile(r"(\w+)(?::(.+))?")


def data_processor(given: Any) -> dict[str, Any]:
    """Reads `parameters.source` (a CSV, JSON or Parquet file, or a folder of such) and checks `parameters.rules`:

    `not_empty`; `non_null` and `unique`, for all columns or some (`non_null:id,name`); `schema_validation`: all files
    have the same columns and types, and those of `parameters.schema` (`{"id": "BIGINT"}`) where it is given.

    Returns `{"source", "files", "rows", "columns": [{"name", "type", "nulls"}], "checks": [{"rule", "passed"}]}`.
    Raises `InvalidInput` for what can't be read and for rules that are broken, with how often and where.
    """
    parameters = _parameters(given)
    source, rules = parameters.get("source"), parameters.get("rules", [])
    if not isinstance(source, str) or not source:
        raise InvalidInput("`parameters.source` must name a file, a folder or a URL")
    if not isinstance(rules, list) or not all(isinstance(rule, str) for rule in rules):
        raise InvalidInput("`parameters.rules` must be a list of names, such as `non_null`")
    checks = [(rule, *_parsed(rule)) for rule in rules]
    files = _files(source)
    step.log.info("reading", source=source, files=len(files))
    import duckdb  # a heavy import that only these steps need

    with duckdb.connect() as connection:
        try:
            table = _Table(connection, files, parameters.get("schema"))
            results = []
            for number, (rule, check, columns) in enumerate(checks):
                step.raise_if_cancelled()
                results.append((rule, _RULES[check](table, columns)))
                step.progress((number + 1) / len(checks), rule)
        except duckdb.Error as error:
            raise InvalidInput(f"{source} can't be read: {str(error).splitlines()[0]}") from None
    broken = [f"{rule}: {problem}" for rule, problem in results if problem]
    if broken:
        raise InvalidInput(f"{source} breaks {len(broken)} of {len(checks)} rules: {'; '.join(broken)}")
    return {
        "source": source,
        "files": len(files),
        "rows": table.rows,
        "columns": table.columns,
        "checks": [{"rule": rule, "passed": True} for rule, _ in results],
    }


class _Table:
    """All files as one table."""

    def __init__(self, connection: DuckDBPyConnection, files: list[Path], schema: Any) -> None:
        self._connection = connection
        self.files = files
        self.schema = schema
        self._read(files).create("data")
        self._data = connection.table("data")
        self.rows = _number(self._data.count("*"))
        self.types = _types(self._data)
        self.columns = [{"name": name, "type": kind, "nulls": self._nulls(name)} for name, kind in self.types.items()]

    def types_of(self, file: Path) -> dict[str, str]:
        """Column -> type in one file."""
        return _types(self._read([file]))

    def duplicates(self, column: str) -> int:
        """Values that are there more than once, counted without their first time."""
        from duckdb import ColumnExpression

        chosen = self._data.filter(ColumnExpression(column).isnotnull()).select(ColumnExpression(column))
        return _number(chosen.count("*")) - _number(chosen.distinct().count("*"))

    def chosen(self, columns: list[str]) -> list[str]:
        """These columns, or all. Raises `InvalidInput` for one that is not there."""
        for column in columns:
            if column not in self.types:
                raise InvalidInput(f"there is no column `{column}`; there are {', '.join(self.types)}")
        return columns or list(self.types)

    def _nulls(self, column: str) -> int:
        from duckdb import ColumnExpression

        return _number(self._data.filter(ColumnExpression(column).isnull()).count("*"))

    def _read(self, files: list[Path]) -> DuckDBPyRelation:
        read = getattr(self._connection, _READERS[files[0].suffix.lower()])
        relation: DuckDBPyRelation = read([str(file) for file in files], union_by_name=True)
        return relation


def _types(relation: DuckDBPyRelation) -> dict[str, str]:
    return {name: str(kind) for name, kind in zip(relation.columns, relation.types, strict=True)}


def _number(relation: DuckDBPyRelation) -> int:
    return int(relation.fetchall()[0][0])


def _non_null(table: _Table, columns: list[str]) -> str:
    chosen = table.chosen(columns)
    empty = [(each["name"], each["nulls"]) for each in table.columns if each["name"] in chosen]
    return ", ".join(f"{nulls} nulls in `{name}`" for name, nulls in empty if nulls)


def _unique(table: _Table, columns: list[str]) -> str:
    found = [(column, table.duplicates(column)) for column in table.chosen(columns)]
    return ", ".join(f"{count} repeated in `{column}`" for column, count in found if count)


def _not_empty(table: _Table, _columns: list[str]) -> str:
    return "" if table.rows else "there are no rows"


def _schema(table: _Table, _columns: list[str]) -> str:
    expected = table.schema if table.schema is not None else table.types_of(table.files[0])
    if not isinstance(expected, Mapping):
        raise InvalidInput('`parameters.schema` must be a mapping of columns to types, such as {"id": "BIGINT"}')
    wanted = {str(name): str(kind).upper() for name, kind in expected.items()}
    for file in table.files:
        found = table.types_of(file)
        for name in {**wanted, **found}:
            if wanted.get(name) != found.get(name):
                return f"`{name}` is {found.get(name, 'missing')} in {file.name}, not {wanted.get(name, 'wanted')}"
    return ""


_RULES: dict[str, Callable[[_Table, list[str]], str]] = {
    "non_null": _non_null,
    "unique": _unique,
    "not_empty": _not_empty,
    "schema_validation": _schema,
}


def _parameters(given: Any) -> Mapping[str, Any]:
    parameters = given.get("parameters") if isinstance(given, Mapping) else None
    if not isinstance(parameters, Mapping):
        raise InvalidInput("`data_processor` needs `parameters`")
    return parameters


def _parsed(rule: str) -> tuple[str, list[str]]:
    match = _RULE.fullmatch(rule)
    if match is None or match[1] not in _RULES:
        raise InvalidInput(f"there is no rule {rule[:80]!r}; there are {', '.join(_RULES)}")
    return match[1], [column.strip() for column in (match[2] or "").split(",") if column.strip()]


def _files(source: str) -> list[Path]:
    """The files of a source, on this machine. Raises `InvalidInput`, `TemporaryFailure`."""
    known = [file for file in source_files(source) if file.suffix.lower() in _READERS]
    if not known:
        raise InvalidInput(f"{source} has no files that end in {', '.join(_READERS)}")
    if len({_READERS[file.suffix.lower()] for file in known}) > 1:
        raise InvalidInput(f"{source} has files of several kinds: name one kind, or a folder of its own for each")
    return known
