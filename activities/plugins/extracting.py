"""What `extract_data` is in every plugin that has it: rows of a query in a file, and what is told of it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from activities import step
from activities.data_places import is_remote_target, put, target_path
from activities.plugins.arrow_files import Format, write_batches
from activities.plugins.plugin import Config

if TYPE_CHECKING:
    import pyarrow as pa

MEDIA_TYPES = {"parquet": "application/vnd.apache.parquet", "csv": "text/csv"}


class ExtractData(Config):
    """Rows of a query, into a file."""

    sql: str = Field(min_length=1)
    """One query."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Values for the query's named parameters; nothing is ever pasted into its text."""
    output_format: Format = "parquet"
    output_path: str | None = None
    """A file in the run's folder, or a file or URL beneath `LONGPOLE_DATA_TARGETS`; default: named after the step."""


def extract(config: ExtractData, batches: Iterable[pa.Table]) -> dict[str, Any]:
    """Writes the batches as the config says. The file is an artifact; gigabytes and seconds are usage.

    Returns `{"records_extracted", "file_size_mb", "output_path", "columns": [{"name", "type"}], "duration_ms"}`.
    Raises `InvalidInput`, `TemporaryFailure`."""
    begun = time.monotonic()
    name = f"{step.step_id}.{config.output_format}"
    wanted = config.output_path or name
    remote = is_remote_target(wanted)
    path = target_path(name if remote else wanted)
    records, schema = write_batches(batches, path, config.output_format)
    size = path.stat().st_size
    if remote:
        put(path, wanted)
        path.unlink()
    place: Path | str = wanted if remote else path
    took = time.monotonic() - begun
    step.progress(1.0, f"{records:,} records")
    step.log.info(
        f"extracted {records:,} records", records_count=records, bytes=size, query_duration_ms=round(took * 1000)
    )
    step.artifact(place, media_type=MEDIA_TYPES[config.output_format], records=records)
    step.usage(records=records, bytes_written=size)
    return {
        "records_extracted": records,
        "file_size_mb": round(size / 1_000_000, 3),
        "output_path": str(place),
        "columns": [{"name": field.name, "type": str(field.type)} for field in schema],
        "duration_ms": round(took * 1000),
    }
