"""A small surface for tests: every convention, and the error body of the Scheduling API."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict

from api.dependencies import Caller, NewId, SeenEngine
from api.faults import ErrorManner, Fault
from api.problem_documents import PROBLEM_DOCUMENTS
from api.routing import surface_router
from api.rules import rules
from api.surface import Surface


class ProofError(BaseModel):
    error: str
    message: str
    code: int
    timestamp: datetime
    error_id: str | None = None


def _body(_request: Request, fault: Fault) -> ProofError:
    told = [fault.text, *map(str, fault.problems)]
    return ProofError(
        error=fault.code,
        message="; ".join(told),
        code=fault.status,
        timestamp=datetime.now(UTC),
        error_id=fault.error_id,
    )


class Thing(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    size: int = 0
    data: Any = None


class Made:
    """What the endpoints did, for tests that count."""

    def __init__(self) -> None:
        self.names: Counter[str] = Counter()
        self.gate = asyncio.Event()
        self.entered = asyncio.Event()
        self.fail = False


def proof_surface(made: Made) -> Surface:
    router = surface_router()

    @router.post("/api/v1/proof/things", status_code=201)
    @rules(kind="submission", definition=True)
    async def make(thing: Thing, caller: Caller, new_id: NewId, response: Response) -> dict[str, Any]:
        """Make a thing."""
        made.names[thing.name] += 1
        made.entered.set()
        if thing.name == "slow":
            await made.gate.wait()
        if made.fail:
            raise RuntimeError("the secret is 42")
        response.headers["Location"] = f"/api/v1/proof/things/{thing.name}"
        return {"id": str(new_id("thing")), "name": thing.name, "owner": caller.subject}

    @router.post("/api/v1/proof/settings")
    async def change(thing: Thing, caller: Caller) -> dict[str, str]:
        """Change something."""
        return {"name": thing.name, "owner": caller.subject}

    @router.get("/api/v1/proof/me")
    async def me(caller: Caller) -> dict[str, Any]:
        """Who asks."""
        return {
            "subject": caller.subject,
            "roles": sorted(caller.roles),
            "teams": sorted(caller.teams),
            "scopes": sorted(caller.scopes),
            "via": caller.via,
        }

    @router.get("/api/v1/proof/numbers/{number}")
    async def number(number: int) -> dict[str, int]:
        """A number."""
        return {"number": number}

    @router.put("/api/v1/proof/workflows/{name}")
    async def store(name: str, engine: SeenEngine) -> dict[str, str]:
        """Store a workflow."""
        document = {"name": name, "steps": [{"id": "a", "handler": "sleep", "input": {"seconds": 0}}]}
        return {"workflow_id": (await engine.definitions.save(document)).workflow_id}

    @router.get("/api/v1/proof/workflows/{workflow_id}")
    async def workflow(workflow_id: str, engine: SeenEngine) -> dict[str, str]:
        """A workflow."""
        return {"name": (await engine.definitions.get(workflow_id)).name}

    @router.delete("/api/v1/proof/workflows/{workflow_id}")
    async def retire(workflow_id: str, engine: SeenEngine) -> dict[str, bool]:
        """Retire a workflow."""
        return {"is_active": (await engine.definitions.set_active(workflow_id, False)).is_active}

    @router.post("/api/v1/proof/workflows/{workflow_id}/execute")
    @rules(kind="submission")
    async def execute(workflow_id: str, engine: SeenEngine, new_id: NewId) -> dict[str, str]:
        """Run a workflow."""
        stored = await engine.definitions.get(workflow_id)
        run = f"exec_{new_id('execution').hex}"
        return {"execution_id": await engine.executions.start(stored, {}, execution_id=run)}

    @router.get("/api/v1/proof/executions/{execution_id}")
    async def execution(execution_id: str, engine: SeenEngine) -> dict[str, str]:
        """A run."""
        return {"status": (await engine.executions.get(execution_id)).status}

    @router.get("/api/v1/proof/broken")
    async def broken() -> None:
        """Fail."""
        raise RuntimeError("the secret is 42")

    return Surface(
        name="proof",
        title="Proof",
        base="/api/v1",
        errors=ErrorManner(ProofError, _body, invalid=400, foreign=403),
        router=router,
    )


def other_surface(name: str, base: str) -> Surface:
    """One that says its name."""
    router = surface_router()

    @router.get(f"{base}/whoami")
    async def whoami() -> dict[str, str]:
        """Which surface this is."""
        return {"surface": name}

    return Surface(
        name=name,
        title=name,
        base=base,
        errors=PROBLEM_DOCUMENTS,
        router=router,
        hosts=lambda settings: getattr(settings, f"{name}_hosts", ()),
    )
