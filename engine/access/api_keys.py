"""API keys: made once, shown once, kept as a digest."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from definitions.errors import LongpoleError, NotFound, ServiceUnavailable, Unauthenticated
from engine.access.identity import SCOPES, Identity
from engine.access.tokens import checked_subject
from store import api_keys
from store.access_tables import ApiKey
from store.database import Database

PREFIX = "lp_"
_KEY = re.compile(r"lp_[A-Za-z0-9_-]{43}", re.ASCII)
_HINT = len(PREFIX) + 4
_NOTED_EVERY = timedelta(minutes=1)
"""How exactly the last use is known: not each request is worth a write."""
_log = structlog.get_logger()


@dataclass(frozen=True)
class KeyView:
    """What is known of a key, but for the key. `state`: `active`, `expired` or `revoked`."""

    key_id: str
    subject: str
    label: str
    hint: str
    state: str
    scopes: tuple[str, ...]
    roles: tuple[str, ...]
    teams: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class ApiKeys:
    """The API keys of a database. Blocking database work runs in threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self,
        subject: str,
        *,
        label: str = "",
        scopes: Collection[str] = (),
        roles: Collection[str] = (),
        teams: Collection[str] = (),
        lasts: timedelta | None = None,
    ) -> tuple[str, KeyView]:
        """A new key, which nobody can tell again, and what is known of it. `lasts` None: until it is revoked.

        Raises `LongpoleError` (`subject_invalid`, `scope_invalid`, `ttl_invalid`).
        """
        if unknown := sorted(set(scopes) - set(SCOPES)):
            raise LongpoleError(
                f"{unknown[0]!r} is no scope", code="scope_invalid", remedy=f"scopes are {', '.join(SCOPES)}"
            )
        if lasts is not None and lasts < timedelta(seconds=1):
            raise LongpoleError("the key would have expired at once", code="ttl_invalid", remedy="say --ttl 30d")
        key = PREFIX + secrets.token_urlsafe(32)
        now = datetime.now(UTC)
        row = ApiKey(
            owner=checked_subject(subject),
            label=label,
            digest=_digest(key),
            hint=key[:_HINT],
            scopes=sorted(scopes),
            roles=sorted(roles),
            teams=sorted(teams),
            created_at=now,
            expires_at=None if lasts is None else now + lasts,
        )

        def write() -> KeyView:
            with self._database.write() as session:
                return _view(api_keys.add_key(session, row))

        return key, await asyncio.to_thread(write)

    async def list(self, *, owner: str | None = None) -> list[KeyView]:
        """Oldest first; `owner` None: everybody's."""

        def read() -> list[KeyView]:
            with self._database.read() as session:
                return [_view(row) for row in api_keys.list_keys(session, owner=owner)]

        return await asyncio.to_thread(read)

    async def revoke(self, key_id: str, *, owner: str | None = None) -> KeyView:
        """From now on nobody gets in with it. Raises `NotFound` (`api_key_not_found`)."""
        try:
            uuid = UUID(hex=key_id.removeprefix("key_"))
        except ValueError:
            raise NotFound(
                f"{key_id[:80]!r} is not the id of an API key",
                code="api_key_not_found",
                remedy="`longpole apikey list` shows them",
            ) from None

        def write() -> KeyView:
            with self._database.write() as session:
                return _view(api_keys.revoke_key(session, uuid, datetime.now(UTC), owner=owner))

        return await asyncio.to_thread(write)

    async def identity(self, key: str) -> Identity:
        """Whose key it is. Raises `Unauthenticated` and `StoreUnavailable`."""
        row = await asyncio.to_thread(self._find, key) if _KEY.fullmatch(key) else None
        if row is None:
            raise _refused("the API key is not known here")
        now = datetime.now(UTC)
        if row.revoked_at is not None:
            raise _refused("the API key has been revoked")
        if row.expires_at is not None and row.expires_at <= now:
            raise _refused("the API key has expired")
        if row.last_used_at is None or now - row.last_used_at > _NOTED_EVERY:
            await asyncio.to_thread(self._note_use, row.id, now)
        return Identity(row.owner, frozenset(row.roles), frozenset(row.teams), frozenset(row.scopes), via="api_key")

    def _find(self, key: str) -> ApiKey | None:
        with self._database.read() as session:
            return api_keys.find_key(session, _digest(key))

    def _note_use(self, key_id: UUID, at: datetime) -> None:
        try:
            with self._database.write() as session:
                api_keys.note_use(session, key_id, at)
        except ServiceUnavailable as error:  # the request does not depend on it, and the next one tries again
            _log.warning("the last use of an API key could not be noted", error=str(error))


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _view(row: ApiKey) -> KeyView:
    expired = row.expires_at is not None and row.expires_at <= datetime.now(UTC)
    return KeyView(
        key_id=f"key_{row.id.hex}",
        subject=row.owner,
        label=row.label,
        hint=row.hint,
        state="revoked" if row.revoked_at is not None else "expired" if expired else "active",
        scopes=tuple(row.scopes),
        roles=tuple(row.roles),
        teams=tuple(row.teams),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )


def _refused(message: str) -> Unauthenticated:
    return Unauthenticated(message, code="bad_api_key")
