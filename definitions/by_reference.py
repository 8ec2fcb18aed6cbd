"""What is too large to travel in a run's input and is kept in blob storage: `{"blob": digest}` stands for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LARGEST_INLINE = 256 * 1024
"""Bytes of a definition as canonical JSON that a run may carry with it, into each of its histories."""


def reference(digest: str) -> dict[str, Any]:
    """What stands for the JSON value whose blob has this digest."""
    return {"blob": digest}


def digest_of(value: object) -> str | None:
    """The digest that a value refers to; None: it stands for itself. No definition and no checkpoint looks like it."""
    if isinstance(value, Mapping) and len(value) == 1:
        digest = value.get("blob")
        return digest if isinstance(digest, str) else None
    return None
