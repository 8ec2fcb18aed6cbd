"""The public keys of an identity provider (JWKS), from a file or a URL.

PyJWT's own client blocks the event loop, and after its cache has expired an endpoint that is down stops everybody; here
the last good keys stay in use while the endpoint fails, for a bounded time.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import structlog
from jwt import PyJWK, PyJWKSet, PyJWTError

from definitions.errors import ServiceUnavailable, Unauthenticated

ALGORITHM = "RS256"
_FETCH_SECONDS = 5.0
_MAX_BYTES = 512 * 1024
_PAUSE_SECONDS = 10.0
"""Between two fetches that an unknown key id or a failure asks for: neither may be a way to flood the provider."""
_STALE_SECONDS = 3600.0
"""How long keys outlive their time while the provider can't be asked."""
_log = structlog.get_logger()


class KeySet:
    """Keys by their id. `place`: a file, or an http(s) URL that is asked again every `seconds`."""

    def __init__(self, place: str, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._place = place
        self._seconds = seconds
        self._clock = clock
        self._remote = "://" in place
        self._keys: dict[str | None, PyJWK] = {}
        self._version: object = None
        self._fetched_at = -float("inf")
        self._tried_at = -float("inf")
        self._lock = asyncio.Lock()

    async def key(self, key_id: str | None) -> PyJWK:
        """The key of that id; without one, the only key there is.

        Raises `Unauthenticated` when there is none, and `ServiceUnavailable` when nobody can tell.
        """
        await self._refresh(self._seconds)
        if key_id is not None and key_id not in self._keys:
            await self._refresh(_PAUSE_SECONDS)
        if key_id is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        try:
            return self._keys[key_id]
        except KeyError:
            raise Unauthenticated("the token is signed with a key that is not known here", code="bad_token") from None

    async def _refresh(self, older_than: float) -> None:
        """Read the keys again when they are older than that (of a file: when it has changed)."""
        if self._remote and self._clock() - self._fetched_at < older_than:
            return
        async with self._lock:
            now = self._clock()
            if self._remote and (now - self._fetched_at < older_than or now - self._tried_at < _PAUSE_SECONDS):
                self._require_fresh(now)
                return
            self._tried_at = now
            try:
                await self._fetch() if self._remote else await asyncio.to_thread(self._read)
                self._fetched_at = now
            except (httpx.HTTPError, OSError, ValueError, PyJWTError) as error:
                _log.warning("the keys of tokens can't be read", place=self._place, error=str(error) or repr(error))
                self._require_fresh(now)

    def _require_fresh(self, now: float) -> None:
        if now - self._fetched_at > self._seconds + _STALE_SECONDS:
            raise ServiceUnavailable(
                "the keys of the identity provider can't be read now", code="keys_unavailable", remedy="try again"
            )

    async def _fetch(self) -> None:
        async with (
            httpx.AsyncClient(timeout=_FETCH_SECONDS, trust_env=False, follow_redirects=False) as client,
            asyncio.timeout(_FETCH_SECONDS),
            client.stream("GET", self._place) as answer,
        ):
            answer.raise_for_status()
            content = b""
            async for part in answer.aiter_bytes():
                content += part
                if len(content) > _MAX_BYTES:
                    raise ValueError(f"more than {_MAX_BYTES} bytes")
        self._keys = _signing_keys(json.loads(content))

    def _read(self) -> None:
        path = Path(self._place)
        status = path.stat()
        version = (status.st_ino, status.st_mtime_ns, status.st_size)
        if version != self._version:
            self._keys, self._version = _signing_keys(json.loads(path.read_bytes())), version


def _signing_keys(document: Any) -> dict[str | None, PyJWK]:
    if not isinstance(document, dict):
        raise ValueError("no JWKS: not a JSON object")  # noqa: TRY004 - one kind of error for whatever is wrong
    keys = [
        key
        for key in PyJWKSet.from_dict(document).keys
        if key.key_type == "RSA" and key.public_key_use in (None, "sig") and key.algorithm_name == ALGORITHM
    ]
    if not keys:
        raise ValueError(f"it has no key for {ALGORITHM}")
    return {key.key_id: key for key in keys}
