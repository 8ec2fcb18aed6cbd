"""A warehouse on a small scale: what the customers of CDNOW bought, in a DuckDB file.

CDNOW sold records online. The data set has each purchase, until June 1998, of the 23,570 customers who bought there for
the first time between January and March 1997 (P. Fader and B. Hardie; shipped by the package `lifetimes`).
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from longpole import PermanentFailure, step

FILE = "CDNOW_master.txt"
DEFAULTS = {"cutoff": "1998-01-01", "trees": 100, "least_auc": 0.75}


def load(given: Any) -> dict[str, Any]:
    """Makes `warehouse.duckdb` with the table `purchases (customer_id, day, records, dollars)`, and completes the run's
    input.

    Returns `{"path", "purchases", "customers", "first_day", "last_day", "settings"}`. Raises `PermanentFailure` without
    the data."""
    lines = pd.read_csv(
        _source(), sep=r"\s+", names=["customer_id", "day", "records", "dollars"], header=0, dtype={"day": str}
    )
    lines["day"] = pd.to_datetime(lines["day"], format="%Y%m%d").dt.date
    path = step.workdir / "warehouse.duckdb"
    path.unlink(missing_ok=True)  # that of an attempt that was lost
    with duckdb.connect(str(path)) as connection:
        connection.register("lines", lines)
        connection.execute("CREATE TABLE purchases AS SELECT * REPLACE (day::DATE AS day) FROM lines")
        [(purchases, customers, first, last)] = connection.execute(
            "SELECT count(*), count(DISTINCT customer_id), min(day), max(day) FROM purchases"
        ).fetchall()
    step.log.info(f"{purchases:,} purchases of {customers:,} customers", first_day=str(first), last_day=str(last))
    return {
        "path": str(path),
        "purchases": purchases,
        "customers": customers,
        "first_day": str(first),
        "last_day": str(last),
        "settings": {**DEFAULTS, **given},
    }


def _source() -> Path:
    # Found, not imported: the package itself is not needed.
    package = find_spec("lifetimes")
    if package is None or package.origin is None:
        raise PermanentFailure("the data set is missing: pip install 'longpole[example]'", error_class="not_found")
    return Path(package.origin).parent / "datasets" / FILE
