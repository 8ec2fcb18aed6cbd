"""A run on its way out: its row, and what Temporal is told of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from activities.outputs import keep
from definitions.by_reference import LARGEST_INLINE, reference
from definitions.digest import canonical_json
from definitions.ids import workflow_id
from definitions.values import pack
from engine.dispatch import Dispatch
from engine.views import StoredDefinition
from store.blobs import BlobStore
from store.tables import WorkflowInstance


@dataclass(frozen=True)
class Parcel:
    """What a run takes with it: its definition and input, of which what is large was put into blob storage."""

    definition: dict[str, Any]
    input: Any
    slots: list[Any]


def parcel_of(document: dict[str, Any], run_input: Any, blobs: BlobStore) -> Parcel:
    """Puts large values of the input outside, as those of a step's output are, and a large definition as a whole.

    May take long, so it is done before a transaction. Raises what `blobs` raises."""
    packed = pack(keep(run_input, blobs, origin="input"))
    return Parcel(definition_to_send(document, blobs), packed.json, packed.slots)


def definition_to_send(document: dict[str, Any], blobs: BlobStore) -> dict[str, Any]:
    """The definition as a run carries it: itself, or a reference to its blob. Raises what `blobs` raises."""
    content = canonical_json(document)
    return document if len(content) <= LARGEST_INLINE else reference(blobs.put(content))


def dispatch_of(row: WorkflowInstance, document: dict[str, Any], parcel: Parcel) -> Dispatch:
    """What Temporal is told of the run."""
    return Dispatch(
        execution_id=row.execution_id,
        workflow_id=workflow_id(row.template_id),
        name=row.name,
        version=str(document.get("version", "1")),
        revision=row.revision,
        digest=row.digest,
        document=document,
        definition=parcel.definition,
        input=parcel.input,
        slots=parcel.slots,
        owner=row.owner,
        priority=row.priority,
        tags=tuple(row.tags),
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
