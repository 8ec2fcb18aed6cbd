from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from definitions.errors import IdempotencyKeyInUse, IdempotencyKeyReused, LongpoleError
from engine.access.forgetting import forget_once
from engine.access.idempotency import Answer, Claim, IdempotencyKeys
from store.database import Database
from tests.polling import eventually

DAY = timedelta(hours=24)
ANSWER = Answer(201, {"content-type": "application/json"}, b'{"id": "\xff\x00"}')


@pytest.fixture
def keys(database: Database) -> IdempotencyKeys:
    return IdempotencyKeys(database, DAY)


async def claimed(keys: IdempotencyKeys, *, subject: str = "ann", route: str = "POST /x", body: bytes = b"1") -> Claim:
    claim = await keys.claim(subject, route, "key", body)
    assert isinstance(claim, Claim)
    return claim


async def test_the_first_claims_and_its_answer_is_everybodys(keys: IdempotencyKeys) -> None:
    claim = await claimed(keys)
    with pytest.raises(IdempotencyKeyInUse):
        await claimed(keys)
    await keys.answer(claim, ANSWER)
    for _ in range(2):
        assert await keys.claim("ann", "POST /x", "key", b"1") == ANSWER
    with pytest.raises(IdempotencyKeyReused):
        await claimed(keys, body=b"2")


async def test_a_key_is_a_users_and_a_routes_own(keys: IdempotencyKeys) -> None:
    claims = [await claimed(keys), await claimed(keys, subject="bob"), await claimed(keys, route="POST /y")]
    assert len({claim.new_id("run") for claim in claims}) == 3


async def test_of_many_at_once_one_claims(keys: IdempotencyKeys) -> None:
    outcomes = await asyncio.gather(*(claimed(keys) for _ in range(30)), return_exceptions=True)
    assert sum(isinstance(outcome, Claim) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, IdempotencyKeyInUse) for outcome in outcomes) == 29


async def test_a_key_whose_holder_died_goes_to_the_next_with_the_same_ids(database: Database) -> None:
    keys = IdempotencyKeys(database, DAY, hold=timedelta(seconds=0.3))
    dead = await claimed(keys)
    taken: list[Claim] = []

    async def free() -> bool:
        try:
            taken.append(await claimed(keys))
        except IdempotencyKeyInUse:
            return False
        return True

    await eventually(free)
    assert taken[0].holder != dead.holder
    assert taken[0].new_id("run") == dead.new_id("run") != dead.new_id("workflow")
    await keys.answer(dead, Answer(500, {}, b"late"))
    await keys.answer(taken[0], ANSWER)
    assert await keys.claim("ann", "POST /x", "key", b"1") == ANSWER


async def test_a_left_key_is_only_for_the_same_request(database: Database) -> None:
    keys = IdempotencyKeys(database, DAY)
    failed = await claimed(keys)
    await keys.leave(failed)
    with pytest.raises(IdempotencyKeyReused):
        await claimed(keys, body=b"2")
    assert (await claimed(keys)).seed == failed.seed


async def test_a_holder_that_lives_keeps_its_key(database: Database) -> None:
    keys = IdempotencyKeys(database, DAY, hold=timedelta(seconds=4))
    claim = await claimed(keys)
    async with keys.holding(claim):
        until = asyncio.get_running_loop().time() + 4.5
        while asyncio.get_running_loop().time() < until:
            with pytest.raises(IdempotencyKeyInUse):
                await claimed(keys)
            await asyncio.sleep(0.05)


async def test_a_freed_key_is_as_new(keys: IdempotencyKeys) -> None:
    claim = await claimed(keys)
    await keys.free(claim)
    assert (await claimed(keys, body=b"2")).seed != claim.seed


async def test_keys_are_forgotten_when_their_time_is_over(database: Database) -> None:
    old = IdempotencyKeys(database, timedelta(0))
    first = await claimed(old)
    await old.answer(first, ANSWER)
    second = await claimed(old, body=b"2")
    assert second.seed != first.seed
    await claimed(IdempotencyKeys(database, DAY), subject="bob")
    assert await forget_once(database) == 1
    with pytest.raises(IdempotencyKeyInUse):
        await claimed(IdempotencyKeys(database, DAY), subject="bob")


async def test_keys_have_a_form(keys: IdempotencyKeys) -> None:
    for key in ("", "k" * 256, "a\nb", "ü"):
        with pytest.raises(LongpoleError) as refused:
            await keys.claim("ann", "POST /x", key, b"")
        assert refused.value.code == "idempotency_key_invalid"
    assert isinstance(await keys.claim("ann", "POST /x", "k" * 255, b""), Claim)
