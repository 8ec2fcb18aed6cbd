"""Runs whose definition or checkpoint is kept outside: loaded before the workflow's task, and on every replay.

A workflow task that computes for two seconds is taken for a deadlock, and to read, check and compile a definition of
100,000 steps takes longer. So it is done where the worker decodes what comes from the server, which nobody times: the
input of a run that has something by reference is turned into a state that is ready to run, and the workflow gets a
token for it (`definitions.prepared`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import structlog
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.converter import PayloadCodec

from definitions.by_reference import digest_of
from definitions.errors import LongpoleError
from definitions.incoming import Beginning, begin, prepared
from definitions.program import programs
from store.blobs import BlobCorrupt, BlobDigestInvalid, BlobMissing, BlobStore

_log = structlog.get_logger()

_HAS_A_REFERENCE = b'":{"blob":"sha256:'
"""In the JSON of a run's input that has one, which the SDK writes without white space."""


class LargeRuns(PayloadCodec):
    """A codec that changes nothing but the inputs of such runs, on their way into a workflow."""

    def __init__(self, blobs: BlobStore, inner: PayloadCodec | None) -> None:
        self._blobs = blobs
        self._inner = inner
        self._one_at_a_time = asyncio.Lock()

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """As they are."""
        return list(payloads) if self._inner is None else await self._inner.encode(payloads)

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Raises what the blob storage raises when it can't be reached: the server then gives the task out again."""
        decoded = list(payloads) if self._inner is None else await self._inner.decode(payloads)
        for place, payload in enumerate(decoded):
            if _HAS_A_REFERENCE in payload.data:
                fields = _run_input(payload)
                if fields is not None:
                    decoded[place] = await self._ready(payload, fields)
        return decoded

    async def _ready(self, payload: Payload, fields: dict[str, Any]) -> Payload:
        # In turn: they want the same interpreter lock, and most often the same program.
        async with self._one_at_a_time:
            made = await asyncio.to_thread(self._made, fields)
        token = json.dumps({"prepared": prepared.leave(made)})
        return Payload(metadata=payload.metadata, data=token.encode())

    def _made(self, fields: dict[str, Any]) -> Beginning | LongpoleError:
        try:
            return begin(fields, self._loaded(fields))
        except (BlobMissing, BlobCorrupt, BlobDigestInvalid) as error:
            _log.error("a run can't go on: a part of it is lost", execution_id=fields["execution_id"], error=str(error))
            return error
        except LongpoleError as error:
            return error

    def _loaded(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        wanted = [fields.get("checkpoint")]
        if programs.known(fields["digest"]) is None:
            wanted.append(fields["definition"])
        digests = {digest for value in wanted if (digest := digest_of(value)) is not None}
        return {digest: json.loads(self._blobs.get(digest)) for digest in digests}


def _run_input(payload: Payload) -> dict[str, Any] | None:
    """The fields of a run's input with a reference in it; None for any other payload."""
    try:
        fields = json.loads(payload.data)
    except ValueError:
        return None
    if not isinstance(fields, dict) or not {"execution_id", "definition", "digest"} <= fields.keys():
        return None
    references = (digest_of(fields["definition"]), digest_of(fields.get("checkpoint")))
    return fields if any(references) else None


def client_for_large_runs(client: Client, blobs: BlobStore) -> Client:
    """The same connection, for a worker."""
    config = client.config()
    converter = config["data_converter"]
    config["data_converter"] = replace(converter, payload_codec=LargeRuns(blobs, converter.payload_codec))
    return Client(**config)
