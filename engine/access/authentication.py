"""From an `Authorization` header to who asks."""

from __future__ import annotations

from collections.abc import Callable

from definitions.errors import Unauthenticated
from engine.access.api_keys import PREFIX, ApiKeys
from engine.access.identity import Identity
from engine.access.tokens import Tokens

_REMEDY = "send `Authorization: Bearer` and a token or an API key"


class Authenticator:
    """Knows callers by token or API key. `keys` gives the API keys, and raises `ServiceUnavailable` without a database;
    tokens need none."""

    def __init__(self, tokens: Tokens, keys: Callable[[], ApiKeys]) -> None:
        self._tokens = tokens
        self._keys = keys

    async def identity(self, authorization: str | None) -> Identity:
        """Who asks. Raises `Unauthenticated` and `ServiceUnavailable`."""
        if authorization is None:
            raise Unauthenticated("this needs authentication", code="no_credentials", remedy=_REMEDY)
        scheme, _, credentials = authorization.strip().partition(" ")
        credentials = credentials.strip()
        if scheme.lower() != "bearer" or not credentials:
            raise Unauthenticated("the Authorization header is not a bearer's", code="no_credentials", remedy=_REMEDY)
        if credentials.startswith(PREFIX):
            return await self._keys().identity(credentials)
        return await self._tokens.identity(credentials)
