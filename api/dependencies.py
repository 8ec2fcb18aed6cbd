"""What endpoints ask for: who asks, and the engine as they may use it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from api.conventions import Conventions
from api.exchange import exchange_of
from engine.access.identity import Identity
from engine.core import Engine


async def _caller(request: Request) -> Identity:
    identity = exchange_of(request.scope).identity
    assert identity is not None  # noqa: S101  # `SurfaceRoute` has seen to it
    return identity


Caller = Annotated[Identity, Depends(_caller)]
"""Who asks."""


async def _engine(request: Request, caller: Caller) -> Engine:
    conventions: Conventions = request.app.state.conventions
    return conventions.source.engine.seen_by(caller)


SeenEngine = Annotated[Engine, Depends(_engine)]
"""The engine as the caller may use it. `ServiceUnavailable` (503) while there is none."""


async def _new_id(request: Request) -> Callable[[str], UUID]:
    return exchange_of(request.scope).new_id


NewId = Annotated[Callable[[str], UUID], Depends(_new_id)]
"""`new_id(what)`: the id of an object that the request makes, the same again for the same idempotency key."""
