"""The documented shapes of the Orchestration API."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from api.orchestration.envelope import Moment

WorkflowStatus = Literal["created", "active", "paused"]


class Workflow(BaseModel):
    """A stored workflow; `definition` is the document as it was given."""

    id: str
    name: str
    version: str
    status: WorkflowStatus
    description: str
    created_at: Moment
    updated_at: Moment
    tags: list[str]
    definition: dict[str, Any]
