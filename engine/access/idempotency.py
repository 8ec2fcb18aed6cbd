"""Idempotency keys (draft-ietf-httpapi-idempotency-key-header): the same request twice has one effect and one answer.

A key is held while its request is answered, and the holder says again and again that it lives. One that died has left
a key that the next request takes over, with the seed of the first: ids of new objects are made of it, so that what the
dead one may have stored already is found instead of made twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4, uuid5

import structlog

from definitions.errors import IdempotencyKeyInUse, IdempotencyKeyReused, LongpoleError, ServiceUnavailable
from store import idempotency
from store.access_tables import IdempotencyRecord
from store.database import Database
from store.idempotency import KeyName

MAX_KEY = 255
"""Characters of a key."""
HOLD = timedelta(seconds=20)
"""After this long without a word of it, a holder is taken for dead."""
_RENEWALS = 4
"""In the time of one hold."""
_log = structlog.get_logger()


@dataclass(frozen=True)
class Answer:
    """An HTTP answer that is given again."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Claim:
    """The right, and the duty, to answer the request of a key."""

    name: KeyName
    holder: UUID
    seed: UUID

    def new_id(self, what: str) -> UUID:
        """The id of an object that the request makes: the same each time it comes. `what` tells several apart."""
        return uuid5(self.seed, what)


class IdempotencyKeys:
    """The keys of a database. Blocking database work runs in threads."""

    def __init__(self, database: Database, keep: timedelta, *, hold: timedelta = HOLD) -> None:
        self._database = database
        self._keep = keep
        self._hold = hold

    async def claim(self, subject: str, route: str, key: str, request: bytes) -> Claim | Answer:
        """The answer that the key has, or the right to give it. `request`: what must be the same each time.

        Raises `IdempotencyKeyInUse`, `IdempotencyKeyReused`, `StoreUnavailable`, and `LongpoleError`
        (`idempotency_key_invalid`).
        """
        if not 0 < len(key) <= MAX_KEY or not key.isascii() or not key.isprintable():
            raise LongpoleError(
                "the Idempotency-Key can't be used",
                code="idempotency_key_invalid",
                remedy=f"1 to {MAX_KEY} printable ASCII characters, such as a UUID",
            )
        name, fingerprint, holder = KeyName(subject, route, key), hashlib.sha256(request).hexdigest(), uuid4()

        def write() -> IdempotencyRecord:
            with self._database.write() as session:
                return idempotency.claim_key(
                    session,
                    name,
                    fingerprint=fingerprint,
                    seed=uuid4(),
                    holder=holder,
                    at=datetime.now(UTC),
                    hold=self._hold,
                    keep=self._keep,
                )

        record = await asyncio.to_thread(write)
        if record.fingerprint != fingerprint:
            raise IdempotencyKeyReused(
                "this Idempotency-Key came with another request before", remedy="use a new key for a new request"
            )
        if record.status is not None:
            return Answer(record.status, record.headers or {}, record.body or b"")
        if record.holder != holder:
            raise IdempotencyKeyInUse(
                "the request with this Idempotency-Key is still being answered", remedy="try again in a moment"
            )
        return Claim(name, holder, record.seed)

    @asynccontextmanager
    async def holding(self, claim: Claim) -> AsyncIterator[None]:
        """Tell that the holder is alive, as long as the block lasts."""
        task = asyncio.create_task(self._renew(claim))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _renew(self, claim: Claim) -> None:
        held = True
        while held:
            await asyncio.sleep(self._hold.total_seconds() / _RENEWALS)
            try:
                held = await asyncio.to_thread(self._hold_until, claim, self._hold)
            except ServiceUnavailable as error:
                _log.warning("an idempotency key could not be held; trying again", error=str(error))

    def _hold_until(self, claim: Claim, hold: timedelta) -> bool:
        with self._database.write() as session:
            return idempotency.hold_key(session, claim.name, claim.holder, datetime.now(UTC) + hold)

    async def answer(self, claim: Claim, answer: Answer) -> None:
        """What the key answers from now on. Where that can't be stored, the key is as its holder's death leaves it."""

        def write() -> None:
            with self._database.write() as session:
                idempotency.answer_key(
                    session,
                    claim.name,
                    claim.holder,
                    status=answer.status,
                    headers=answer.headers,
                    body=answer.body,
                )

        await self._try("was answered, which could not be stored with its idempotency key", write)

    async def free(self, claim: Claim) -> None:
        """The request was refused and did nothing: the key is free for any other."""

        def write() -> None:
            with self._database.write() as session:
                idempotency.free_key(session, claim.name, claim.holder)

        await self._try("was refused, and its idempotency key could not be freed", write)

    async def leave(self, claim: Claim) -> None:
        """The request failed, and may have done something: only the same request can take the key over, at once."""
        await self._try(
            "failed, and its idempotency key could not be left", lambda: self._hold_until(claim, timedelta(0))
        )

    async def _try(self, what: str, write: Callable[[], object]) -> None:
        """The request has its answer already: a database that is away now must not take that from the caller."""
        try:
            await asyncio.to_thread(write)
        except ServiceUnavailable as error:
            _log.warning(f"a request {what}", error=str(error))
