"""One of the documented APIs as an application of its own: its paths, its words for errors, its OpenAPI page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fastapi import APIRouter, Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException

from api.conventions import Conventions
from api.faults import ErrorManner
from api.unexpected import UnexpectedErrors
from definitions.errors import LongpoleError
from engine.settings import Settings


def _no_hosts(_settings: Settings) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True)
class Surface:
    """An API as it is documented.

    Always reachable under `/<name>`; at the exact documented path, all of `base` is its own (also what is unknown
    there) unless another's base is longer; of several with one base the setting `v1_surface` chooses. At its `hosts`
    all paths are its own. The paths of `router` are the documented ones, in full; `aliases` are other beginnings of
    paths, with what stands for them there.
    """

    name: str
    title: str
    base: str
    errors: ErrorManner
    router: APIRouter
    hosts: Callable[[Settings], tuple[str, ...]] = _no_hosts
    aliases: Mapping[str, str] = field(default_factory=dict)

    def application(self, conventions: Conventions) -> FastAPI:
        """The surface as an ASGI application."""
        bearer = HTTPBearer(auto_error=False, description="A token (JWT), or an API key (`lp_...`).")
        app = FastAPI(
            title=self.title,
            redoc_url=None,
            redirect_slashes=False,
            responses={"default": {"model": self.errors.model, "description": "An error"}},
            dependencies=[Depends(bearer)],
        )
        app.state.conventions = conventions
        app.state.surface = self.name
        app.add_middleware(UnexpectedErrors, manner=self.errors)
        for kind in (HTTPException, RequestValidationError, LongpoleError):
            app.add_exception_handler(kind, self.errors.handle)
        app.include_router(self.router)
        return app
