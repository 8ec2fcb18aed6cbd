"""A run as the commands print it with `--json`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.views import Event, Execution, InnerSteps


def run_as_json(
    run: Execution,
    *,
    with_steps: bool = True,
    inner: InnerSteps | None = None,
    refused: Sequence[Event] | None = None,
    ui_url: str | None = None,
) -> dict[str, Any]:
    """All that is known of a run; times in ISO 8601, durations in seconds. `inner`: the steps inside of others;
    `refused`: the events that tell of refused signals."""
    told: dict[str, Any] = as_json_value(run)
    if not with_steps:
        for name in ("steps", "input", "output"):
            del told[name]
        return told
    if inner is not None:
        told["inner_steps"] = as_json_value(inner.steps)
    if refused is not None:
        told["refused"] = as_json_value(refused)
    told["artifacts"] = [
        {"step_id": step["step_id"], **artifact}
        for step in (*told["steps"], *told.get("inner_steps", ()))
        for artifact in step["artifacts"]
    ]
    return {**told, "temporal_ui_url": ui_url}


def as_json_value(value: Any) -> Any:
    """Records and times inside a value as JSON has them."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, dict):
        return {key: as_json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json_value(item) for item in value]
    return value.isoformat() if isinstance(value, datetime) else value
