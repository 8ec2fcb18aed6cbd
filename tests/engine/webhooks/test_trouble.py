"""Receivers that do not do what they should."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

import pytest
from receiver import Received, Receiver, got, receiving, say
from recorded import finish, recorded

from engine.core import Engine
from engine.settings import Settings
from engine.webhooks.webhooks import WebhookChange, Webhooks
from tests.polling import eventually

STEPS = 998
"""And two events more: that it has started, and how it ended."""
GONE = 3
"""How many messages are answered 410: each disables the webhook, until its owner enables it again."""


class Unreliable:
    """Does something wrong with the first attempt at each message, and accepts any other."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self.ids: dict[str, set[str]] = defaultdict(set)
        """Event -> the ids that it came with."""
        self.did: Counter[str] = Counter()

    async def __call__(self, request: Received, writer: asyncio.StreamWriter) -> None:
        data = request.payload["data"]
        event = f"{request.payload['event']} {data.get('step_id')}"
        first = event not in self.ids
        self.ids[event].add(request.message_id)
        if not first:
            await self._receiver.accept(request, writer)
            return
        kind = self._kind(len(self.ids))
        self.did[kind] += 1
        if kind == "hangs":
            await asyncio.sleep(60)
        elif kind == "huge":
            # All is well so far, but for the body that never ends.
            self._receiver.accepted.append(request)
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()
        else:
            location = ("Location: http://127.0.0.1:1/",) if kind.startswith("302") else ()
            await say(writer, kind, *location, body=b"no\n" * 1000)

    def _kind(self, number: int) -> str:
        if number % (STEPS // GONE) == 100:
            return "410 Gone"
        if number % 20 == 0:
            return "hangs"
        return ("500 Internal Server Error", "302 Found", "huge", "503 Service Unavailable")[number % 4]


class TestImpatient:
    """Receivers have not long, and are tried again until they have answered in time, however busy the machine is."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"webhook_seconds": 0.5, "webhook_retries": (0.0, *(0.2,) * 60)})

    @pytest.mark.long
    async def test_each_of_1000_events_arrives_with_one_id_whatever_the_receiver_does(
        self, sending: Engine, webhooks: Webhooks
    ) -> None:
        async with receiving() as receiver:
            receiver.behave = unreliable = Unreliable(receiver)
            made = await webhooks.subscribe(receiver.url)
            webhook = made.webhook.webhook_id
            execution_id = await recorded(sending, STEPS)
            await finish(sending, execution_id)
            disabled = 0

            async def all_arrived() -> bool:
                nonlocal disabled
                view = await webhooks.get(webhook)
                if not view.enabled:
                    assert view.disabled_reason == "gone"
                    disabled += 1
                    await webhooks.update(webhook, WebhookChange(enabled=True))
                _, waiting = await webhooks.log.list(webhook, state="pending", limit=1)
                return waiting == 0

            await eventually(all_arrived, seconds=500)
            _, delivered = await webhooks.log.list(webhook, state="delivered", limit=1)
            assert delivered == STEPS + 2
            assert len(unreliable.ids) == STEPS + 2
            assert all(len(ids) == 1 for ids in unreliable.ids.values())
            assert len({request.message_id for request in receiver.accepted}) == STEPS + 2
            assert min(unreliable.did.values()) > 0
            assert len(unreliable.did) == 6
            assert 1 <= disabled <= GONE
            for request in receiver.requests:
                request.verify(made.secret)


class TestHanging:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"webhook_seconds": 0.5, "webhook_retries": (5.0,) * 20})

    async def test_a_receiver_that_hangs_keeps_no_other_waiting(self, sending: Engine, webhooks: Webhooks) -> None:
        async def hang(_request: Received, _writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(60)

        async with receiving(hang) as dead, receiving() as well:
            stuck = (await webhooks.subscribe(dead.url)).webhook.webhook_id
            await webhooks.subscribe(well.url)
            await recorded(sending, 40)
            await got(well, 41)
            _, left = await webhooks.log.list(stuck, state="pending")
            assert left == 41

            async def told_why() -> bool:
                pending, _ = await webhooks.log.list(stuck, state="pending")
                return any(
                    "no whole answer within 0.5 s" in each.attempts[-1].error for each in pending if each.attempts
                )

            await eventually(told_why)


async def test_what_is_given_up_is_in_the_log_and_can_be_sent_again(sending: Engine, webhooks: Webhooks) -> None:
    async with receiving() as receiver:

        async def refuse(_request: Received, writer: asyncio.StreamWriter) -> None:
            await say(writer, "500 Internal Server Error", body=b"\xff" + b"no\n" * 40_000)

        receiver.behave = refuse
        webhook = (await webhooks.subscribe(receiver.url)).webhook.webhook_id
        await recorded(sending, 1)

        async def given_up() -> bool:
            return (await webhooks.log.list(webhook, state="failed"))[1] == 2

        await eventually(given_up)
        page, _ = await webhooks.log.list(webhook)
        for delivery in page:
            assert [each.number for each in delivery.attempts] == [1, 2, 3, 4]
            assert {each.status for each in delivery.attempts} == {500}
            assert delivery.attempts[0].error == "the receiver answers 500"
            assert len(delivery.attempts[0].response) == 1024
            assert delivery.attempts[0].response.startswith("\ufffdno\n")
            assert all(0 < each.latency_seconds < 20 for each in delivery.attempts)
        assert (await webhooks.get(webhook)).failing_since is not None
        receiver.behave = None
        again = await webhooks.log.redeliver(webhook, page[0].delivery_id)
        assert (again.state, again.delivery_id) == ("pending", page[0].delivery_id)
        await got(receiver, 1)
        assert await webhooks.log.recover(webhook, datetime.now(UTC) - timedelta(hours=1)) == 1
        requests = await got(receiver, 2)
        assert {each.message_id for each in requests} == {delivery.delivery_id for delivery in page}

        async def well() -> bool:
            return (await webhooks.get(webhook)).failing_since is None

        await eventually(well)


async def test_in_order_an_event_waits_for_the_one_before(sending: Engine, webhooks: Webhooks) -> None:
    async with receiving() as receiver:
        tried: Counter[str] = Counter()

        async def refuse_twice(request: Received, writer: asyncio.StreamWriter) -> None:
            tried[request.message_id] += 1
            if request.payload["data"].get("step_id") in ("s3", "s7") and tried[request.message_id] < 3:
                await say(writer, "500 Internal Server Error")
            else:
                await receiver.accept(request, writer)

        receiver.behave = refuse_twice
        await webhooks.subscribe(receiver.url, ordered=True)
        runs = [await recorded(sending, 12) for _ in range(3)]
        requests = await got(receiver, 39)
        for execution_id in runs:
            data = [each.payload["data"] for each in requests]
            steps = [each.get("step_id") for each in data if each["execution_id"] == execution_id]
            assert steps == [None, *(f"s{number}" for number in range(12))]


class TestFailingForDays:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"webhook_disable_days": 0.2 / 86_400, "webhook_retries": (0.3,) * 20})

    async def test_a_webhook_that_fails_for_too_long_is_disabled_and_told_the_rest_when_it_is_enabled(
        self, sending: Engine, webhooks: Webhooks
    ) -> None:
        async with receiving() as receiver:
            made = await webhooks.subscribe("http://127.0.0.1:1/")
            webhook = made.webhook.webhook_id
            await recorded(sending, 2)

            async def disabled() -> bool:
                return (await webhooks.get(webhook)).disabled_reason == "failing"

            await eventually(disabled)
            await recorded(sending, 2)  # nobody is told of these
            view = await webhooks.update(webhook, WebhookChange(enabled=True, url=receiver.url))
            assert (view.enabled, view.disabled_reason, view.failing_since) == (True, "", None)
            await got(receiver, 3)
            assert (await webhooks.log.list(webhook))[1] == 3
