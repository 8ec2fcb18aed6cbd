"""Tables that come in batches, written as one file of one schema. Needs pyarrow."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from activities import step
from activities.errors import InvalidInput
from activities.plugins.plugin import Needs

if TYPE_CHECKING:
    import pyarrow as pa

ARROW = Needs({"pyarrow": "longpole[sql]"})
Format = Literal["parquet", "csv"]
ROWS_A_BATCH = 50_000


def table_of(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> pa.Table:
    """Rows of Python values as a table; values that Arrow has no type for, and those of several types in one column,
    become texts. Raises `InvalidInput` for two columns of one name."""
    import pyarrow as pa

    _require_different(names)
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    return pa.table([_column(list(values)) for values in columns], names=list(names))


def _column(values: list[Any]) -> pa.Array:
    import pyarrow as pa

    if any(isinstance(value, dict | list | tuple) for value in values):
        return pa.array([None if value is None else json.dumps(value, default=str) for value in values], pa.string())
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return pa.array([None if value is None else str(value) for value in values], pa.string())


def rows_in_batches(
    names: Sequence[str], rows: Iterator[Sequence[Any]], size: int = ROWS_A_BATCH
) -> Iterator[pa.Table]:
    """Rows that a cursor gives one by one; one empty table where there are none."""
    batch = list(islice(rows, size))
    yield table_of(names, batch)
    while len(batch) == size and (batch := list(islice(rows, size))):
        yield table_of(names, batch)


def write_batches(batches: Iterable[pa.Table], path: Path, form: Format) -> tuple[int, pa.Schema]:
    """Writes all batches to `path` and tells their rows and the schema that holds them all. Holds one batch in memory.

    Batches may differ in what they tell of a column: nulls alone have no type, small numbers a narrower one. So there
    is a part for each schema until all are known. Raises `InvalidInput` for columns with values of different kinds.
    """
    from pyarrow.parquet import ParquetWriter

    parts: list[Path] = []
    schema: pa.Schema | None = None
    rows = 0
    with ExitStack() as open_parts:
        for table in batches:
            step.raise_if_cancelled()
            wider = table.schema if schema is None else _unified(schema, table.schema)
            if wider != schema:
                open_parts.close()
                parts.append(path.with_name(f"{path.name}.part{len(parts)}"))
                writer = open_parts.enter_context(ParquetWriter(parts[-1], wider))
                schema = wider
            writer.write_table(_as(table, wider))
            rows += table.num_rows
            step.progress(0.0, f"{rows:,} records")
    if schema is None:
        raise InvalidInput("there is nothing to write: the query must be one that returns rows")
    _join(parts, path, schema, form)
    return rows, schema


def _join(parts: list[Path], path: Path, schema: pa.Schema, form: Format) -> None:
    from pyarrow.csv import CSVWriter
    from pyarrow.parquet import ParquetFile, ParquetWriter

    if form == "parquet" and len(parts) == 1:
        parts[0].replace(path)
        return
    with (ParquetWriter if form == "parquet" else CSVWriter)(path, schema) as writer:
        for part in parts:
            with ParquetFile(part) as file:
                for number in range(file.num_row_groups):
                    writer.write_table(_as(file.read_row_group(number), schema))
            part.unlink()


def _unified(one: pa.Schema, other: pa.Schema) -> pa.Schema:
    import pyarrow as pa

    _require_different(other.names)
    try:
        return pa.unify_schemas([one, other], promote_options="permissive")
    except (pa.ArrowTypeError, pa.ArrowInvalid) as error:
        raise InvalidInput(f"a column has values of different kinds: {error}; cast it in the query") from None


def _as(table: pa.Table, schema: pa.Schema) -> pa.Table:
    return table if table.schema == schema else table.select(schema.names).cast(schema)


def _require_different(names: Sequence[str]) -> None:
    twice = [name for number, name in enumerate(names) if name in names[:number]]
    if twice:
        raise InvalidInput(f"two columns are named `{twice[0]}`: give one of them another name with AS")
