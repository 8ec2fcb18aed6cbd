"""The documented requests and answers of the Scheduling API, as its document has them."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

SPEC = Path(__file__).parents[4] / "shared" / "spec" / "000_cb043fa67b6bef7c.txt"
_BLOCK = ".. code-block:: json"
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def blocks() -> list[dict[str, Any]]:
    """The JSON blocks, in order."""
    if not SPEC.is_file():
        pytest.skip(f"the document is not there: {SPEC.name} in the folder shared/spec beside the repository")
    decoder = json.JSONDecoder()
    return [decoder.raw_decode(part.lstrip())[0] for part in SPEC.read_text().split(_BLOCK)[1:]]


def moved(value: Any, by: timedelta) -> Any:
    """The same with every date that much later."""
    if isinstance(value, dict):
        return {key: moved(item, by) for key, item in value.items()}
    if isinstance(value, list):
        return [moved(item, by) for item in value]
    if isinstance(value, str) and _DATE.fullmatch(value):
        return f"{datetime.fromisoformat(value) + by:%Y-%m-%dT%H:%M:%SZ}"
    return value


def same_shape(answer: Any, documented: Any, *, nullable: tuple[str, ...] = (), path: str = "") -> None:
    """Fails unless both have the same keys and types all the way down; of lists every item is as the first one
    documented, and of free mappings (named in the document by what they hold) the values are."""
    if isinstance(documented, dict):
        assert isinstance(answer, dict), path
        if path.endswith(("resource_utilization", "resource_allocation")):
            assert answer
            assert all(isinstance(value, float) for value in answer.values()), path
            return
        assert set(answer) == set(documented), path
        for key, value in documented.items():
            if answer[key] is None and key in nullable:
                continue
            same_shape(answer[key], value, nullable=nullable, path=f"{path}.{key}")
    elif isinstance(documented, list):
        assert isinstance(answer, list), path
        for number, item in enumerate(answer):
            same_shape(item, documented[0], nullable=nullable, path=f"{path}[{number}]")
    elif isinstance(documented, str) and _DATE.fullmatch(documented):
        assert _DATE.fullmatch(answer), f"{path}: {answer}"
    elif documented is not None:
        assert type(answer) is type(documented), f"{path}: {answer!r} is not as {documented!r}"
