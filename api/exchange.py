"""What is known of one request while it is answered."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from starlette.types import Scope

from engine.access.idempotency import Claim
from engine.access.identity import Identity

_KEY = "longpole.exchange"


@dataclass
class Exchange:
    """One request: `body` is its JSON, `claim` what its idempotency key gave."""

    request_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    identity: Identity | None = None
    body: Any = None
    claim: Claim | None = None

    def new_id(self, what: str) -> UUID:
        """The id of an object that the request makes; the same again when it comes again with its idempotency key."""
        return uuid.uuid4() if self.claim is None else self.claim.new_id(what)


def exchange_of(scope: Scope) -> Exchange:
    """That of a request; begun when it is first asked for."""
    exchange: Exchange = scope.setdefault(_KEY, None) or Exchange()
    scope[_KEY] = exchange
    return exchange
