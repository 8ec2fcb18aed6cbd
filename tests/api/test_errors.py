"""Every error of a surface is told in its own words."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from proof_surface import Made, proof_surface
from serving import Serve, Service
from test_health import unavailable

from api.app import create_app
from engine.access.tokens import Tokens
from engine.settings import Settings
from store.database import Database

THINGS = "/api/v1/proof/things"
JSON = {"Content-Type": "application/json"}


def is_proof_error(answer: httpx.Response, status: int, code: str) -> str:
    """Checks that it is the surface's own error body; its message."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert (body["code"], body["error"]) == (status, code)
    assert body["timestamp"]
    assert "Traceback" not in answer.text
    assert "secret" not in answer.text
    return str(body["message"])


@pytest.mark.parametrize(
    ("body", "code", "says"),
    [
        (b'{"name": "x"', "malformed_body", "no JSON"),
        (b'{"name": NaN}', "malformed_body", "no JSON"),
        (b'{"name": "\\ud800"}', "malformed_body", "no JSON"),
        ('{"name": "x"}'.encode("utf-16"), "malformed_body", "no JSON"),
        (b"\xff", "malformed_body", "no JSON"),
        (b'{"size": "many"}', "invalid_request", "name: field required"),
        (b'{"name": "x", "colour": 1}', "invalid_request", "colour"),
        (b"[]", "invalid_request", "valid dictionary"),
        (b"[" * 10_000 + b"]" * 10_000, "too_deep", "64 levels"),
        (b"[" * 10_000, "too_deep", "64 levels"),
        (b'{"data":' * 65 + b"1" + b"}" * 65, "too_deep", "64 levels"),
        (b'{"data":' + b"[" * 40 + b'{"a":' * 24 + b'"[["' + b"}" * 24 + b"]" * 40 + b"}", "too_deep", "64 levels"),
    ],
)
async def test_a_body_that_cant_be_used_is_a_400(served: Service, body: bytes, code: str, says: str) -> None:
    async with served.client() as client:
        answer = await client.post(THINGS, content=body, headers={"Content-Type": "application/json"})
        assert says in is_proof_error(answer, 400, code)
    assert not served.made.names


async def test_a_body_of_64_levels_passes_whatever_its_strings_hold(served: Service) -> None:
    value: object = '[[{{"\\"[[[' * 50
    for _ in range(63):
        value = [value]
    async with served.client() as client:
        answer = await client.post(THINGS, content=json.dumps({"name": "deep", "data": value}), headers=JSON)
        assert answer.status_code == 201


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1", ""]
)
async def test_what_does_not_say_that_it_is_json_is_a_415(served: Service, kind: str) -> None:
    async with served.client() as client:
        answer = await client.post(THINGS, content=b'{"name": "x"}', headers={"Content-Type": kind} if kind else {})
        is_proof_error(answer, 415, "unsupported_media_type")


async def test_large_bodies_are_a_413_by_the_limit_of_their_route(serve: Serve) -> None:
    body = json.dumps({"name": "x", "data": "y" * 30_000_000}).encode()

    async def pieces() -> object:
        for at in range(0, len(body), 1_000_000):
            yield body[at : at + 1_000_000]

    async with serve() as service, service.client() as client:
        for content in (body, pieces()):
            answer = await client.post(THINGS, content=content, headers=JSON)
            assert "25165824 bytes" in is_proof_error(answer, 413, "body_too_large")
        of_two_mb = json.dumps({"name": "x", "data": "y" * 2_000_000})
        assert (await client.post(THINGS, content=of_two_mb, headers=JSON)).status_code == 201
        answer = await client.post("/api/v1/proof/settings", content=of_two_mb, headers=JSON)
        assert "1048576 bytes" in is_proof_error(answer, 413, "body_too_large")
        assert (await client.get("/api/v1/proof/me")).status_code == 200


async def test_a_body_that_does_not_arrive_is_a_408(serve: Serve) -> None:
    async with serve(body_seconds=0.2) as service:
        reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(service.url).port)
        fields = ["Host: x", f"Authorization: Bearer {service.token()}", "Content-Length: 99"]
        head = "\r\n".join([f"POST {THINGS} HTTP/1.1", *fields, "", ""])
        writer.write(head.encode() + b'{"name":')
        answer = (await asyncio.wait_for(reader.read(), 90)).decode()
        writer.close()
    assert answer.startswith("HTTP/1.1 408")
    assert "\r\nconnection: close\r\n" in answer.lower()
    assert '"error":"body_too_slow"' in answer


async def test_unknown_paths_wrong_methods_and_wrong_parameters(served: Service) -> None:
    async with served.client() as client:
        is_proof_error(await client.get("/api/v1/proof/nothing"), 404, "not_found")
        is_proof_error(await client.get("/api/v1/elsewhere/entirely"), 404, "not_found")
        answer = await client.delete(THINGS)
        assert THINGS in is_proof_error(answer, 405, "method_not_allowed")
        assert answer.headers["allow"] == "POST"
        answer = await client.get("/api/v1/proof/numbers/many")
        assert "path.number" in is_proof_error(answer, 400, "invalid_request")
        is_proof_error(await client.get("/api/v1/proof/workflows/wf_nothing"), 404, "not_found")
        answer = await client.get("/api/v1/proof/workflows/wf_" + "0" * 32)
        is_proof_error(answer, 404, "definition_not_found")


async def test_what_nobody_expected_is_a_500_with_an_id_and_nothing_else(served: Service) -> None:
    async with served.client() as client:
        answer = await client.get("/api/v1/proof/broken")
        assert answer.json()["error_id"] in is_proof_error(answer, 500, "internal_error")


async def test_a_database_that_is_away_is_a_503_that_names_no_file(served: Service, database: Database) -> None:
    async with served.client() as client:
        path = served.settings.data_dir / "longpole.db"
        database.dispose()
        path.rename(path.with_suffix(".moved"))
        path.mkdir()
        answer = await client.get("/api/v1/proof/workflows/wf_" + "0" * 32)
        assert "longpole.db" not in is_proof_error(answer, 503, "database_unavailable")
        assert answer.headers["retry-after"] == "2"
        path.rmdir()
        path.with_suffix(".moved").rename(path)
        assert (await client.get("/api/v1/proof/workflows/wf_" + "0" * 32)).status_code == 404


async def test_without_an_engine_it_is_a_503(settings: Settings) -> None:
    app = create_app(settings, unavailable, [proof_surface(Made())])
    transport = httpx.ASGITransport(app=app)
    headers = {"Authorization": f"Bearer {Tokens(settings).issue('ann', seconds=60)}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        answer = await client.get("/api/v1/proof/workflows/wf_" + "0" * 32)
        is_proof_error(answer, 503, "service_unavailable")
        assert (await client.get("/api/v1/proof/me")).status_code == 200
