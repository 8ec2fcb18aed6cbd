"""Who is refused at every path of the Scheduling API, and what is told when the service itself is broken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import structlog
from fastapi.routing import APIRoute
from pydantic import SecretStr
from scheduling_requests import BASE, step, workflow
from serving import Serve, Service
from sqlalchemy import text
from test_errors_documented import SCHEDULE, is_error

from api.scheduling.endpoints import SCHEDULING
from engine.access.api_keys import ApiKeys
from engine.core import Engine
from store.database import Database
from tests.engine.access.test_tokens import FORGED, SECRET, signed

BODY = workflow(step("a", cpu_cores=1))


def every_route() -> list[tuple[str, str]]:
    """Method and path, from the routes themselves."""
    found = [
        (method, route.path.format(workflow_id="wf_" + "0" * 32, name="cpu_cores"))
        for route in SCHEDULING.router.routes
        if isinstance(route, APIRoute)
        for method in sorted(route.methods or ())
    ]
    assert len(found) == 15
    return found


def is_unauthenticated(answer: httpx.Response, code: str) -> None:
    is_error(answer, 401, code)
    assert answer.headers["www-authenticate"].startswith('Bearer realm="longpole"')


@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
async def test_no_forged_expired_or_foreign_token_gets_in(serve: Serve) -> None:
    async with serve([SCHEDULING], jwt_secret=SecretStr(SECRET)) as service, service.client(None) as client:

        async def asked(method: str, path: str, forge: Callable[[], str]) -> httpx.Response:
            headers = {"Authorization": f"Bearer {forge()}"}
            return await client.request(method, path, headers=headers, json=BODY if method != "GET" else None)

        statistics = ("GET", f"{BASE}/system/statistics")
        assert (await asked(*statistics, signed)).status_code == 200
        named = ("none", "expired", "wrong iss", "wrong aud", "another secret", "RS256 of a stranger", "tampered")
        for name, forge in FORGED.items():
            if not forge().isascii() or len(forge()) > 60_000:
                continue
            for method, path in every_route() if name in named else [statistics, ("POST", SCHEDULE)]:
                is_unauthenticated(await asked(method, path, forge), "bad_token")
        for method, path in every_route():
            is_unauthenticated(await client.request(method, path), "no_credentials")
        ann = {"Authorization": f"Bearer {signed()}"}
        assert (await client.get(f"{BASE}/workflows", headers=ann)).json()["pagination"]["total_count"] == 0


async def test_revoked_keys_and_scopes_and_roles(serve: Serve, database: Database) -> None:
    keys = ApiKeys(database)
    gone, view = await keys.create("ann")
    await keys.revoke(view.key_id)
    reading, _ = await keys.create("ann", scopes=["read"])
    async with serve([SCHEDULING]) as service, service.client(None) as client, service.client() as ann:
        is_unauthenticated(
            await client.get(f"{BASE}/workflows", headers={"Authorization": f"Bearer {gone}"}), "bad_api_key"
        )
        reader = {"Authorization": f"Bearer {reading}"}
        assert (await client.get(f"{BASE}/workflows", headers=reader)).status_code == 200
        is_error(await client.post(SCHEDULE, json=BODY, headers=reader), 403, "insufficient_scope")
        for method in ("PUT", "DELETE"):
            is_error(await ann.request(method, f"{BASE}/admin/pools/cpu_cores", json=8), 403, "admin_only")


async def test_a_body_that_is_too_large_too_deep_or_no_json_is_refused_on_each_path_that_takes_one(
    serve: Serve,
) -> None:
    json = {"Content-Type": "application/json"}
    huge = b'{"workflow_name": "' + b"x" * (30 * 1024 * 1024) + b'"}'
    deep = b'{"a":' * 10_000 + b"1" + b"}" * 10_000
    async with serve([SCHEDULING]) as service, service.client("root", roles=["admin"]) as root:
        paths = [
            ("POST", SCHEDULE),
            ("POST", f"{BASE}/optimize-critical-path"),
            ("PUT", f"{BASE}/admin/pools/cpu_cores"),
        ]
        for method, path in paths:
            is_error(await root.request(method, path, content=huge, headers=json), 413, "body_too_large")
            is_error(await root.request(method, path, content=deep, headers=json), 400, "too_deep")
            is_error(await root.request(method, path, content=b"{", headers=json), 400, "malformed_body")
            is_error(
                await root.request(method, path, content=b"{}", headers={"Content-Type": "text/csv"}),
                415,
                "unsupported_media_type",
            )


def is_broken(answer: httpx.Response, caught: list[Any]) -> None:
    """A 500 in the documented body, with an id under which the log has more than is told."""
    body = answer.json()
    assert (answer.status_code, body["code"], body["error"]) == (500, 500, "internal_error"), body
    assert set(body) == {"error", "message", "code", "timestamp", "error_id"}
    assert body["error_id"] in [each.get("error_id") for each in caught]
    assert "longpole_" not in answer.text
    assert "pools" not in body["message"]


async def test_what_is_broken_in_the_service_is_a_500(planning: Service, engine: Engine) -> None:
    async with planning.client() as ann:
        assert (await ann.post(SCHEDULE, json=BODY)).status_code == 200
        file = planning.settings.pools_file
        assert file is not None
        pools = file.read_text()
        for wrong in ("pools: [", "pools: {cpu_cores: {capacity: many}}"):
            file.write_text(wrong)
            with structlog.testing.capture_logs() as caught:
                is_broken(await ann.post(SCHEDULE, json=BODY), caught)
            assert any(str(file) in str(each.get("error")) for each in caught)
        file.write_text(pools)
        assert (await ann.post(SCHEDULE, json=BODY)).status_code == 200
        with engine.database.write() as session:
            session.execute(text("DROP TABLE longpole_reservations"))
        with structlog.testing.capture_logs() as caught:
            is_broken(await ann.post(SCHEDULE, json=BODY), caught)


async def test_a_database_that_is_away_is_a_503_until_it_is_back(serve: Serve, database: Database) -> None:
    async with serve([SCHEDULING]) as service, service.client() as ann:
        path = service.settings.data_dir / "longpole.db"
        database.dispose()
        path.rename(path.with_suffix(".moved"))
        path.mkdir()
        answer = await ann.get(f"{BASE}/workflows")
        is_error(answer, 503, "database_unavailable")
        assert answer.headers["retry-after"] == "2"
        path.rmdir()
        path.with_suffix(".moved").rename(path)
        assert (await ann.get(f"{BASE}/workflows")).status_code == 200
