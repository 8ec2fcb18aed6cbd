"""The application: what answers over HTTP, so far whether the service lives and works."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from api.engine_source import EngineFactory, EngineSource
from api.problems import UnexpectedErrors, http_problem
from engine.core import open_engine
from engine.settings import Settings

RETRY_AFTER_SECONDS = 2


def create_app(settings: Settings, engine_factory: EngineFactory | None = None) -> FastAPI:
    """The ASGI application; it opens its engine while it runs. `engine_factory` replaces `open_engine(settings)`."""
    source = EngineSource(engine_factory or partial(open_engine, settings))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with source.opening():
            yield

    app = FastAPI(title="Longpole", lifespan=lifespan, docs_url="/docs", redoc_url=None)
    app.add_middleware(UnexpectedErrors)
    app.add_exception_handler(HTTPException, http_problem)

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
