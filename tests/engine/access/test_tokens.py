"""Tokens: what is taken, and what forgers try."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import RSAAlgorithm

from definitions.errors import LongpoleError, ServiceUnavailable, Unauthenticated
from engine.access.identity import Identity
from engine.access.key_sets import KeySet
from engine.access.tokens import Tokens
from engine.settings import Settings, SettingsInvalid, load_settings

SECRET = "a secret of more than thirty-two bytes"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC_PEM = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def claims(**changes: Any) -> dict[str, Any]:
    """Good claims, but for the changes; None leaves one out."""
    now = int(time.time())
    good = {"sub": "ann", "iss": "longpole", "aud": "longpole", "iat": now, "exp": now + 60}
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def signed(key: Any = SECRET, algorithm: str = "HS256", *, header: dict[str, Any] | None = None, **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, algorithm, headers={"typ": "JWT", **(header or {})})


def by_hand(header: Any, payload: Any, sign: Callable[[bytes], bytes] = lambda _: b"") -> str:
    """A token that no library would make."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, payload)]
    text = b".".join(parts)
    return (text + b"." + base64.urlsafe_b64encode(sign(text)).rstrip(b"=")).decode()


def hmac_of(key: bytes) -> Callable[[bytes], bytes]:
    return lambda text: jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(text, key)


def tampered(token: str) -> str:
    header, _, signature = token.split(".")
    payload = base64.urlsafe_b64encode(json.dumps(claims(sub="eve")).encode()).rstrip(b"=").decode()
    return f"{header}.{payload}.{signature}"


HEADER = {"alg": "HS256", "typ": "JWT"}
LONG = 3600
FORGED = {
    "none": lambda: by_hand({"alg": "none", "typ": "JWT"}, claims()),
    "None": lambda: by_hand({"alg": "None", "typ": "JWT"}, claims(), hmac_of(SECRET.encode())),
    "HS512": lambda: signed(SECRET * 2, "HS512"),
    "ES256": lambda: signed(ec.generate_private_key(ec.SECP256R1()), "ES256"),
    "RS256 of a stranger": lambda: signed(OTHER_RSA, "RS256", header={"kid": "one"}),
    "RS256 with its own key in the header": lambda: signed(
        OTHER_RSA, "RS256", header={"jwk": json.loads(RSAAlgorithm.to_jwk(OTHER_RSA.public_key()))}
    ),
    "HS256 with the RSA public key": lambda: by_hand(HEADER, claims(), hmac_of(PUBLIC_PEM)),
    "another secret": lambda: signed("another secret of thirty-two bytes or more"),
    "empty secret": lambda: by_hand(HEADER, claims(), hmac_of(b"")),
    "no signature": lambda: signed().rpartition(".")[0] + ".",
    "tampered": lambda: tampered(signed()),
    "expired": lambda: signed(exp=int(time.time()) - LONG),
    "not yet valid": lambda: signed(nbf=int(time.time()) + LONG),
    "made in the future": lambda: signed(iat=int(time.time()) + LONG),
    "no exp": lambda: signed(exp=None),
    "no iat": lambda: signed(iat=None),
    "no sub": lambda: signed(sub=None),
    "no aud": lambda: signed(aud=None),
    "no iss": lambda: signed(iss=None),
    "wrong aud": lambda: signed(aud="somebody"),
    "wrong iss": lambda: signed(iss="somebody"),
    "empty sub": lambda: signed(sub=""),
    "sub no text": lambda: by_hand(HEADER, claims(sub=7), hmac_of(SECRET.encode())),
    "sub with a line feed": lambda: signed(sub="ann\nroot"),
    "long sub": lambda: signed(sub="a" * 300),
    "exp no number": lambda: by_hand(HEADER, claims(exp="soon"), hmac_of(SECRET.encode())),
    "exp infinite": lambda: by_hand(HEADER, claims(exp=float("inf")), hmac_of(SECRET.encode())),
    "wrong typ": lambda: signed(header={"typ": "id+jwt"}),
    "no typ": lambda: by_hand({"alg": "HS256"}, claims(), hmac_of(SECRET.encode())),
    "typ no text": lambda: by_hand({"alg": "HS256", "typ": ["JWT"]}, claims(), hmac_of(SECRET.encode())),
    "crit": lambda: by_hand({**HEADER, "crit": ["exp"]}, claims(), hmac_of(SECRET.encode())),
    "crit b64": lambda: by_hand({**HEADER, "crit": ["b64"], "b64": True}, claims(), hmac_of(SECRET.encode())),
    "claims no object": lambda: by_hand(HEADER, [1], hmac_of(SECRET.encode())),
    "header no object": lambda: by_hand([1], claims()),
    "alg no text": lambda: by_hand({"alg": {"a": 1}, "typ": "JWT"}, claims()),
    "deep header": lambda: base64.urlsafe_b64encode(b"[" * 9000).decode() + ".e30.",
    "garbage": lambda: "garbage",
    "two dots": lambda: "..",
    "not ASCII": lambda: "ü.ü.ü",
    "too long": lambda: signed(note="x" * 20_000),
}


@pytest.fixture
def shared_secret(settings: Settings) -> Settings:
    return load_settings(data_dir=settings.data_dir, jwt_secret=SECRET)


def key_set(*keys: tuple[str, rsa.RSAPrivateKey]) -> str:
    told = [{**json.loads(RSAAlgorithm.to_jwk(key.public_key())), "kid": name, "use": "sig"} for name, key in keys]
    return json.dumps({"keys": told})


@pytest.fixture
def jwks(tmp_path: Path) -> Path:
    path = tmp_path / "keys.json"
    path.write_text(key_set(("one", RSA)))
    return path


@pytest.fixture
def by_key_set(settings: Settings, jwks: Path) -> Settings:
    return load_settings(data_dir=settings.data_dir, jwt_jwks=str(jwks))


@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
async def test_forged_tokens_are_refused_whatever_keys_there_are(
    shared_secret: Settings, by_key_set: Settings, forge: Callable[[], str]
) -> None:
    both = shared_secret.model_copy(update={"jwt_jwks": by_key_set.jwt_jwks})
    for settings in (shared_secret, by_key_set, both):
        with pytest.raises(Unauthenticated) as refused:
            await Tokens(settings).identity(forge())
        assert SECRET not in str(refused.value)


async def test_a_token_tells_who_asks(shared_secret: Settings, by_key_set: Settings) -> None:
    told = {"roles": ["admin", "viewer", 3], "teams": "red blue", "scope": "openid longpole:read longpole:fly"}
    who = Identity("ann", frozenset({"admin", "viewer"}), frozenset({"red", "blue"}), frozenset({"read"}))
    assert await Tokens(shared_secret).identity(signed(**told)) == who
    tokens = Tokens(by_key_set)
    for header in ({"kid": "one"}, {}, {"typ": "at+JWT"}, {"typ": "application/at+jwt"}):
        assert await tokens.identity(signed(RSA, "RS256", header=header, **told)) == who
    assert await Tokens(shared_secret).identity(signed(aud=["somebody", "longpole"])) == Identity("ann")


async def test_claims_issuer_audience_and_leeway_can_be_set(settings: Settings) -> None:
    changed = load_settings(
        data_dir=settings.data_dir,
        jwt_secret=SECRET,
        jwt_issuer="https://id.example",
        jwt_audience="flows",
        jwt_roles_claim="groups",
        jwt_leeway_seconds=0,
    )
    ours = {"iss": "https://id.example", "aud": "flows"}
    assert (await Tokens(changed).identity(signed(**ours, groups=["admin"]))).is_admin
    with pytest.raises(Unauthenticated, match="expired"):
        await Tokens(changed).identity(signed(**ours, exp=int(time.time()) - 5))
    lenient = changed.model_copy(update={"jwt_leeway_seconds": 60})
    assert await Tokens(lenient).identity(signed(**ours, exp=int(time.time()) - 5)) == Identity("ann")


def test_short_secrets_and_keys_over_plain_http_are_refused(settings: Settings) -> None:
    for wrong in ({"jwt_secret": "x" * 31}, {"jwt_jwks": "http://id.example/keys"}, {"jwt_jwks": "ftp://id.example/"}):
        with pytest.raises(SettingsInvalid) as refused:
            load_settings(data_dir=settings.data_dir, **wrong)
        assert "x" * 31 not in str(refused.value)


async def test_short_rsa_keys_are_refused(settings: Settings, tmp_path: Path) -> None:
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    (tmp_path / "weak.json").write_text(key_set(("weak", weak)))
    tokens = Tokens(load_settings(data_dir=settings.data_dir, jwt_jwks=str(tmp_path / "weak.json")))
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = signed(weak, "RS256", header={"kid": "weak"})
    with pytest.raises(Unauthenticated):
        await tokens.identity(token)


async def test_a_file_of_keys_is_read_again_when_it_changes(by_key_set: Settings, jwks: Path) -> None:
    tokens = Tokens(by_key_set)
    new = signed(OTHER_RSA, "RS256", header={"kid": "two"})
    with pytest.raises(Unauthenticated):
        await tokens.identity(new)
    jwks.write_text(key_set(("one", RSA), ("two", OTHER_RSA)))
    assert await tokens.identity(new) == Identity("ann")
    jwks.write_text("no JSON")
    assert await tokens.identity(new) == Identity("ann")
    jwks.unlink()
    with pytest.raises(ServiceUnavailable):
        await Tokens(by_key_set).identity(new)


class Provider:
    """An identity provider's keys over HTTP on loopback."""

    def __init__(self) -> None:
        provider = self
        self.answer: str | None = key_set(("one", RSA))
        self.asked = 0

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked += 1
                self.send_response(200 if provider.answer else 503)
                self.end_headers()
                self.wfile.write((provider.answer or "").encode())

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/keys"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


async def test_keys_from_a_url_are_kept_fetched_anew_and_outlive_an_outage() -> None:
    provider = Provider()
    clock = 0.0
    keys = KeySet(provider.url, 300, clock=lambda: clock)
    try:
        for _ in range(5):
            assert (await keys.key("one")).key_id == "one"
        assert provider.asked == 1
        provider.answer = key_set(("two", OTHER_RSA))
        for _ in range(5):  # an unknown key asks again, but not at once, and not each time
            with pytest.raises(Unauthenticated):
                await keys.key("two")
        assert provider.asked == 1
        clock = 11.0
        assert (await keys.key("two")).key_id == "two"
        assert provider.asked == 2
        provider.answer, clock = None, 1000.0
        assert (await keys.key("two")).key_id == "two"
        clock = 5000.0
        with pytest.raises(ServiceUnavailable):
            await keys.key("two")
    finally:
        provider.close()


async def test_tokens_are_checked_with_keys_from_a_url(settings: Settings) -> None:
    provider = Provider()
    try:
        tokens = Tokens(load_settings(data_dir=settings.data_dir, jwt_jwks=provider.url))
        assert await tokens.identity(signed(RSA, "RS256", header={"kid": "one"})) == Identity("ann")
        with pytest.raises(Unauthenticated):
            await tokens.identity(signed(OTHER_RSA, "RS256", header={"kid": "one"}))
    finally:
        provider.close()


class TestLocalKey:
    async def test_is_made_once_and_only_for_its_owner(self, settings: Settings) -> None:
        tokens = [Tokens(settings) for _ in range(3)]
        token = tokens[0].issue("ann", seconds=60, roles=["admin"], teams=["red"])
        path = settings.data_dir / "signing.key"
        assert path.stat().st_mode & 0o777 == 0o600
        assert {entry.name for entry in settings.data_dir.iterdir()} - {"longpole.db"} == {"signing.key"}
        for each in tokens:
            assert await each.identity(token) == Identity("ann", frozenset({"admin"}), frozenset({"red"}))
        path.unlink()
        with pytest.raises(Unauthenticated):
            await tokens[0].identity(token)

    def test_that_others_can_read_or_that_is_short_is_refused(self, settings: Settings) -> None:
        Tokens(settings)
        path = settings.data_dir / "signing.key"
        path.chmod(0o644)
        with pytest.raises(LongpoleError, match="other users"):
            Tokens(settings)
        path.chmod(0o600)
        path.write_text("short")
        with pytest.raises(LongpoleError, match="shorter"):
            Tokens(settings)

    def test_is_not_there_where_a_provider_makes_the_tokens(self, by_key_set: Settings) -> None:
        with pytest.raises(LongpoleError) as refused:
            Tokens(by_key_set).issue("ann", seconds=60)
        assert refused.value.code == "no_signing_key"
        assert not (by_key_set.data_dir / "signing.key").exists()
