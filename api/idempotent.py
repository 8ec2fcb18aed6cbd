"""One answer for all requests with the same idempotency key."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.exchange import exchange_of
from definitions.errors import TooManyRequests
from engine.access.idempotency import Answer, Claim, IdempotencyKeys

REPLAYED_HEADER = "Idempotent-Replayed"
_KEPT_HEADERS = ("content-type", "location")


async def answered_once(
    app: ASGIApp, keys: IdempotencyKeys, key: str, body: bytes, scope: Scope, receive: Receive, send: Send
) -> None:
    """Serve a request that has an idempotency key: by `app` the first time, by its answer from then on.

    What succeeded is kept, before the caller has it. A refusal frees the key, so that the request can be mended; a
    failure leaves it to the same request. Raises as `IdempotencyKeys.claim`, and what `app` raises."""
    exchange = exchange_of(scope)
    assert exchange.identity is not None  # noqa: S101  # routes are authenticated before
    route = f"{scope['app'].state.surface} {scope['method']} {scope['path'].removeprefix(scope['root_path'])}"
    request = scope["query_string"] + b"\n" + body
    claim = await keys.claim(exchange.identity.subject, route, key, request)
    if isinstance(claim, Answer):
        await _replay(claim, send)
        return
    exchange.claim = claim
    async with keys.holding(claim):
        try:
            await app(scope, receive, _Keeping(keys, claim, send))
        except TooManyRequests:
            await keys.free(claim)
            raise
        except BaseException:  # whatever it is, also that this task is cancelled: somebody else must get at the key
            await keys.leave(claim)
            raise


class _Keeping:
    """Holds an answer back until it is whole and kept."""

    def __init__(self, keys: IdempotencyKeys, claim: Claim, send: Send) -> None:
        self._keys = keys
        self._claim = claim
        self._send = send
        self._start: Message = {}
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._body += message.get("body", b"")
        if message.get("more_body", False):
            return
        await self._keep()
        await self._send(self._start)
        await self._send({"type": "http.response.body", "body": bytes(self._body)})

    async def _keep(self) -> None:
        status = self._start["status"]
        if status >= 500:
            await self._keys.leave(self._claim)
        elif status >= 400:
            await self._keys.free(self._claim)
        else:
            headers = Headers(raw=self._start["headers"])
            kept = {name: headers[name] for name in _KEPT_HEADERS if name in headers}
            await self._keys.answer(self._claim, Answer(status, kept, bytes(self._body)))


async def _replay(answer: Answer, send: Send) -> None:
    headers = {**answer.headers, "content-length": str(len(answer.body)), REPLAYED_HEADER: "true"}
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    await send({"type": "http.response.body", "body": answer.body})
