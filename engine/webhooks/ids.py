"""Ids of webhooks (`wh_...`) and of their messages (`msg_...`)."""

from __future__ import annotations

import re
from uuid import UUID

from definitions.errors import NotFound

_HEX = re.compile("[0-9a-f]{32}", re.ASCII)


def webhook_uuid(webhook_id: str) -> UUID:
    """Raises `NotFound` (`webhook_not_found`)."""
    return _after("wh_", webhook_id, "webhook")


def delivery_uuid(delivery_id: str) -> UUID:
    """Raises `NotFound` (`delivery_not_found`)."""
    return _after("msg_", delivery_id, "delivery")


def _after(prefix: str, text: str, what: str) -> UUID:
    rest = text.removeprefix(prefix)
    if text == rest or _HEX.fullmatch(rest) is None:
        raise NotFound(
            f"{text[:80]!r} is not the id of a {what}",
            code=f"{what}_not_found",
            remedy=f"ids look like {prefix}<32 hex digits>",
        )
    return UUID(hex=rest)
