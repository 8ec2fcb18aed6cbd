"""What all routes of all surfaces share: before a route runs, it is known who asks, and that they may."""

from __future__ import annotations

from datetime import timedelta

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.engine_source import EngineSource
from api.exchange import Exchange, exchange_of
from api.idempotent import answered_once
from api.request_body import again, parse_json, read_body
from api.rules import Rules
from engine.access.api_keys import ApiKeys
from engine.access.authentication import Authenticator
from engine.access.idempotency import IdempotencyKeys
from engine.access.identity import Identity
from engine.access.quotas import Quotas
from engine.access.rates import Rates
from engine.access.tokens import Tokens
from engine.settings import Settings

IDEMPOTENCY_HEADER = "Idempotency-Key"


class Conventions:
    """One for all surfaces of an application. Raises as `Tokens` does."""

    def __init__(self, settings: Settings, source: EngineSource) -> None:
        self.settings = settings
        self.source = source
        self._authenticator = Authenticator(Tokens(settings), lambda: ApiKeys(source.engine.database))
        self._rates = Rates()

    async def serve(self, app: ASGIApp, rules: Rules, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request by a route's `app`, after all that its rules ask for.

        Raises the core's errors and `RequestRefused`; the surface's application answers them."""
        exchange, method, headers = exchange_of(scope), scope["method"], Headers(scope=scope)
        identity = exchange.identity = await self._authenticator.identity(headers.get("authorization"))
        identity.require_scope(rules.scope_of(method))
        kind = rules.kind_of(method)
        if kind != "submission":
            self._rates.count(identity.subject, kind, getattr(self.settings, f"{kind}s_per_minute"))
        body = await self._body(rules, exchange, headers, scope, receive)
        key = headers.get(IDEMPOTENCY_HEADER) if rules.idempotent and method == "POST" else None

        async def run(scope: Scope, receive: Receive, send: Send) -> None:
            if kind == "submission":
                await self._count_submission(identity)
            await app(scope, receive, send)

        if key is None:
            await run(scope, again(body, receive), send)
            return
        keys = IdempotencyKeys(self.source.engine.database, timedelta(hours=self.settings.idempotency_hours))
        await answered_once(run, keys, key, body, scope, again(body, receive), send)

    async def _body(self, rules: Rules, exchange: Exchange, headers: Headers, scope: Scope, receive: Receive) -> bytes:
        if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
            return b""
        settings = self.settings
        body = await read_body(scope, receive, limit=rules.body_limit(settings), seconds=settings.body_seconds)
        if body:
            exchange.body = parse_json(scope, body)
        return body

    async def _count_submission(self, identity: Identity) -> None:
        quotas = Quotas(self.source.engine.database)
        await quotas.use(identity.subject, "submission", self.settings.submissions_per_minute)
