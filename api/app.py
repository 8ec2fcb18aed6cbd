"""The application: the surfaces, and whether the service lives and works."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from api.conventions import Conventions
from api.cors import allow_origins
from api.engine_source import EngineFactory, EngineSource
from api.faults import RETRY_AFTER_SECONDS
from api.problem_documents import PROBLEM_DOCUMENTS
from api.request_log import RequestLog
from api.security_headers import SecurityHeaders
from api.surface import Surface
from api.surfaces import SURFACES
from api.switchboard import Switchboard
from api.unexpected import UnexpectedErrors
from engine.core import open_engine
from engine.settings import Settings


def create_app(
    settings: Settings, engine_factory: EngineFactory | None = None, surfaces: Sequence[Surface] = SURFACES
) -> FastAPI:
    """The ASGI application; it opens its engine while it runs. `engine_factory` replaces `open_engine(settings)`.

    Raises `LongpoleError` (`signing_key_unusable`)."""
    source = EngineSource(engine_factory or partial(open_engine, settings))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with source.opening():
            yield

    app = FastAPI(title="Longpole", lifespan=lifespan, docs_url="/docs", redoc_url=None)
    # The last one added is the outermost.
    app.add_middleware(Switchboard, surfaces=surfaces, conventions=Conventions(settings, source))
    app.add_middleware(UnexpectedErrors, manner=PROBLEM_DOCUMENTS)
    allow_origins(app, settings.cors_origins)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestLog)
    app.add_exception_handler(HTTPException, PROBLEM_DOCUMENTS.handle)

    @app.get("/healthz", tags=["operation"])
    async def healthz() -> dict[str, str]:
        """Whether the process lives; looks at nothing else."""
        return {"status": "ok"}

    @app.get("/readyz", tags=["operation"], responses={503: {"description": "Not ready; `checks` says which part."}})
    async def readyz() -> JSONResponse:
        """Whether database, Temporal and a worker answer; within two seconds."""
        state = await source.state()
        ready = all(part.problem is None for part in state)
        body: dict[str, Any] = {
            "status": "ready" if ready else "not ready",
            "checks": {part.name: {"ok": part.problem is None, "problem": part.problem} for part in state},
        }
        if ready:
            return JSONResponse(body)
        return JSONResponse(body, 503, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})

    return app
