"""The recorded histories as files: JSON with one event a line, without what tells of the machine they come from."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHistory

FOLDER = Path(__file__).parent
_NEUTRAL = "recorder"
_FILE = re.compile(r'(File \\*")/[^"\\]*/')
"""The folder of a file in a traceback."""


def stored(folder: str = ".") -> dict[str, WorkflowHistory]:
    """Every history by its name. A run that was continued as new has several: `name.1`, `name.2`, ..."""
    return {path.stem: _read(path) for path in sorted((FOLDER / folder).glob("*.json"))}


def write(name: str, history: WorkflowHistory) -> None:
    """Store a history."""
    document = neutral(history.to_json_dict())
    events = ",\n".join(json.dumps(event, separators=(",", ":"), sort_keys=True) for event in document["events"])
    path = FOLDER / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'{{"events":[\n{events}\n]}}\n')


def _read(path: Path) -> WorkflowHistory:
    document = json.loads(path.read_text())
    started = document["events"][0]["workflowExecutionStartedEventAttributes"]
    return WorkflowHistory.from_json(started["workflowId"], document)


def neutral(value: Any, key: str = "") -> Any:
    """Without identities, the names of sticky queues (process and host are in both), and folders in tracebacks."""
    if isinstance(value, dict):
        if value.get("kind") == "TASK_QUEUE_KIND_STICKY":
            value = {**value, "name": _NEUTRAL}
        return {name: neutral(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [neutral(item) for item in value]
    if key == "identity":
        return _NEUTRAL
    if key == "data":
        return base64.b64encode(_FILE.sub(r"\1", base64.b64decode(value).decode()).encode()).decode()
    return _FILE.sub(r"\1", value) if isinstance(value, str) else value


def text_of(value: Any, key: str = "") -> str:
    """All that a history says, payloads decoded."""
    if isinstance(value, dict):
        return "\n".join(text_of(item, name) for name, item in value.items())
    if isinstance(value, list):
        return "\n".join(text_of(item) for item in value)
    return base64.b64decode(value).decode() if key == "data" else str(value)
