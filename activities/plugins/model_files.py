"""Models and data sets of the plugins `sklearn` and `mlflow` in files. Needs pandas, pyarrow and skops.

Models are kept by skops, which loads no code: a pickle that somebody put into a run's folder could run anything.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from activities.data_places import source_files
from activities.errors import InvalidInput
from activities.plugins.plugin import Needs

if TYPE_CHECKING:
    import pandas as pd

EXTRA = "longpole[sklearn]"
MODELS = Needs({"sklearn": EXTRA, "pandas": EXTRA, "pyarrow": EXTRA, "skops": EXTRA})
MODEL_SUFFIX = ".skops"
TRUSTED = (
    "numpy.dtype",
    "sklearn.tree._tree.Tree",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
)
"""Beyond what skops trusts itself: plain data. A forged tree could crash the process, and do nothing else."""


def read_table(source: str) -> pd.DataFrame:
    """A Parquet or CSV file, or a folder of either, as one table. Raises `InvalidInput`, `TemporaryFailure`."""
    import pandas as pd

    frames = []
    for file in source_files(source):
        if file.suffix not in (".parquet", ".csv"):
            raise InvalidInput(f"{file.name} is neither Parquet nor CSV")
        try:
            frames.append(_parquet(file) if file.suffix == ".parquet" else pd.read_csv(file))
        except (ValueError, OSError) as error:
            raise InvalidInput(f"{file.name} can't be read: {str(error)[:500]}") from None
    if not frames:
        raise InvalidInput(f"{source} has no files")
    return pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]


def _parquet(file: Path) -> pd.DataFrame:
    """Decimals become floating-point numbers: sums of whole numbers are decimals in most databases."""
    import pyarrow as pa
    from pyarrow import parquet

    table = parquet.read_table(file)
    fields = [field.with_type(pa.float64()) if pa.types.is_decimal(field.type) else field for field in table.schema]
    return table.cast(pa.schema(fields)).to_pandas()


def column(table: pd.DataFrame, name: str) -> pd.Series[Any]:
    """One column. Raises `InvalidInput` when it is not there."""
    if name not in table.columns:
        raise InvalidInput(f"there is no column `{name}`; there are {', '.join(map(str, table.columns[:50]))}")
    return table[name]


def save_model(model: Any, path: Path) -> Path:
    """Writes an estimator of scikit-learn."""
    import skops.io

    skops.io.dump(model, path)
    return path


def load_model(source: str) -> Any:
    """An estimator that `save_model` wrote. Raises `InvalidInput`, also for a file that holds more than data."""
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    [path, *_] = source_files(source)
    try:
        return skops.io.load(path, trusted=list(TRUSTED))
    except UntrustedTypesFoundException as error:
        raise InvalidInput(f"{path.name} holds what may not be loaded: {str(error)[:300]}") from None
    except Exception as error:  # noqa: BLE001 - a file of a stranger fails in any way
        raise InvalidInput(f"{path.name} is no model: {type(error).__name__}: {str(error)[:300]}") from None
