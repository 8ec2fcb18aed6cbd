"""What the tests of the residency example share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "residency"


@pytest.fixture
def residency() -> Iterator[Any]:
    """The handlers of the example, with its folder on the import path, as a worker has it."""
    sys.path.append(str(FOLDER))
    yield import_module("residency.handlers")
    sys.path.remove(str(FOLDER))


@pytest.fixture
def make_data(residency: Any) -> Any:
    """The script that writes the example's data."""
    return import_module("make_data")
