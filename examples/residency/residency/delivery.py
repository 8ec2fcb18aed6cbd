"""Sending a message away: a webhook over HTTP, or mail over the operator's SMTP server."""

from __future__ import annotations

import ipaddress
import os
import smtplib
import socket
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx

from longpole import InvalidInput, PermanentFailure, TemporaryFailure, step

ALLOW_PRIVATE = "RESIDENCY_ALLOW_PRIVATE_WEBHOOKS"
"""Environment variable: `1` lets webhooks go to private and loopback addresses."""
SECONDS = 15.0
SMTP_SECRET = "residency_smtp"


def post(url: str, message: dict[str, Any]) -> None:
    """POST the message as JSON, with the step's idempotency key, so that a repeated attempt can be told from a new one.

    Raises `InvalidInput` for an address that may not be used, `TemporaryFailure` when an attempt later may do better,
    `PermanentFailure` when the receiver refuses."""
    _check(url)
    try:
        # httpx follows no redirects by itself: where one leads has not been checked.
        answer = httpx.post(url, json=message, headers={"Idempotency-Key": step.idempotency_key}, timeout=SECONDS)
    except httpx.TransportError as error:
        raise TemporaryFailure(f"the webhook does not answer: {error}") from None
    if answer.status_code >= 500 or answer.status_code in (408, 429):
        raise TemporaryFailure(f"the webhook answers {answer.status_code}")
    if not answer.is_success:
        raise PermanentFailure(f"the webhook answers {answer.status_code}: check `webhook_url`")
    step.log.info("webhook called", status=answer.status_code)


def mail(recipients: Sequence[str], subject: str, body: str) -> None:
    """Send the message by the server in the secret `residency_smtp`: `smtp://user:password@host:port`, or `smtps://`.

    Raises `InvalidInput` for an address that is none, `TemporaryFailure` when the server does not answer."""
    wrong = [address for address in recipients if "@" not in address or any(each in address for each in "\r\n,;<> ")]
    if wrong:
        raise InvalidInput(f"`email_to`: {wrong[0]!r} is no address: write them like name@example.org")
    server = urlsplit(step.secret(SMTP_SECRET))
    if server.scheme not in ("smtp", "smtps") or not server.hostname:
        raise PermanentFailure(f"the secret `{SMTP_SECRET}` is no address like smtp://user:password@host:port")
    letter = EmailMessage()
    letter["Subject"], letter["To"] = subject, ", ".join(recipients)
    letter["From"] = f"residency@{server.hostname}"
    letter["Message-ID"] = f"<{step.idempotency_key.replace('/', '.')}@{server.hostname}>"
    letter.set_content(body)
    try:
        with _connect(server.scheme, server.hostname, server.port) as connection:
            if server.username:
                connection.login(unquote(server.username), unquote(server.password or ""))
            connection.send_message(letter)
    except (OSError, smtplib.SMTPException) as error:
        raise TemporaryFailure(f"the mail server does not take the message: {error}") from None
    step.log.info("mail sent", recipients=len(recipients))


def _connect(scheme: str, host: str, port: int | None) -> smtplib.SMTP:
    if scheme == "smtps":
        return smtplib.SMTP_SSL(host, port or 465, timeout=SECONDS, context=ssl.create_default_context())
    connection = smtplib.SMTP(host, port or 587, timeout=SECONDS)
    connection.ehlo()
    if connection.has_extn("starttls"):
        connection.starttls(context=ssl.create_default_context())
    return connection


def _check(url: str) -> None:
    """A run's input must not make the worker call what only the worker can reach."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidInput(f"`webhook_url`: {url!r} is no address like https://example.org/hook")
    if os.environ.get(ALLOW_PRIVATE) == "1":
        return
    try:
        found = socket.getaddrinfo(parts.hostname, None, proto=socket.IPPROTO_TCP)
    except OSError as error:
        raise TemporaryFailure(f"`webhook_url`: {parts.hostname} can't be found: {error}") from None
    for *_, address in found:
        if not ipaddress.ip_address(address[0]).is_global:
            raise InvalidInput(
                f"`webhook_url`: {parts.hostname} is a private address: use a public one, or let the operator set "
                f"{ALLOW_PRIVATE}=1"
            )
