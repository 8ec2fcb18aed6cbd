"""Whom workflows tell how their executions end: a real mail server and a real chat's URL, both on loopback."""

from __future__ import annotations

from typing import Any

import pytest

from definitions.errors import DefinitionInvalid
from engine.core import Engine
from engine.notifications.notifications import Notifications
from engine.settings import Settings
from tests.engine.webhooks.receiver import got, receiving
from tests.polling import eventually
from tests.running import run

FINE = {"name": "nightly\nreport", "steps": [{"id": "a", "handler": "steps.echo"}]}
BROKEN = {"name": "nightly", "steps": [{"id": "a", "handler": "steps.fail", "input": {"message": "no\nluck"}}]}


@pytest.fixture
def settings(settings: Settings, mail_port: int) -> Settings:
    changed = {
        "outbound_allow": ("127.0.0.0/8",),
        "webhook_plain_http": True,
        "webhook_retries": (0.1, 0.1),
        "smtp_host": "127.0.0.1",
        "smtp_port": mail_port,
        "smtp_tls": "none",
        "smtp_from": "Longpole <longpole@example.org>",
    }
    return settings.model_copy(update=changed)


async def test_success_and_failure_are_told_by_mail_and_chat_and_again_where_that_was_not_taken(
    service: Engine, mailbox: Any
) -> None:
    notifications = Notifications(service.database, service.settings)
    mailbox.answers = ["451 try later"]
    async with receiving() as chat:
        fine, broken = await service.definitions.save(FINE), await service.definitions.save(BROKEN)
        wanted = {"on_success": ["ann@example.org"], "on_failure": ["oncall@example.org", chat.url]}
        for stored in (fine, broken):
            await notifications.put(stored.workflow_id, wanted)
        kept = await notifications.get(fine.workflow_id)
        assert {name: sorted(targets) for name, targets in kept.items()} == {k: sorted(v) for k, v in wanted.items()}
        await run(service, FINE)

        async def taken() -> bool:
            return len(mailbox.letters) >= 2

        await eventually(taken)
        refused, letter = mailbox.letters
        assert refused["Message-ID"] == letter["Message-ID"]
        assert letter["Message-ID"].endswith("@example.org>")
        assert letter["To"] == "ann@example.org"
        assert letter["Subject"] == "nightly report completed"
        execution = await run(service, BROKEN)
        (said,) = await got(chat, 1)
        assert said.payload["text"].startswith("nightly failed\nexecution: " + execution.execution_id)
        assert "luck" in said.payload["text"]
        assert "webhook-signature" not in said.headers

        async def told_by_mail() -> bool:
            return len(mailbox.letters) == 3

        await eventually(told_by_mail)
        assert (mailbox.letters[2]["To"], mailbox.letters[2]["Subject"]) == ("oncall@example.org", "nightly failed")
        assert len(chat.requests) == 1


async def test_what_is_no_address_is_refused_with_its_place(engine: Engine) -> None:
    notifications = Notifications(engine.database, engine.settings)
    stored = await engine.definitions.save(FINE)
    bad = ["ann", "ann@", "a b@example.org", "ann@example.org\nBcc: bob@example.org", "<ann@example.org>", "a@-x.org"]
    with pytest.raises(DefinitionInvalid) as refused:
        await notifications.put(stored.workflow_id, {"on_success": bad, "on_failure": ["ftp://example.org"]})
    places = {each.path: each.code for each in refused.value.problems}
    assert places == {f"notifications.on_success[{index}]": "address_invalid" for index in range(len(bad))} | {
        "notifications.on_failure[0]": "url_invalid"
    }
