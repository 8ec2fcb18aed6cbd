"""What holds for one route beside what it does: who may call it, how often, with how much."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from engine.access.identity import READ, WRITE
from engine.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])
Kind = Literal["read", "write", "submission"]
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_ATTRIBUTE = "__longpole_rules__"


@dataclass(frozen=True)
class Rules:
    """`kind` decides the limit, and the scope that is needed; None: by the method. `definition`: the body may be as
    large as a definition. `idempotent`: a POST keeps its answer for its `Idempotency-Key`; not where it holds secrets.
    """

    kind: Kind | None = None
    definition: bool = False
    idempotent: bool = True

    def kind_of(self, method: str) -> Kind:
        """The kind of a request."""
        return self.kind or ("read" if method in SAFE_METHODS else "write")

    def scope_of(self, method: str) -> str:
        """The scope that it needs."""
        return READ if self.kind_of(method) == "read" else WRITE

    def body_limit(self, settings: Settings) -> int:
        """Bytes of a body."""
        return settings.max_definition_bytes if self.definition else settings.max_body_bytes


def rules(*, kind: Kind | None = None, definition: bool = False, idempotent: bool = True) -> Callable[[F], F]:
    """Rules for an endpoint, written below its route. An endpoint without has the usual ones."""

    def decorate(endpoint: F) -> F:
        setattr(endpoint, _ATTRIBUTE, Rules(kind, definition, idempotent))
        return endpoint

    return decorate


def rules_of(endpoint: Callable[..., Any]) -> Rules:
    """Those of an endpoint."""
    found: Rules = getattr(endpoint, _ATTRIBUTE, Rules())
    return found
