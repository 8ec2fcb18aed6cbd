"""Limits, headers, and where surfaces are found."""

from __future__ import annotations

import asyncio

import httpx
import structlog
from proof_surface import Made, other_surface, proof_surface
from serving import Serve, Service
from test_errors import THINGS, is_proof_error


async def test_100_racing_submissions_at_a_quota_of_10_are_exactly_10(serve: Serve) -> None:
    async with serve(submissions_per_minute=10) as service, service.client() as client, service.client("bob") as bob:
        answers = await asyncio.gather(*(client.post(THINGS, json={"name": "x"}) for _ in range(100)))
        assert sorted(answer.status_code for answer in answers) == [201] * 10 + [429] * 90
        assert service.made.names["x"] == 10
        refused = await client.post(THINGS, json={"name": "x"}, headers={"Idempotency-Key": "later"})
        assert "10 submissions a minute" in is_proof_error(refused, 429, "rate_limited")
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert (await bob.post(THINGS, json={"name": "x"})).status_code == 201
        assert (await client.get("/api/v1/proof/me")).status_code == 200


async def test_an_answer_that_is_given_again_uses_no_quota(serve: Serve) -> None:
    async with serve(submissions_per_minute=1) as service, service.client() as client:
        for _ in range(3):
            answer = await client.post(THINGS, json={"name": "x"}, headers={"Idempotency-Key": "one"})
            assert answer.status_code == 201


async def test_reads_and_writes_have_rates_of_their_own(serve: Serve) -> None:
    async with serve(reads_per_minute=3, writes_per_minute=2) as service, service.client() as client:
        reads = [(await client.get("/api/v1/proof/me")).status_code for _ in range(4)]
        assert reads == [200, 200, 200, 429]
        writes = [(await client.post("/api/v1/proof/settings", json={"name": "x"})) for _ in range(3)]
        assert [answer.status_code for answer in writes] == [200, 200, 429]
        is_proof_error(writes[-1], 429, "rate_limited")
        assert 1 <= int(writes[-1].headers["retry-after"]) <= 31


async def test_request_ids_are_the_callers_or_new_and_in_the_log(served: Service) -> None:
    async with served.client() as client:
        with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
            for sent, kept in [("trace-1.2:3", True), ("x" * 200, False), ("a b", False), ("", False)]:
                answer = await client.get("/api/v1/proof/nothing", headers={"X-Request-ID": sent} if sent else {})
                told = answer.headers["x-request-id"]
                assert (told == sent) is kept
                assert any(line.get("request_id") == told and line["event"] == "request" for line in lines)


async def test_answers_tell_browsers_what_not_to_do(served: Service) -> None:
    async with served.client() as client:
        for path in ("/api/v1/proof/me", "/api/v1/proof/nothing", "/api/v1/proof/broken", "/healthz"):
            headers = (await client.get(path)).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["cache-control"] == "no-store"
            assert headers["content-security-policy"].startswith("default-src 'none'")
            assert "access-control-allow-origin" not in headers
        assert "script-src" not in (await client.get("/proof/docs")).headers["content-security-policy"]


async def test_pages_of_named_origins_may_call_it(serve: Serve) -> None:
    origin = "https://app.example"
    async with serve(cors_origins=(origin,)) as service, service.client(None) as client:
        asked = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,idempotency-key",
        }
        allowed = await client.options(THINGS, headers={"Origin": origin, **asked})
        assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, origin)
        refused = await client.get("/api/v1/proof/me", headers={"Origin": origin})
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, origin)
        stranger = await client.options(THINGS, headers={"Origin": "https://app.example.evil", **asked})
        assert stranger.status_code == 400
        assert "access-control-allow-origin" not in stranger.headers


async def test_each_surface_is_found_at_its_prefix_its_path_and_its_host(serve: Serve) -> None:
    surfaces = [
        proof_surface(Made()),
        other_surface("dashboard", "/api"),
        other_surface("management", "/v1"),
        other_surface("orchestration", "/v1"),
    ]

    async def who(client: httpx.AsyncClient, path: str, host: str = "127.0.0.1") -> str:
        answer = await client.get(path, headers={"Host": host})
        return answer.json().get("surface") or answer.headers["content-type"]

    async with serve(surfaces) as service, service.client() as client:
        assert await who(client, "/dashboard/api/whoami") == "dashboard"
        assert await who(client, "/api/whoami") == "dashboard"
        for name in ("management", "orchestration"):
            assert await who(client, f"/{name}/v1/whoami") == name
            assert await who(client, "/v1/whoami", f"{name}.localhost") == name
            assert await who(client, "/v1/whoami", f"{name.upper()}.localhost:8000") == name
        assert await who(client, "/v1/whoami") == "orchestration"
        assert (await client.get("/proof/api/v1/proof/me")).json()["subject"] == "ann"
        # What is unknown is answered in the words of whoever has the path.
        is_proof_error(await client.get("/api/v1/nothing"), 404, "not_found")
        is_proof_error(await client.get("/proof/whatever"), 404, "not_found")
        for path, host in [("/api/nothing", ""), ("/v1/nothing", ""), ("/proofs", ""), ("/x", "management.localhost")]:
            answer = await client.get(path, headers={"Host": host or "127.0.0.1"})
            assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
        assert (await client.get("/healthz", headers={"Host": "management.localhost"})).json() == {"status": "ok"}
    async with serve(surfaces, v1_surface="management") as service, service.client() as client:
        assert await who(client, "/v1/whoami") == "management"


async def test_the_openapi_page_says_what_is_true(served: Service) -> None:
    async with served.client(None) as client:
        document = (await client.get("/proof/openapi.json")).json()
        page = (await client.get("/proof/docs")).text
    assert "/proof/openapi.json" in page
    assert document["servers"] == [{"url": "/proof"}]
    assert document["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    for path, operations in document["paths"].items():
        assert path.startswith("/api/v1/proof/")
        for operation in operations.values():
            assert operation["security"] == [{"HTTPBearer": []}]
            assert "422" not in operation["responses"]
            told = operation["responses"]["default"]["content"]["application/json"]["schema"]
            assert told == {"$ref": "#/components/schemas/ProofError"}
