"""What a run takes with it on its way to Temporal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from activities.outputs import keep
from definitions.by_reference import LARGEST_INLINE, reference
from definitions.digest import canonical_json
from definitions.values import pack
from store.blobs import BlobStore


@dataclass(frozen=True)
class Parcel:
    """A run's definition and input, of which what is large was put into blob storage."""

    definition: dict[str, Any]
    input: Any
    slots: list[Any]


def parcel_of(
    document: dict[str, Any], run_input: Any, blobs: BlobStore, *, largest_inline: int = LARGEST_INLINE
) -> Parcel:
    """Puts large values of the input outside, as those of a step's output are, and a definition of more than
    `largest_inline` bytes as a whole.

    May take long, so it is done before a transaction. Raises what `blobs` raises."""
    packed = pack(keep(run_input, blobs, origin="input"))
    content = canonical_json(document)
    definition = document if len(content) <= largest_inline else reference(blobs.put(content))
    return Parcel(definition, packed.json, packed.slots)
