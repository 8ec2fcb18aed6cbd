"""The content digest of a JSON value: the same for the same content, whatever the order of its keys."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> bytes:
    """JSON with sorted keys, no white space and ASCII only.

    Raises `TypeError` for what is not JSON and `ValueError` for NaN and infinities.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def digest(value: Any) -> str:
    """`sha256:` and 64 hexadecimal digits over `canonical_json(value)`."""
    return digest_bytes(canonical_json(value))


def digest_bytes(content: bytes) -> str:
    """`sha256:` and 64 hexadecimal digits over bytes that are stored as they are."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
