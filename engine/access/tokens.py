"""Tokens (JWT, RFC 7519 and 8725): read with nothing taken on trust, and made with the key of this service."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from typing import Any

import jwt

from definitions.errors import LongpoleError, ServiceUnavailable, Unauthenticated
from engine.access.identity import MAX_SUBJECT, SCOPES, Identity
from engine.access.key_sets import ALGORITHM as RSA
from engine.access.key_sets import KeySet
from engine.access.local_key import LocalKey
from engine.settings import Settings
from store.columns import storable_text

HMAC = "HS256"
MAX_TOKEN_BYTES = 16 * 1024
_REQUIRED = ["exp", "iat", "sub", "aud", "iss"]
_TYPE = "JWT"
SCOPE_PREFIX = "longpole:"
_SAID = {
    jwt.ExpiredSignatureError: "the token has expired",
    jwt.ImmatureSignatureError: "the token is not valid yet",
    jwt.InvalidAudienceError: "the token is for somebody else (aud)",
    jwt.InvalidIssuerError: "the token is not from the issuer that is trusted here (iss)",
}


class Tokens:
    """The tokens that this service takes. Raises `LongpoleError` (`signing_key_unusable`) when its own key can't be."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._types = {_type_name(kind) for kind in settings.jwt_types}
        self._secret = settings.jwt_secret.get_secret_value().encode() if settings.jwt_secret else None
        self._key_set = KeySet(settings.jwt_jwks, settings.jwt_jwks_seconds) if settings.jwt_jwks else None
        self._local = None if self._secret or self._key_set else LocalKey(settings.data_dir)
        if self._local is not None:
            self._local.read()
        self._decoder = jwt.PyJWT({"enforce_minimum_key_length": True, "require": _REQUIRED})

    async def identity(self, token: str) -> Identity:
        """Who the token says it is. Raises `Unauthenticated`, or `ServiceUnavailable` without the provider's keys."""
        if len(token) > MAX_TOKEN_BYTES:
            raise _refused(f"the token is longer than {MAX_TOKEN_BYTES} bytes")
        try:
            header = jwt.get_unverified_header(token)
            key = await self._key(header)
            claims: dict[str, Any] = self._decoder.decode(
                token,
                key,
                algorithms=[header["alg"]],
                audience=self._settings.jwt_audience,
                issuer=self._settings.jwt_issuer,
                leeway=self._settings.jwt_leeway_seconds,
            )
        except tuple(_SAID) as error:
            raise _refused(_SAID[type(error)]) from None
        except jwt.MissingRequiredClaimError as error:
            raise _refused(f"the token has no {error.claim}") from None
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError, OverflowError):
            # What the library does not expect of a forger must be no more than a refusal.
            raise _refused("the token is not valid") from None
        return self._identity(claims)

    def issue(self, subject: str, *, seconds: float, roles: Iterable[str] = (), teams: Iterable[str] = ()) -> str:
        """A token of this service's own.

        Raises `LongpoleError` (`subject_invalid`, `ttl_invalid`; `no_signing_key`: an identity provider makes them).
        """
        if self._key_set is not None and self._secret is None:
            raise LongpoleError(
                "tokens come from the identity provider here (jwt_jwks)",
                code="no_signing_key",
                remedy="get one there, or make an API key with `longpole apikey`",
            )
        if seconds < 1:
            raise LongpoleError("the token would have expired at once", code="ttl_invalid", remedy="say --ttl 1h")
        now = int(time.time())
        claims: dict[str, Any] = {
            "sub": checked_subject(subject),
            "iss": self._settings.jwt_issuer,
            "aud": self._settings.jwt_audience,
            "iat": now,
            "exp": now + int(seconds),
            "jti": uuid.uuid4().hex,
        }
        for claim, values in ((self._settings.jwt_roles_claim, roles), (self._settings.jwt_teams_claim, teams)):
            if named := list(values):
                claims[claim] = named
        return jwt.encode(claims, self._hmac_key(), HMAC, headers={"typ": _TYPE})

    async def _key(self, header: dict[str, Any]) -> bytes | jwt.PyJWK:
        """The key of the one algorithm that the header names: each has its own, so that none can stand for another."""
        if "crit" in header or "b64" in header:
            raise _refused("the token has extensions that are not understood (crit)")
        if _type_name(header.get("typ")) not in self._types:
            raise _refused(f"the token's typ is not {' or '.join(self._settings.jwt_types)}")
        algorithm = header.get("alg")
        if algorithm == HMAC and (self._secret or self._local):
            try:
                return self._hmac_key()
            except LongpoleError as error:
                raise ServiceUnavailable(error.message, code=error.code, remedy=error.remedy) from None
        if algorithm == RSA and self._key_set is not None:
            return await self._key_set.key(header.get("kid"))
        raise _refused("the token is signed in a way that is not accepted here (alg)")

    def _hmac_key(self) -> bytes:
        if self._local is not None:
            return self._local.read()
        assert self._secret is not None  # noqa: S101  # otherwise there is a key set, and nothing with HMAC comes here
        return self._secret

    def _identity(self, claims: dict[str, Any]) -> Identity:
        try:
            subject = checked_subject(claims["sub"])
        except LongpoleError as error:
            raise _refused(error.message) from None
        scopes = _names(claims.get(self._settings.jwt_scopes_claim))
        return Identity(
            subject,
            roles=_names(claims.get(self._settings.jwt_roles_claim)),
            teams=_names(claims.get(self._settings.jwt_teams_claim)),
            scopes=frozenset(scope for scope in SCOPES if SCOPE_PREFIX + scope in scopes),
        )


def checked_subject(subject: str) -> str:
    """The subject as it is. Raises `LongpoleError` (`subject_invalid`)."""
    if 0 < len(subject) <= MAX_SUBJECT and subject.isprintable() and storable_text(subject) == subject:
        return subject
    raise LongpoleError(
        "the subject (sub) is not a name", code="subject_invalid", remedy=f"printable, at most {MAX_SUBJECT} characters"
    )


def _names(value: Any) -> frozenset[str]:
    """A claim that is a list, or text with spaces between (as `scope` is); whatever else is no name."""
    parts = value.split() if isinstance(value, str) else value if isinstance(value, list) else []
    return frozenset(part for part in parts if isinstance(part, str))


def _type_name(kind: Any) -> str:
    return kind.lower().removeprefix("application/") if isinstance(kind, str) else ""


def _refused(message: str) -> Unauthenticated:
    return Unauthenticated(message, code="bad_token")
