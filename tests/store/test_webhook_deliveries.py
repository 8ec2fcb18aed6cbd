"""Deliveries on both databases: made with their events, claimed once, in order where asked, forgotten."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

from rows import Rows

from definitions.ids import to_uuid
from definitions.webhook_events import WEBHOOK_EVENTS
from store import events, instances, webhook_deliveries, webhooks
from store.database import Database
from store.records import EventRecord
from store.webhook_deliveries import Attempted
from store.webhook_tables import OF_RUN, SUBSCRIPTION, Webhook
from store.webhook_terms import Terms

TERMS = Terms((60.0,), timedelta(days=5))


def listening(database: Database, *, ordered: bool = False, run: str | None = None) -> Webhook:
    webhook = Webhook(
        owner="",
        purpose=OF_RUN if run else SUBSCRIPTION,
        kind="webhook",
        target="https://hooks.example",
        instance_id=to_uuid(run) if run else None,
        events=list(WEBHOOK_EVENTS),
        ordered=ordered,
    )
    with database.write() as session:
        return webhooks.add_webhook(session, webhook)


def happen(database: Database, run: str, *steps: str) -> None:
    now = datetime.now(UTC)
    with database.write() as session:
        events.append(session, [EventRecord(run, "step.completed", now, step, key=step) for step in steps])


def claimed(database: Database, webhook: Webhook, limit: int = 10) -> list[webhook_deliveries.WebhookDelivery]:
    now = datetime.now(UTC)
    with database.write() as session:
        return webhook_deliveries.claim(session, webhook.id, now, until=now + timedelta(minutes=1), limit=limit)


def test_an_event_that_is_not_stored_is_told_to_nobody(database: Database, rows: Rows) -> None:
    run, webhook = rows.run(), listening(database)
    never = EventRecord(run, "step.completed", datetime.now(UTC), "a")
    with contextlib.suppress(RuntimeError), database.write() as session:
        events.append(session, [never])
        raise RuntimeError
    assert claimed(database, webhook) == []
    happen(database, run, "a", "b")
    happen(database, run, "a")  # once more: it is there already
    assert [each.step_id for each in claimed(database, webhook)] == ["a", "b"]
    assert claimed(database, webhook) == []


def test_in_order_the_next_is_claimed_when_the_one_before_is_settled(database: Database, rows: Rows) -> None:
    first, second, webhook = rows.run(), rows.run(), listening(database, ordered=True)
    for run in (first, second):
        happen(database, run, "a", "b")
    heads = claimed(database, webhook)
    assert [each.step_id for each in heads] == ["a", "a"]
    now = datetime.now(UTC)
    results = [Attempted(heads[0].id, now, 0.1, True, 204), Attempted(heads[1].id, now, 0.1, False, 500, "no")]
    with database.write() as session:
        assert webhook_deliveries.settle(session, webhook.id, results, TERMS) == ""
    (following,) = claimed(database, webhook)
    assert (following.step_id, following.instance_id) == ("b", heads[0].instance_id)
    with database.read() as session:
        assert webhooks.waiting(session, now, due=now) == []
        due = webhook_deliveries.next_due(session, webhook.id)
        assert due is not None
        assert due > now + timedelta(seconds=50)


def test_what_is_old_is_forgotten(database: Database, rows: Rows) -> None:
    over, future = rows.run(), "exec_" + "f" * 32
    listening(database)
    for run in (over, future):
        listening(database, run=run)
    happen(database, over, "a")
    with database.write() as session:
        instances.finish(session, over, status="completed", completed_at=datetime.now(UTC))
    with database.write() as session:
        later = datetime.now(UTC) + timedelta(days=1)
        assert webhook_deliveries.forget_deliveries(session, later - timedelta(days=2)) == 0
        assert webhook_deliveries.forget_deliveries(session, later) == 4
        assert webhooks.forget_of_runs(session, later) == 2
        assert webhooks.list_webhooks(session, owner=None)[1] == 1
