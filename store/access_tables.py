"""The tables of access: API keys, idempotency keys, quotas. Their names have a prefix: the database may be an
application's, which is likely to have API keys of its own."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import Index, LargeBinary, UniqueConstraint
from sqlmodel import Field

from store.columns import Json, StorableText, UtcDateTime, now
from store.tables import Row


class ApiKey(Row, table=True):
    """An API key: what it may do, and the digest by which it is known. The key itself is nowhere."""

    __tablename__ = "longpole_api_keys"
    __table_args__ = (UniqueConstraint("digest"), Index(None, "owner", "created_at"))

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    owner: str = Field(sa_type=StorableText)
    label: str = Field(default="", sa_type=StorableText)
    digest: str = Field(sa_type=StorableText)
    """SHA-256 of the key, in hexadecimal digits: it has 256 random bits, so nothing slower is needed."""
    hint: str = Field(sa_type=StorableText)
    """The beginning of the key, to tell keys apart."""
    scopes: list[str] = Field(default_factory=list, sa_type=Json)
    roles: list[str] = Field(default_factory=list, sa_type=Json)
    teams: list[str] = Field(default_factory=list, sa_type=Json)
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class IdempotencyRecord(Row, table=True):
    """What became of the first request with a key. `status` None: it is being answered, or was left unanswered."""

    __tablename__ = "longpole_idempotency_keys"
    __table_args__ = (Index(None, "expires_at"),)

    owner: str = Field(sa_type=StorableText, primary_key=True)
    route: str = Field(sa_type=StorableText, primary_key=True)
    """Surface, method and path."""
    key: str = Field(sa_type=StorableText, primary_key=True)
    fingerprint: str = Field(sa_type=StorableText)
    """A digest of the request's query and body."""
    seed: UUID
    """What ids of new objects are made of, so that asking again after a crash makes the same ones."""
    holder: UUID
    held_until: datetime = Field(sa_type=UtcDateTime)
    """Until then the holder is taken to be alive; it moves this on as long as it is."""
    status: int | None = None
    headers: dict[str, str] | None = Field(default=None, sa_type=Json, nullable=True)
    body: bytes | None = Field(default=None, sa_type=LargeBinary)
    expires_at: datetime = Field(sa_type=UtcDateTime)


class QuotaUse(Row, table=True):
    """How much of a quota somebody has used since `began_at`."""

    __tablename__ = "longpole_quota_uses"

    owner: str = Field(sa_type=StorableText, primary_key=True)
    kind: str = Field(sa_type=StorableText, primary_key=True)
    began_at: datetime = Field(sa_type=UtcDateTime)
    used: int


API_KEYS = Row.metadata.tables["longpole_api_keys"]
IDEMPOTENCY_KEYS = Row.metadata.tables["longpole_idempotency_keys"]
QUOTA_USES = Row.metadata.tables["longpole_quota_uses"]
