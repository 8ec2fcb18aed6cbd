"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_DEEPEST = 200


def now() -> datetime:
    """The store's clock: aware, UTC."""
    return datetime.now(UTC)


def storable_text(text: str) -> str:
    """The text with U+FFFD for what PostgreSQL (NUL) or UTF-8 (lone surrogates) can't hold."""
    return _UNSTORABLE.sub("\ufffd", text)


def to_json(value: Any) -> str:
    """Compact JSON. What JSON can't say (NaN, sets, objects) becomes its text, so that no record is lost for it."""
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    except (ValueError, TypeError):
        return json.dumps(_as_json(value, 0), separators=(",", ":"), allow_nan=False)


def _as_json(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if depth < _DEEPEST:
        if isinstance(value, Mapping):
            return {str(key): _as_json(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [_as_json(item, depth + 1) for item in value]
    return str(value)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, read back in UTC. A naive one raises `ValueError`: nobody knows which moment it means."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no time zone; use an aware datetime, such as datetime.now(UTC)")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        # SQLite keeps no time zone; what was written is UTC.
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class StorableText(TypeDecorator[str]):
    """Text of any length; what can't be stored is replaced (`storable_text`)."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else storable_text(value)


class Json(TypeDecorator[Any]):
    """A JSON document kept to the letter; `None` is NULL.

    On PostgreSQL it is `json`, not `jsonb`: users' data must read back as it was, and `jsonb` reorders keys, turns
    1e16 into an integer and refuses `\\u0000`. What is searched is in columns of its own.
    """

    impl = JSON(none_as_null=True)
    cache_ok = True


class Tags(TypeDecorator[list[str]]):
    """A list of strings that can be searched: `jsonb` on PostgreSQL, JSON text on SQLite."""

    impl = JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(JSONB() if dialect.name == "postgresql" else JSON())

    def process_bind_param(self, value: list[str] | None, dialect: Dialect) -> list[str] | None:
        return None if value is None else [storable_text(tag) for tag in value]
