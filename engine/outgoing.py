"""A run on its way out: its row, and what Temporal is told of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from activities.parcel import Parcel
from activities.run_told import announcement_of, run_input_of
from engine.dispatch import Dispatch
from engine.views import StoredDefinition
from store.tables import WorkflowInstance
from workflows.announcement import Announcement


def dispatch_of(
    row: WorkflowInstance, document: dict[str, Any], parcel: Parcel, *, digest: str | None = None
) -> Dispatch:
    """What Temporal is told of the run. `digest`: the document's, where that is another than the row names."""
    said = announcement_of(row, document, digest=digest)
    return Dispatch(run_input_of(row, parcel, digest=digest), Announcement(**said))


def row_of(
    stored: StoredDefinition,
    run_input: Any,
    *,
    execution_id: str,
    owner: str,
    priority: int | None,
    tags: Sequence[str],
) -> dict[str, Any]:
    """A new run, as `store.instances.create_instance` takes it; what is not said comes from the definition."""
    definition = stored.definition
    return {
        "execution_id": execution_id,
        "workflow_id": stored.workflow_id,
        "name": stored.name,
        "revision": stored.revision,
        "digest": stored.digest,
        "input_data": run_input,
        "owner": owner,
        "priority": definition.priority if priority is None else priority,
        "tags": list(dict.fromkeys((*definition.tags, *tags))),
    }
