"""Tokens and API keys from the command line."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest
from command_line import CommandLine

from definitions.errors import Unauthenticated
from engine.access.api_keys import ApiKeys
from engine.access.identity import Identity
from engine.access.tokens import Tokens
from engine.settings import Settings
from store.database import Database


def whose_token(data_dir: Path, token: str) -> Identity:
    return asyncio.run(Tokens(Settings(data_dir=data_dir)).identity(token))


def whose_key(data_dir: Path, key: str) -> Identity:
    database = Database(Settings(data_dir=data_dir).resolved_database_url)
    try:
        return asyncio.run(ApiKeys(database).identity(key))
    finally:
        database.dispose()


def test_a_token_and_nothing_else_is_printed_and_its_data_directory_takes_it(
    longpole: CommandLine, tmp_path: Path
) -> None:
    done = longpole("token", "--sub", "ann", "--role", "admin", "--team", "red", "--team", "blue", "--ttl", "5m")
    assert (done.returncode, done.stderr) == (0, "")
    (token,) = done.stdout.splitlines()
    identity = whose_token(longpole.data_dir, token)
    assert identity == Identity("ann", frozenset({"admin"}), frozenset({"red", "blue"}))
    key = longpole.data_dir / "signing.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    with pytest.raises(Unauthenticated, match="not valid"):
        whose_token(tmp_path / "another", token)
    elsewhere = longpole("token", "--sub", "ann", "--data-dir", str(tmp_path / "another"))
    assert whose_token(tmp_path / "another", elsewhere.stdout.strip()).subject == "ann"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["--ttl", "soon"], "soon"), (["--ttl", "0s"], "--ttl 1h"), ([], "--sub")],
)
def test_a_token_that_cant_be_is_refused(longpole: CommandLine, arguments: list[str], says: str) -> None:
    subject = ["--sub", "ann"] if arguments else []
    done = longpole("token", *subject, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_key_is_shown_once_listed_without_itself_and_revoked(longpole: CommandLine) -> None:
    made = longpole("apikey", "--sub", "ann", "--scope", "read", "--label", "nightly", "--ttl", "30d")
    (key,) = made.stdout.splitlines()
    assert whose_key(longpole.data_dir, key).scopes == {"read"}
    (listed,) = longpole.json("apikey", "list")
    assert (listed["subject"], listed["label"], listed["state"]) == ("ann", "nightly", "active")
    assert listed["hint"] == key[:7]
    table = longpole("apikey", "list").stdout
    assert listed["key_id"] in table
    assert key not in table
    assert longpole.json("apikey", "list", "--sub", "bob") == []
    assert longpole("apikey", "revoke", listed["key_id"]).returncode == 0
    with pytest.raises(Unauthenticated, match="revoked"):
        whose_key(longpole.data_dir, key)
    assert longpole.json("apikey", "list")[0]["state"] == "revoked"
    missing = longpole("apikey", "revoke", "key_nothing")
    assert missing.returncode != 0
    assert "longpole apikey list" in missing.stderr
    wrong = longpole("apikey", "create", "--sub", "ann", "--scope", "fly")
    assert wrong.returncode == 2
    assert "'fly' is no scope" in wrong.stderr
