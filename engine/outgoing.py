"""A run on its way out: its row, and what Temporal is told of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from activities.parcel import Parcel
from definitions.ids import workflow_id
from definitions.model import Definition
from engine.dispatch import Dispatch
from engine.views import StoredDefinition
from store.tables import WorkflowInstance


def dispatch_of(
    row: WorkflowInstance, document: dict[str, Any], parcel: Parcel, *, digest: str | None = None
) -> Dispatch:
    """What Temporal is told of the run. `digest`: the document's, where that is another than the row names."""
    return Dispatch(
        execution_id=row.execution_id,
        workflow_id=workflow_id(row.template_id),
        name=row.name,
        version=str(document.get("version", "1")),
        revision=row.revision,
        digest=digest or row.digest,
        document=document,
        definition=parcel.definition,
        input=parcel.input,
        slots=parcel.slots,
        owner=row.owner,
        priority=row.priority,
        tags=tuple(row.tags),
        starts_at=row.scheduled_start.timestamp() if row.scheduled_start is not None else 0.0,
        parent=row.parent_execution_id or "",
        forked_from=row.forked_from_id or "",
    )


def deadline(definition: Definition) -> datetime | None:
    """When the timeout of a run that starts now is over; None: it has none."""
    return datetime.now(UTC) + timedelta(seconds=definition.timeout) if definition.timeout else None


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
