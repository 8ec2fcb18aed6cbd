"""The same request twice over HTTP."""

from __future__ import annotations

import asyncio

import httpx
from serving import Service
from test_errors import THINGS, is_proof_error

KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}


async def make(client: httpx.AsyncClient, name: str, **headers: str) -> httpx.Response:
    return await client.post(THINGS, json={"name": name}, headers={**KEY, **headers})


async def test_the_same_request_has_one_effect_and_one_answer(served: Service) -> None:
    async with served.client() as client, served.client("bob") as bob:
        first = await make(client, "one")
        for path in (THINGS, f"/proof{THINGS}"):
            again = await client.post(path, json={"name": "one"}, headers=KEY)
            assert (again.status_code, again.content) == (201, first.content)
            assert again.headers["location"] == first.headers["location"]
            assert again.headers["idempotent-replayed"] == "true"
            assert again.headers["x-request-id"] != first.headers["x-request-id"]
        assert served.made.names["one"] == 1
        is_proof_error(await make(client, "other"), 422, "idempotency_key_reused")
        assert (await bob.post(THINGS, json={"name": "other"}, headers=KEY)).status_code == 201
        assert (await make(client, "one", **{"Idempotency-Key": "another"})).json() != first.json()
        is_proof_error(await make(client, "one", **{"Idempotency-Key": "k" * 256}), 400, "idempotency_key_invalid")
        assert (await make(client, "one", **{"Idempotency-Key": "k" * 255})).status_code == 201


async def test_while_one_is_answered_the_same_is_a_409(served: Service) -> None:
    async with served.client() as client:
        first = asyncio.create_task(make(client, "slow"))
        await served.made.entered.wait()
        is_proof_error(await make(client, "slow"), 409, "idempotency_key_in_use")
        is_proof_error(await make(client, "other"), 422, "idempotency_key_reused")
        served.made.gate.set()
        assert (await first).status_code == 201
        assert (await make(client, "slow")).content == (await first).content


async def test_50_at_once_make_one(served: Service) -> None:
    async with served.client() as client:
        for round_ in range(5):
            headers = {"Idempotency-Key": f"round-{round_}"}
            answers = await asyncio.gather(*(make(client, f"thing {round_}", **headers) for _ in range(50)))
            assert {answer.status_code for answer in answers} <= {201, 409}
            assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
            assert served.made.names[f"thing {round_}"] == 1


async def test_a_refusal_frees_the_key_and_a_failure_leaves_it_to_the_same_request(served: Service) -> None:
    async with served.client() as client:
        is_proof_error(await client.post(THINGS, json={"nam": "x"}, headers=KEY), 400, "invalid_request")
        served.made.fail = True
        is_proof_error(await make(client, "x"), 500, "internal_error")
        is_proof_error(await make(client, "y"), 422, "idempotency_key_reused")
        served.made.fail = False
        assert (await make(client, "x")).status_code == 201
        assert served.made.names["x"] == 2


async def test_an_execution_whose_answer_was_lost_is_not_started_twice(whole: Service) -> None:
    async with whole.client() as client:
        workflow = (await client.put("/api/v1/proof/workflows/once")).json()["workflow_id"]
        path = f"/api/v1/proof/workflows/{workflow}/execute"
        runs = {(await client.post(path, headers=KEY)).json()["execution_id"] for _ in range(3)}
        assert len(runs) == 1
        without = {(await client.post(path)).json()["execution_id"] for _ in range(2)}
        assert len(without | runs) == 3
