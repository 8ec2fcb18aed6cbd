"""The Orchestration API's words to the core's, and back."""

from __future__ import annotations

from api.orchestration import wire
from engine.views import StoredDefinition


def workflow(stored: StoredDefinition) -> wire.Workflow:
    """A stored workflow."""
    definition = stored.definition
    return wire.Workflow(
        id=stored.workflow_id,
        name=stored.name,
        version=definition.version,
        status="active" if stored.is_active else "paused",
        description=definition.description,
        created_at=stored.created_at,
        updated_at=stored.updated_at,
        tags=[*definition.tags],
        definition=stored.source or stored.document,
    )
