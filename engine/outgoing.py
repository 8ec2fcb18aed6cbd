"""A run on its way out: its row, and what Temporal is told of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from activities.outputs import keep
from definitions.errors import LongpoleError
from definitions.ids import workflow_id
from definitions.values import pack
from engine.dispatch import MAX_RUN_INPUT_BYTES, Dispatch
from engine.views import StoredDefinition
from store.blobs import BlobStore
from store.tables import WorkflowInstance


def dispatch_of(row: WorkflowInstance, document: dict[str, Any], blobs: BlobStore) -> Dispatch:
    """Large values of the input are kept outside, as those of a step's output are."""
    packed = pack(keep(row.input_data, blobs, origin="input"))
    return Dispatch(
        execution_id=row.execution_id,
        workflow_id=workflow_id(row.template_id),
        name=row.name,
        version=str(document.get("version", "1")),
        revision=row.revision,
        digest=row.digest,
        document=document,
        input=packed.json,
        slots=packed.slots,
        owner=row.owner,
        priority=row.priority,
        tags=tuple(row.tags),
    )


def require_size(run: Dispatch) -> None:
    """Raises `LongpoleError` (`run_too_large`) for what Temporal would not take."""
    if run.size > MAX_RUN_INPUT_BYTES:
        raise LongpoleError(
            f"definition and input take {run.size:,} bytes, a run may start with {MAX_RUN_INPUT_BYTES:,}",
            code="run_too_large",
            remedy="split the definition, or pass large input by address",
        )


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
