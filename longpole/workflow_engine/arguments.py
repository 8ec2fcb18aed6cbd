"""Arguments of the engine's methods: checked before anything is done, with an error that names the argument."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from definitions.errors import LongpoleError

MOST_ITEMS = 1000
MOST_GRACE_SECONDS = 24 * 3600


class ArgumentInvalid(LongpoleError, ValueError):
    """An argument that can't be used; the message names it."""

    default_code = "invalid_argument"


def priority(value: Any, name: str = "priority") -> int | None:
    """0 to 100; None: not given."""
    if value is not None and (not _is_whole(value) or not 0 <= value <= 100):
        raise ArgumentInvalid(f"{name} is {value!r:.80}", remedy="give a whole number from 0 to 100")
    return value if value is None else int(value)


def version_number(value: Any) -> int | None:
    """1 and up; None: not given."""
    if value is not None and (not _is_whole(value) or value < 1):
        raise ArgumentInvalid(f"version is {value!r:.80}", remedy="give a whole number from 1 on")
    return value if value is None else int(value)


def template_name(value: Any, name: str = "template_name") -> str | None:
    """A string; None: not given."""
    if value is not None and not isinstance(value, str):
        raise ArgumentInvalid(f"{name} is {value!r:.80}", remedy="give the name of a template")
    return value


def moment(value: Any, name: str) -> datetime | None:
    """An aware datetime; a naive one is local time, as `datetime.now()` gives it."""
    if value is not None and not isinstance(value, datetime):
        raise ArgumentInvalid(f"{name} is {value!r:.80}", remedy="give a datetime")
    return value.astimezone() if value is not None else None


def cancellation(reason: Any, grace_seconds: Any) -> tuple[str, float]:
    """Why, and how long running steps get to end by themselves."""
    if not isinstance(reason, str):
        raise ArgumentInvalid(f"reason is {reason!r:.80}", remedy="give a string")
    number = isinstance(grace_seconds, int | float) and not isinstance(grace_seconds, bool)
    if not number or not 0 <= grace_seconds <= MOST_GRACE_SECONDS:
        raise ArgumentInvalid(
            f"grace_seconds is {grace_seconds!r:.80}", remedy=f"give seconds from 0 to {MOST_GRACE_SECONDS}"
        )
    return reason, float(grace_seconds)


def tag_list(value: Any) -> tuple[str, ...]:
    """A sequence of strings; a single string is none. None: no tags."""
    if value is None:
        return ()
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise ArgumentInvalid(f"tags is {value!r:.80}", remedy='give a list of strings, such as ["nightly"]')
    tags = tuple(value)
    if not all(isinstance(tag, str) for tag in tags):
        raise ArgumentInvalid(f"tags is {value!r:.80}", remedy="give a list of strings")
    return tags


def page_bounds(limit: Any, offset: Any, page: Any) -> tuple[int, int]:
    """Limit and offset; pages count from 1."""
    if not _is_whole(limit) or not 1 <= limit <= MOST_ITEMS:
        raise ArgumentInvalid(f"limit is {limit!r:.80}", remedy=f"give a whole number from 1 to {MOST_ITEMS}")
    if not _is_whole(offset) or offset < 0:
        raise ArgumentInvalid(f"offset is {offset!r:.80}", remedy="give a whole number from 0 on")
    if page is None:
        return limit, offset
    if not _is_whole(page) or page < 1:
        raise ArgumentInvalid(f"page is {page!r:.80}", remedy="give a whole number from 1 on")
    if offset:
        raise ArgumentInvalid("both page and offset are given", remedy="give one of them")
    return limit, (page - 1) * limit


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
