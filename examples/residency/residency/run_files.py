"""Files in the run's folder: whole or not there, and named as artifacts of the step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

from longpole import step


def keep(file: str, text: str, *, name: str, media_type: str) -> Path:
    """Write the file, replacing what an earlier attempt left, and name it as an artifact. Returns where it is."""
    path = step.workdir / file
    partial = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    step.artifact(path, name=name, media_type=media_type)
    return path


def keep_json(file: str, value: Any, *, name: str) -> Path:
    """The same for a value."""
    return keep(file, json.dumps(value, indent=2, ensure_ascii=False) + "\n", name=name, media_type="application/json")
