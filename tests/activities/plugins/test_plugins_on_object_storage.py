"""What steps read from and write to object storage: S3's protocol, spoken on loopback."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from activities import step
from activities.data_places import SOURCES, TARGETS
from activities.errors import InvalidInput
from activities.plugins.registry import PluginRegistry
from activities.step import Simulation
from tests.object_storage import Bucket, bucket, object_storage

__all__ = ["bucket", "object_storage"]

pd = pytest.importorskip("pandas", reason="needs longpole[sklearn]")
pytest.importorskip("skops", reason="needs longpole[sklearn]")
pytest.importorskip("s3fs", reason="needs longpole[s3]")

ROWS = "SELECT range AS id, range % 7 AS size, range % 2 AS label FROM range(60)"


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Simulation]:
    with step.simulate(workdir=tmp_path, step_id="extraction") as simulation:
        yield simulation


@pytest.fixture
def data(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder of the bucket that the operator lets steps read and write."""
    folder = f"s3://{bucket.name}/data"
    monkeypatch.setenv(TARGETS, folder)
    monkeypatch.delenv(SOURCES, raising=False)
    return folder


def run(operation: str, config: dict[str, Any]) -> Any:
    return PluginRegistry({}, {}).resolve(*operation.split("."))(config)


def test_rows_go_from_a_query_to_a_bucket_and_from_there_to_a_model(
    told: Simulation, data: str, bucket: Bucket
) -> None:
    target = f"{data}/2026/rows.parquet"
    extracted = run("sql.extract_data", {"sql": ROWS, "output_path": target})
    assert extracted["output_path"] == target
    assert told.artifacts[0]["uri"] == target
    stored = pd.read_parquet(io.BytesIO(bucket.filesystem.cat_file(target)))
    assert list(stored["id"]) == list(range(60))
    assert not list(step.workdir.glob("*.parquet"))  # nothing stays on the worker
    made = run("sklearn.process_features", {"inputs": {"e": extracted}, "target": "label", "drop": ["id"]})
    assert made["records"] == {"training_set": 48, "holdout_set": 12}
    trained = run("sklearn.train_model", {"inputs": {"f": made}, "algorithm": "linear", "folds": 0})
    assert trained["records"] == 48


def test_a_folder_is_read_as_it_is_now(told: Simulation, data: str, bucket: Bucket) -> None:
    def records() -> int:
        made = run("sklearn.process_features", {"data": data, "target": "label", "holdout": 0.5})
        return sum(made["records"].values())

    rows = "".join(f"{number},{number % 2}\n" for number in range(10))
    for name in ("a.csv", "b.csv"):
        bucket.filesystem.pipe_file(f"{data}/{name}", f"id,label\n{rows}".encode())
    assert records() == 20
    bucket.filesystem.rm_file(f"{data}/a.csv")
    bucket.filesystem.pipe_file(f"{data}/c.csv", f"id,label\n{rows}{rows}".encode())
    assert records() == 30


@pytest.mark.parametrize("place", ["s3://elsewhere/x.parquet", "{data}base/x.parquet", "{data}/../x.parquet"])
def test_nothing_else_is_read_or_written(told: Simulation, data: str, place: str) -> None:
    url = place.replace("{data}", data)
    with pytest.raises(InvalidInput, match="may not be written"):
        run("sql.extract_data", {"sql": ROWS, "output_path": url})
    with pytest.raises(InvalidInput, match="may not be read"):
        run("sklearn.process_features", {"data": url, "target": "label"})


def test_what_is_not_there_is_named(told: Simulation, data: str) -> None:
    with pytest.raises(InvalidInput, match=r"nothing\.parquet is not there"):
        run("sklearn.process_features", {"data": f"{data}/nothing.parquet", "target": "label"})
