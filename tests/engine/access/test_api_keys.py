from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from definitions.errors import LongpoleError, NotFound, Unauthenticated
from engine.access.api_keys import ApiKeys
from engine.access.identity import Identity
from store.access_tables import API_KEYS, ApiKey
from store.database import Database
from store.tables import Row


@pytest.fixture
def keys(database: Database) -> ApiKeys:
    return ApiKeys(database)


async def test_a_key_tells_who_asks(keys: ApiKeys) -> None:
    key, view = await keys.create("ann", scopes=["read"], roles=["admin"], teams=["red"], label="ci")
    assert re.fullmatch(r"lp_[A-Za-z0-9_-]{43}", key)
    assert await keys.identity(key) == Identity(
        "ann", frozenset({"admin"}), frozenset({"red"}), frozenset({"read"}), via="api_key"
    )
    (listed,) = await keys.list()
    assert (listed.key_id, listed.subject, listed.label, listed.state) == (view.key_id, "ann", "ci", "active")
    assert listed.last_used_at is not None
    assert await keys.list(owner="bob") == []


async def test_no_table_holds_the_key(keys: ApiKeys, database: Database) -> None:
    made = [(await keys.create("ann"))[0] for _ in range(3)]
    await keys.identity(made[0])
    with database.read() as session:
        dump = repr([tuple(row) for table in Row.metadata.tables.values() for row in session.execute(select(table))])
    assert "ann" in dump
    for key in made:
        # Its beginning is shown in lists; of the rest nothing may be there.
        assert key[:7] in dump
        assert not any(key[at : at + 8] in dump for at in range(len(key) - 8))


async def test_keys_that_were_never_made_are_refused(keys: ApiKeys) -> None:
    await keys.create("ann")
    for wrong in ("lp_", "lp_short", "lp_" + "a" * 43, "lp_" + "a" * 44, "lp_" + "ü" * 43, "lp_' OR 1=1 --"):
        with pytest.raises(Unauthenticated, match="not known"):
            await keys.identity(wrong)


async def test_revoked_and_expired_keys_are_refused(keys: ApiKeys, database: Database) -> None:
    key, view = await keys.create("ann")
    await keys.revoke(view.key_id)
    again = await keys.revoke(view.key_id)
    with pytest.raises(Unauthenticated, match="revoked"):
        await keys.identity(key)
    assert again.state == "revoked"
    short, short_view = await keys.create("ann", lasts=timedelta(hours=1))
    await keys.identity(short)
    with database.write() as session:
        row = session.get(ApiKey, UUID(hex=short_view.key_id.removeprefix("key_")))
        assert row is not None
        row.expires_at = datetime.now(UTC)
    with pytest.raises(Unauthenticated, match="expired"):
        await keys.identity(short)
    assert [view.state for view in await keys.list()] == ["revoked", "expired"]


async def test_each_use_is_known_to_the_minute_and_costs_no_write_of_its_own(keys: ApiKeys, database: Database) -> None:
    key, _ = await keys.create("ann")

    def last_used() -> datetime | None:
        with database.read() as session:
            return session.execute(select(API_KEYS.c.last_used_at)).scalar_one()

    await keys.identity(key)
    first = last_used()
    assert first is not None
    await keys.identity(key)
    assert last_used() == first
    with database.write() as session:
        session.execute(API_KEYS.update().values(last_used_at=first - timedelta(minutes=2)))
    await keys.identity(key)
    seen = last_used()
    assert seen is not None
    assert seen >= first


async def test_wrong_requests_are_refused(keys: ApiKeys) -> None:
    for wrong, code in [
        ({"subject": ""}, "subject_invalid"),
        ({"subject": "a\nb"}, "subject_invalid"),
        ({"subject": "ann", "scopes": ["fly"]}, "scope_invalid"),
        ({"subject": "ann", "lasts": timedelta(0)}, "ttl_invalid"),
    ]:
        with pytest.raises(LongpoleError) as refused:
            await keys.create(**wrong)
        assert refused.value.code == code
    for unknown in ("key_zz", "key_" + "0" * 32, ""):
        with pytest.raises(NotFound):
            await keys.revoke(unknown)
    _, view = await keys.create("ann")
    with pytest.raises(NotFound) as refused:
        await keys.revoke(view.key_id, owner="bob")
    assert refused.value.foreign
