"""How times, statuses and values look in a terminal."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from rich.text import Text

_STYLES = {
    "completed": "green",
    "running": "cyan",
    "failed": "bold red",
    "timed_out": "bold red",
    "cancelled": "yellow",
    "cancelling": "yellow",
    "retrying": "yellow",
    "paused": "magenta",
    "skipped": "dim",
    "pending": "dim",
    "scheduled": "dim",
}
ICONS = {
    "completed": "✓",
    "running": "▶",
    "failed": "✗",
    "timed_out": "✗",
    "cancelled": "■",
    "retrying": "↻",
    "skipped": "–",
    "pending": "·",
}


def status_style(status: str) -> str:
    """The style of a status of a run or a step."""
    return _STYLES.get(status, "")


def status_text(status: str) -> Text:
    """A status as people read it."""
    return Text(status.replace("_", " "), style=status_style(status))


def seconds_text(seconds: float | None) -> str:
    """A duration: `0.4 s`, `12 s`, `3 min 05 s`, `2 h 03 min`."""
    if seconds is None:
        return ""
    if seconds < 9.95:
        return f"{max(seconds, 0.0):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def ago_text(at: datetime | None) -> str:
    """How long ago: `5 s ago`, `3 min ago`, `2 h ago`, and a date when it is more than a day."""
    if at is None:
        return ""
    seconds = (datetime.now(UTC) - at).total_seconds()
    if seconds < 60:
        return f"{max(int(seconds), 0)} s ago"
    if seconds < 3600:
        return f"{int(seconds // 60)} min ago"
    if seconds < 86_400:
        return f"{int(seconds // 3600)} h ago"
    return f"{at.astimezone():%Y-%m-%d %H:%M}"


def clock_text(at: datetime) -> str:
    """The local time of day."""
    return f"{at.astimezone():%H:%M:%S}"


def reason_text(reason: str) -> str:
    """A reason as people read it: `upstream_failed` is `upstream failed`, a sentence stays as it is."""
    return reason.replace("_", " ") if reason.isidentifier() else reason


def one_line(value: Any, limit: int) -> str:
    """A value as JSON in one line, cut to `limit` characters."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
