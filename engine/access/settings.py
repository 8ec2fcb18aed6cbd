"""What an operator can choose about access: whose tokens are taken, and how much of what a user may ask for."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings

from engine.setting_types import CommaList

MIN_SECRET_BYTES = 32
"""RFC 7518, 3.2: a key at least as long as the hash."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def _long_enough(secret: SecretStr | None) -> SecretStr | None:
    if secret is not None and len(secret.get_secret_value().encode()) < MIN_SECRET_BYTES:
        raise ValueError(f"shorter than {MIN_SECRET_BYTES} bytes; `openssl rand -base64 48` makes one")
    return secret


def _file_or_https(place: str | None) -> str | None:
    if place is not None and "://" in place:
        url = urlsplit(place)
        if url.scheme != "https" and not (url.scheme == "http" and url.hostname in _LOOPBACK):
            raise ValueError("a URL of keys must begin with https://")
    return place


class AccessSettings(BaseSettings):
    """Tokens and limits. With neither `jwt_secret` nor `jwt_jwks`, tokens are those of the data directory's own key."""

    jwt_secret: Annotated[SecretStr | None, AfterValidator(_long_enough)] = None
    """The key of HS256 tokens, 32 bytes or more; several services can share it."""
    jwt_jwks: Annotated[str | None, AfterValidator(_file_or_https)] = None
    """A file or https:// URL with the keys (JWKS) of RS256 tokens."""
    jwt_jwks_seconds: float = Field(default=300, ge=1)
    """How long keys from a URL are used before they are fetched again; a file is read again when it changes."""
    jwt_issuer: str = Field(default="longpole", min_length=1)
    jwt_audience: str = Field(default="longpole", min_length=1)
    jwt_types: CommaList = ("JWT", "at+jwt")
    """What a token may say that it is (its header `typ`)."""
    jwt_leeway_seconds: float = Field(default=30, ge=0, le=300)
    """How far the issuer's clock may be from ours."""
    jwt_roles_claim: str = "roles"
    jwt_teams_claim: str = "teams"
    jwt_scopes_claim: str = "scope"
    """Of its values, those that begin with `longpole:` count (`longpole:read`, `longpole:write`)."""
    reads_per_minute: int = Field(default=6000, ge=0)
    """For each user and process; 0: no limit. So for writes."""
    writes_per_minute: int = Field(default=3000, ge=0)
    submissions_per_minute: int = Field(default=3000, ge=0)
    """Requests that store or start something: for each user, over all processes; 0: no limit."""
    idempotency_hours: float = Field(default=24, gt=0)
    """How long an answer is kept for its `Idempotency-Key`."""
