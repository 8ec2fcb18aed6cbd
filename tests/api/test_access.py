"""Who gets in, and what they see."""

from __future__ import annotations

import httpx
import pytest
from fastapi.routing import APIRoute
from proof_surface import Made, proof_surface
from serving import Serve, Service
from test_errors import is_proof_error

from engine.access.api_keys import ApiKeys
from store.database import Database
from tests.engine.access.test_tokens import FORGED, SECRET, signed

PATHS = {"number": "1", "name": "x", "workflow_id": "wf_" + "0" * 32, "execution_id": "exec_" + "0" * 32}


def requests_of_every_route() -> list[tuple[str, str]]:
    """Method and path of every route of the surface, from the routes themselves."""
    found = [
        (method, route.path.format(**PATHS))
        for route in proof_surface(Made()).router.routes
        if isinstance(route, APIRoute)
        for method in sorted(route.methods or ())
    ]
    assert len(found) == 10
    return found


async def answered(client: httpx.AsyncClient, method: str, path: str, **headers: str) -> httpx.Response:
    body = {"json": {"name": "x"}} if method in ("POST", "PUT") else {}
    return await client.request(method, path, headers=headers, **body)


async def test_every_route_needs_credentials(served: Service, database: Database) -> None:
    key, view = await ApiKeys(database).create("ann")
    await ApiKeys(database).revoke(view.key_id)
    wrong = {
        "none": {},
        "basic": {"Authorization": "Basic YW5uOng="},
        "no token": {"Authorization": "Bearer"},
        "garbage": {"Authorization": "Bearer garbage"},
        "a revoked key": {"Authorization": f"Bearer {key}"},
    }
    async with served.client(None) as client:
        for method, path in requests_of_every_route():
            for headers in wrong.values():
                answer = await answered(client, method, path, **headers)
                is_proof_error(answer, 401, answer.json()["error"])
                assert answer.headers["www-authenticate"].startswith('Bearer realm="longpole"')
        for path in ("/healthz", "/docs", "/proof/docs", "/proof/openapi.json"):
            assert (await client.get(path)).status_code == 200
        assert not served.made.names


async def test_a_scope_opens_its_routes_only(served: Service, database: Database) -> None:
    keys = {scope: (await ApiKeys(database).create("ann", scopes=[scope]))[0] for scope in ("read", "write")}
    async with served.client(None) as client:
        for method, path in requests_of_every_route():
            for scope, key in keys.items():
                answer = await answered(client, method, path, Authorization=f"Bearer {key}")
                if (scope == "read") is (method == "GET"):
                    assert answer.status_code not in (401, 403)
                else:
                    is_proof_error(answer, 403, "insufficient_scope")
                    assert "insufficient_scope" in answer.headers["www-authenticate"]


@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
async def test_forged_tokens_are_401_in_the_surfaces_words(serve: Serve) -> None:
    from pydantic import SecretStr

    async with serve(jwt_secret=SecretStr(SECRET)) as service, service.client(None) as client:
        good = await client.get("/api/v1/proof/me", headers={"Authorization": f"Bearer {signed(roles=['x'])}"})
        assert good.json() == {"subject": "ann", "roles": ["x"], "teams": [], "scopes": [], "via": "token"}
        refused = 0
        for name, forge in FORGED.items():
            token = forge()
            if not token.isascii() or len(token) > 60_000:
                continue
            answer = await client.get("/api/v1/proof/me", headers={"Authorization": f"Bearer {token}"})
            is_proof_error(answer, 401, "bad_token")
            assert 'error="invalid_token"' in answer.headers["www-authenticate"], name
            refused += 1
        assert refused >= 35


async def test_users_see_and_touch_only_their_own_and_admins_everybodys(whole: Service) -> None:
    async with whole.client("ann") as ann, whole.client("bob") as bob, whole.client("eve", roles=["admin"]) as eve:
        workflow = (await ann.put("/api/v1/proof/workflows/mine")).json()["workflow_id"]
        run = (await ann.post(f"/api/v1/proof/workflows/{workflow}/execute")).json()["execution_id"]
        of_workflow, of_run = f"/api/v1/proof/workflows/{workflow}", f"/api/v1/proof/executions/{run}"
        is_proof_error(await bob.get(of_workflow), 403, "access_denied")
        is_proof_error(await bob.delete(of_workflow), 403, "access_denied")
        is_proof_error(await bob.post(f"{of_workflow}/execute"), 403, "access_denied")
        is_proof_error(await bob.get(of_run), 403, "access_denied")
        for client in (ann, eve):
            assert (await client.get(of_workflow)).json() == {"name": "mine"}
            assert (await client.get(of_run)).json() == {"status": "pending"}
        assert (await bob.put("/api/v1/proof/workflows/mine")).json()["workflow_id"] != workflow
        assert (await eve.delete(of_workflow)).json() == {"is_active": False}
