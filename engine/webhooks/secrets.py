"""The secrets that messages are signed with."""

from __future__ import annotations

import base64
import binascii
import secrets

from definitions.errors import LongpoleError

PREFIX = "whsec_"
_BYTES = 32
_SHORTEST, _LONGEST = 24, 64
"""Bytes of a secret, by the Standard Webhooks specification."""


def new_secret() -> str:
    """`whsec_` and 32 random bytes in base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def checked_secret(secret: str) -> str:
    """A secret of the user's own as it is. Raises `LongpoleError` (`secret_invalid`), which does not repeat it."""
    try:
        size = len(base64.b64decode(secret.removeprefix(PREFIX), validate=True))
    except binascii.Error:
        size = 0
    if not secret.startswith(PREFIX) or not _SHORTEST <= size <= _LONGEST:
        raise LongpoleError(
            f"`secret` is not {PREFIX} and {_SHORTEST} to {_LONGEST} bytes in base64",
            code="secret_invalid",
            remedy="leave it out, and one is made",
        )
    return secret
