"""Webhooks as their owners see and change them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from receiver import got, receiving
from recorded import finish, recorded
from standardwebhooks import WebhookVerificationError

from definitions.errors import Conflict, LongpoleError, NotFound
from definitions.ids import new_execution_id
from definitions.webhook_events import EXECUTION_COMPLETED, EXECUTION_STARTED, STEP_COMPLETED, WEBHOOK_EVENTS
from engine.access.identity import ADMIN, LOCAL, Identity
from engine.core import Engine
from engine.webhooks.webhooks import WebhookChange, Webhooks

URL = "https://hooks.example/in"
OWN_SECRET = "whsec_" + "c2VjcmV0" * 4


async def test_a_webhook_is_made_shown_changed_and_deleted(webhooks: Webhooks) -> None:
    made = await webhooks.subscribe(URL, [EXECUTION_COMPLETED, EXECUTION_STARTED], description="CRM")
    view = made.webhook
    assert view.events == (EXECUTION_STARTED, EXECUTION_COMPLETED)
    assert (view.url, view.ordered, view.enabled, view.workflow_id, view.description) == (URL, False, True, None, "CRM")
    assert made.secret.startswith("whsec_")
    assert made.secret not in repr(await webhooks.get(view.webhook_id))
    changed = await webhooks.update(view.webhook_id, WebhookChange(events=[], ordered=True, enabled=False))
    assert (changed.events, changed.ordered, changed.disabled_reason) == (WEBHOOK_EVENTS, True, "owner")
    assert await webhooks.list() == ([changed], 1)
    await webhooks.delete(view.webhook_id)
    with pytest.raises(NotFound, match="there is no webhook"):
        await webhooks.get(view.webhook_id)


async def test_webhooks_are_their_owners_and_the_admins(engine: Engine, webhooks: Webhooks) -> None:
    webhook = (await webhooks.subscribe(URL)).webhook.webhook_id
    bob = Webhooks(engine, Identity("bob"))
    assert (await bob.list())[1] == 0
    for refused in (
        bob.get(webhook),
        bob.update(webhook, WebhookChange(enabled=False)),
        bob.rotate(webhook),
        bob.delete(webhook),
        bob.log.list(webhook),
    ):
        with pytest.raises(NotFound) as error:
            await refused
        assert (error.value.code, error.value.foreign) == ("webhook_not_found", True)
    execution_id = await recorded(engine, 1)
    with pytest.raises(NotFound):
        await bob.per_run(execution_id, URL)
    stored = await engine.definitions.find("recorded")
    with pytest.raises(NotFound):
        await bob.subscribe(URL, workflow_id=stored.workflow_id)
    root = Webhooks(engine, Identity("root", frozenset({ADMIN})))
    assert (await root.get(webhook)).owner == LOCAL


async def test_nobody_is_told_of_anothers_runs_or_of_what_they_did_not_ask_for(
    sending: Engine, webhooks: Webhooks
) -> None:
    async with receiving() as receiver, receiving() as bobs:
        await webhooks.subscribe(receiver.url, [STEP_COMPLETED])
        await Webhooks(sending, Identity("bob")).subscribe(bobs.url)
        # One who guesses the id of a run that is not there yet learns nothing of it.
        future = new_execution_id()
        await Webhooks(sending, Identity("bob")).per_run(future, bobs.url)
        await finish(sending, await recorded(sending, 3, execution_id=future))
        assert {each.payload["event"] for each in await got(receiver, 3)} == {STEP_COMPLETED}
        assert len(receiver.requests) == 3
        assert bobs.requests == []


async def test_while_a_secret_is_replaced_both_verify_and_then_only_the_new_one(
    sending: Engine, webhooks: Webhooks
) -> None:
    async with receiving() as receiver:
        made = await webhooks.subscribe(receiver.url, [STEP_COMPLETED], secret=OWN_SECRET)
        assert made.secret == OWN_SECRET
        webhook = made.webhook.webhook_id
        rotated = await webhooks.rotate(webhook)
        assert rotated.webhook.former_secret_until is not None
        await recorded(sending, 1)
        (both,) = await got(receiver, 1)
        assert both.verify(OWN_SECRET) == both.verify(rotated.secret)
        last = await webhooks.rotate(webhook, both_valid=timedelta())
        await recorded(sending, 1)
        only = (await got(receiver, 2))[-1]
        only.verify(last.secret)
        for former in (OWN_SECRET, rotated.secret):
            with pytest.raises(WebhookVerificationError):
                only.verify(former)


@pytest.mark.parametrize(
    ("url", "wanted", "secret", "code"),
    [
        ("https://10.0.0.1/", [], None, "address_refused"),
        ("ftp://hooks.example/", [], None, "url_invalid"),
        (URL, ["workflow.execution.paused"], None, "unknown_event"),
        (URL, [], "whsec_c2hvcnQ=", "secret_invalid"),
        (URL, [], "whsec_!!!!", "secret_invalid"),
        (URL, [], "c2VjcmV0" * 4, "secret_invalid"),
    ],
)
async def test_what_can_not_be_subscribed_to_is_refused(
    webhooks: Webhooks, url: str, wanted: list[str], secret: str | None, code: str
) -> None:
    with pytest.raises(LongpoleError) as refused:
        await webhooks.subscribe(url, wanted, secret=secret)
    assert refused.value.code == code


async def test_what_is_disabled_is_sent_nothing(engine: Engine, webhooks: Webhooks) -> None:
    webhook = (await webhooks.subscribe(URL)).webhook.webhook_id
    await webhooks.update(webhook, WebhookChange(enabled=False))
    await recorded(engine, 1)
    assert (await webhooks.log.list(webhook))[1] == 0
    with pytest.raises(Conflict) as refused:
        await webhooks.log.redeliver(webhook, "msg_" + "0" * 32)
    assert refused.value.code == "webhook_disabled"
