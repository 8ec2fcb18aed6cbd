"""One attempt at a delivery: signed by the Standard Webhooks specification, as a text to a chat, or as an e-mail."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import structlog
from standardwebhooks import Webhook as Signer

from activities.addresses import AddressRefused
from activities.guarded_http import Answer, exchange
from activities.mail import MailRefused, MailServer
from activities.notices import notice_of
from store.webhook_deliveries import Attempted
from store.webhook_tables import CHAT, EMAIL, Webhook, WebhookDelivery

USER_AGENT = "Longpole-Webhooks/1"
RESPONSE_CHARACTERS = 1024
"""Of an answer, in the delivery log."""
LONGEST_RETRY_AFTER = 3600.0
_log = structlog.get_logger()
_GONE = 410
_ASKED_TO_WAIT = (429, 503)


def message_id(delivery: WebhookDelivery) -> str:
    """`webhook-id`: the same in every attempt, and when it is asked for again."""
    return f"msg_{delivery.id.hex}"


def signed_headers(webhook: Webhook, said_id: str, body: str, at: datetime) -> dict[str, str]:
    """The three headers of the specification. While a secret is being replaced there is a signature by each."""
    signatures = [Signer(webhook.secret).sign(said_id, at, body)]
    if webhook.former_secret and webhook.former_secret_until is not None and at < webhook.former_secret_until:
        signatures.append(Signer(webhook.former_secret).sign(said_id, at, body))
    return {
        "webhook-id": said_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


@dataclass(frozen=True)
class Sender:
    """What messages are sent with. `mail` None: the operator has named no mail server. `seconds`: for each attempt."""

    client: httpx.AsyncClient
    mail: MailServer | None
    seconds: float

    async def send(self, webhook: Webhook, delivery: WebhookDelivery, payload: dict[str, Any]) -> Attempted:
        """One attempt, whatever comes of it."""
        at, begun = datetime.now(UTC), time.monotonic()
        try:
            if webhook.kind == EMAIL:
                found = await self._mail(webhook, delivery, payload)
            else:
                found = await self._post(webhook, delivery, payload, at)
        except AddressRefused as error:
            found = {"error": str(error)}
        except httpx.TimeoutException as error:
            found = {"error": str(error) or f"no answer within {self.seconds:g} s"}
        except httpx.TransportError as error:
            found = {"error": f"the receiver can't be reached: {error or type(error).__name__}"}
        except httpx.InvalidURL as error:
            found = {"error": f"the URL can't be called: {error}", "final": True}
        except Exception:  # noqa: BLE001 - the log has it
            # One message must not keep back those of others that are sent beside it.
            _log.exception("a message could not be sent", delivery=message_id(delivery))
            found = {"error": "unexpected error; the operator's log has the details"}
        outcome: dict[str, Any] = {"succeeded": False, **found}
        return Attempted(delivery.id, at, time.monotonic() - begun, **outcome)

    async def _post(
        self, webhook: Webhook, delivery: WebhookDelivery, payload: dict[str, Any], at: datetime
    ) -> dict[str, Any]:
        said = {"text": notice_of(payload).text} if webhook.kind == CHAT else payload
        body = json.dumps(said, separators=(",", ":"))
        headers = {"Content-Type": "application/json", "User-Agent": USER_AGENT}
        if webhook.kind != CHAT:
            headers |= signed_headers(webhook, message_id(delivery), body, at)
        answer = await exchange(
            self.client, "POST", webhook.target, content=body.encode(), headers=headers, seconds=self.seconds
        )
        return _judged(answer)

    async def _mail(self, webhook: Webhook, delivery: WebhookDelivery, payload: dict[str, Any]) -> dict[str, Any]:
        if self.mail is None:
            return {"error": "no mail server is set (setting `smtp_host`)"}
        notice = notice_of(payload)
        try:
            code = await self.mail.send(webhook.target, notice, message_id(delivery), seconds=self.seconds)
        except MailRefused as error:
            return {"status": error.code, "error": str(error), "final": error.final}
        return {"succeeded": True, "status": code}


def _judged(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = {
        "status": answer.status,
        "response": answer.body[: 4 * RESPONSE_CHARACTERS].decode("utf-8", "replace")[:RESPONSE_CHARACTERS],
    }
    if 200 <= answer.status < 300:
        return {**found, "succeeded": True}
    if answer.status == _GONE:
        return {**found, "gone": True, "error": "the receiver answers 410: it wants no more"}
    said = " (redirects are not followed)" if 300 <= answer.status < 400 else ""
    found["error"] = f"the receiver answers {answer.status}{said}"
    if answer.status in _ASKED_TO_WAIT:
        found["retry_after"] = _retry_after(answer.headers.get("retry-after", ""))
    return found


def _retry_after(text: str) -> float:
    """In seconds; a date, which nobody sends, asks for nothing."""
    return min(float(text), LONGEST_RETRY_AFTER) if text.isdecimal() else 0.0
