"""The events of an execution as server-sent events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Header, Query
from starlette.responses import Response, StreamingResponse

from api.dependencies import SeenEngine
from api.routing import surface_router
from engine.event_stream import EventStream
from engine.views import Event

BASE = "/v1/workflows/executions/{execution_id}"
_TYPES = {"run": "workflow.execution", "step": "workflow.step"}
_RECONNECT_MS = 1000
router = surface_router()


@router.get(f"{BASE}/events", response_class=StreamingResponse)
async def stream_events(
    execution_id: str,
    engine: SeenEngine,
    last_event_id: Annotated[str | None, Header(pattern=r"^\d{1,18}$")] = None,
    after: Annotated[int | None, Query(ge=0)] = None,
) -> Response:
    """Server-sent events until the execution is over: each has its sequence number as id. `Last-Event-ID`, or `after`:
    only later ones; 204 where there are none and none will come."""
    begins_after = int(last_event_id) if last_event_id is not None else after or 0
    stream = EventStream(engine.executions, execution_id, begins_after)
    if not await stream.has_more():
        return Response(status_code=204)
    return StreamingResponse(_lines(stream), media_type="text/event-stream")


async def _lines(stream: EventStream) -> AsyncIterator[str]:
    yield f"retry: {_RECONNECT_MS}\n\n"
    async for events in stream:
        # An empty page tells proxies, and us, that the connection lives.
        yield "".join(map(_event, events)) or ": \n\n"


def _event(event: Event) -> str:
    kind, _, what = event.type.partition(".")
    name = f"{_TYPES.get(kind, f'workflow.{kind}')}.{what}"
    told: dict[str, Any] = {"event": name, "timestamp": event.at.isoformat(), "step_id": event.step_id}
    data = json.dumps({**told, "data": event.data}, ensure_ascii=False, separators=(",", ":"))
    return f"id: {event.sequence}\nevent: {name}\ndata: {data}\n\n"
