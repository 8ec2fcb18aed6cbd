"""Workflows as they are stored: one, by its id."""

from __future__ import annotations

from api.dependencies import SeenEngine
from api.orchestration import translate, wire
from api.orchestration.envelope import Answer
from api.routing import surface_router

router = surface_router()


@router.get("/v1/workflows/{workflow_id}")
async def get_workflow(workflow_id: str, engine: SeenEngine) -> Answer[wire.Workflow]:
    """A workflow with the document that it was made of."""
    return Answer(data=translate.workflow(await engine.definitions.get(workflow_id)))
