"""docs/webhooks.md: its receiver takes what Longpole signs, and its table names every setting."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from activities.webhook_sending import signed_headers
from engine.outbound_settings import OutboundSettings
from engine.webhooks.secrets import new_secret
from engine.webhooks.settings import WebhookSettings
from store.webhook_tables import Webhook
from tests.docs.blocks import blocks

DOCUMENT = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()


def webhook(secret: str, former: str = "") -> Webhook:
    until = datetime.now(UTC) + timedelta(hours=1) if former else None
    row = {"owner": "ann", "purpose": "subscription", "kind": "webhook", "target": "https://app.example", "events": []}
    return Webhook(**row, secret=secret, former_secret=former, former_secret_until=until)


async def test_the_receiver_takes_each_message_once_and_refuses_forgeries(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = new_secret()
    monkeypatch.setenv("LONGPOLE_WEBHOOK_SECRET", secret)
    (block,) = [block for block in blocks(DOCUMENT) if block.file == "receiver.py"]
    program: dict[str, Any] = {}
    exec(compile(block.code, "receiver.py", "exec"), program)
    (shown, _) = [json.loads(block.code) for block in blocks(DOCUMENT, "json")]
    body, now = json.dumps(shown), datetime.now(UTC)
    good = signed_headers(webhook(secret), f"msg_{uuid4().hex}", body, now)
    rotated = signed_headers(webhook(new_secret(), former=secret), f"msg_{uuid4().hex}", body, now)
    forged = signed_headers(webhook(new_secret()), f"msg_{uuid4().hex}", body, now)
    old = signed_headers(webhook(secret), f"msg_{uuid4().hex}", body, now - timedelta(minutes=6))
    moved = {**good, "webhook-id": f"msg_{uuid4().hex}"}
    transport = httpx.ASGITransport(program["app"])
    async with httpx.AsyncClient(transport=transport, base_url="http://app.example") as client:
        for headers, status in [(good, 204), (good, 204), (rotated, 204), (forged, 401), (old, 401), (moved, 401)]:
            assert (await client.post("/longpole", content=body, headers=headers)).status_code == status
        assert (await client.post("/longpole", content=body + " ", headers=good)).status_code == 401
    assert capsys.readouterr().out == "workflow.execution.completed exec_5a0c…\n" * 2


def test_every_setting_is_documented_with_its_default() -> None:
    fields = {**OutboundSettings.model_fields, **WebhookSettings.model_fields}
    table = DOCUMENT.split("## Settings")[1]
    found = {}
    for names, default in re.findall(r"^\| (`.*?) \| ?(.*?) \| .*\|$", table, re.MULTILINE):
        found |= dict.fromkeys(re.findall(r"`(\w+)`", names), default.strip(" `"))
    assert found == {name: _shown(field.default) for name, field in fields.items()}


def _shown(default: object) -> str:
    if isinstance(default, tuple):
        return ",".join(f"{each:g}" for each in default)
    if default is None:
        return ""
    return f"{default:g}" if isinstance(default, float) else str(default)
