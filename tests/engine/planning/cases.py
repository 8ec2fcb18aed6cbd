"""Small planning requests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from engine.planning.case import Case, open_case
from engine.planning.request import Request

START = datetime(2025, 7, 2, 18, 0, tzinfo=ZoneInfo("Europe/Berlin"))
"""A Wednesday evening."""


def step(step_id: str, hours: float | None = 1.0, **fields: Any) -> dict[str, Any]:
    """A step that takes some hours."""
    estimate = {} if hours is None else {"estimated_duration": hours * 3600}
    return {"id": step_id, "handler": "sleep", **estimate, **fields}


def workflow(*steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"name": "work", "steps": list(steps), **fields}


def case(*workflows: dict[str, Any], pools: Mapping[str, Any] | None = None, **fields: Any) -> Case:
    """The case of some workflows; `pools` is what a pools file has under `pools`."""
    document = None if pools is None else {"time_zone": "Europe/Berlin", "pools": pools}
    return open_case(Request(workflows, START, document, **fields))
