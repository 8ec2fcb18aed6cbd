"""What Temporal is told of a run, by its row: the input of its workflow, and what is said beside that.

Of a run that is a step of another it hears from the parent, of all others from the engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from activities.parcel import Parcel
from definitions.ids import workflow_id
from definitions.messages import RunInput
from store.tables import WorkflowInstance


def run_input_of(
    row: WorkflowInstance, parcel: Parcel, *, digest: str | None = None, depth: int = 0, max_history_events: int = 0
) -> RunInput:
    """The argument of the workflow. `digest`: the document's, where that is another than the row names."""
    return RunInput(
        execution_id=row.execution_id,
        definition=parcel.definition,
        digest=digest or row.digest,
        input=parcel.input,
        slots=parcel.slots,
        workflow_id=workflow_id(row.template_id),
        revision=row.revision,
        owner=row.owner,
        depth=depth,
        starts_at=row.scheduled_start.timestamp() if row.scheduled_start is not None else 0.0,
        max_history_events=max_history_events,
    )


def announcement_of(row: WorkflowInstance, document: Mapping[str, Any], *, digest: str | None = None) -> dict[str, Any]:
    """The fields of a `workflows.announcement.Announcement`. `digest`: as above."""
    return {
        "name": row.name,
        "version": str(document.get("version", "1")),
        "revision": row.revision,
        "digest": digest or row.digest,
        "description": str(document.get("description") or ""),
        "owner": row.owner,
        "priority": row.priority,
        "tags": list(row.tags),
        "steps": len(document["steps"]),
        "parent": row.parent_execution_id or "",
        "forked_from": row.forked_from_id or "",
    }
