"""Deliveries of webhooks made in the very transaction that records the events: one that is recorded can't be lost, and
one that is not is never told.

Events of runs that nobody wants to be told of cost one look into the (mostly empty) table of webhooks for each batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import bindparam, select, union_all
from sqlalchemy.orm import Session

from definitions.webhook_events import CANCELLED, EXECUTION_STARTED, TOLD_AS
from store.columns import now
from store.dialects import Insert, insert_class, is_postgres
from store.locks import LockedRun, chunks
from store.tables import INSTANCES
from store.webhook_tables import DELIVERIES, NOTIFICATION, OF_RUN, PENDING, WEBHOOKS


def post(session: Session, rows: Sequence[Mapping[str, Any]], runs: Iterable[LockedRun]) -> None:
    """Make the deliveries for events that were just appended (rows of `workflow_events`) of these locked runs."""
    begun = {run.id: run.started_at for run in runs if "started_at" in run.changes and run.started_at is not None}
    told = [row for row in rows if row["type"] in TOLD_AS]
    concerned = begun.keys() | {row["instance_id"] for row in told}
    if concerned:
        put(session, told, begun, wanted_by(session, sorted(concerned)))


def wanted_by(session: Session, run_ids: Sequence[UUID], webhook_id: UUID | None = None) -> list[Any]:
    """Rows `run`, `id`, `events`, `purpose`: the enabled webhooks that are to be told of each run."""
    found: list[Any] = []
    if session.scalar(_ANY) is None:
        return found
    for ids in chunks(run_ids):
        found += session.execute(_WANTED, {"ids": ids}).all()
    return [each for each in found if webhook_id in (None, each.id)]


def put(
    session: Session, told: Sequence[Mapping[str, Any]], begun: Mapping[UUID, datetime], wanted: Sequence[Any]
) -> int:
    """Store a delivery for each event and webhook that wants it and has none yet; returns how many events concerned
    somebody. `begun`: when runs started of which that is to be told."""
    deliveries = []
    for webhook in wanted:
        since = begun.get(webhook.run)
        # A run's end tells its start again: that is news only to those who were there.
        was_there = since is not None and (webhook.purpose == OF_RUN or webhook.created_at <= since)
        if since is not None and was_there and EXECUTION_STARTED in webhook.events:
            deliveries.append(_row(webhook, 0, EXECUTION_STARTED, since, None))
        for row in told:
            event = TOLD_AS[row["type"]]
            unwanted = webhook.purpose == NOTIFICATION and row["type"] == CANCELLED
            if row["instance_id"] == webhook.run and event in webhook.events and not unwanted:
                deliveries.append(_row(webhook, row["sequence"], event, row["at"], row["step_id"]))
    if deliveries:
        session.execute(_insert(is_postgres(session)), deliveries)
    return len(deliveries)


@cache
def _insert(for_postgres: bool) -> Insert:
    # Made once: to make it takes as long as to execute it.
    keys = [DELIVERIES.c.webhook_id, DELIVERIES.c.instance_id, DELIVERIES.c.sequence]
    return insert_class(for_postgres)(DELIVERIES).on_conflict_do_nothing(index_elements=keys)


def _row(webhook: Any, sequence: int, event: str, at: datetime, step_id: str | None) -> dict[str, Any]:
    moment = now()
    return {
        "id": uuid4(),
        "webhook_id": webhook.id,
        "instance_id": webhook.run,
        "sequence": sequence,
        "event": event,
        "step_id": step_id,
        "happened_at": at,
        "state": PENDING,
        "due_at": moment,
        "attempts": 0,
        "tries": 0,
        "last_error": "",
        "created_at": moment,
    }


_ANY = select(WEBHOOKS.c.id).where(WEBHOOKS.c.enabled).limit(1)
"""Asked first: it takes a tenth of the time of what follows, and where there are no webhooks that is all."""
_columns = (INSTANCES.c.id.label("run"), WEBHOOKS.c.id, WEBHOOKS.c.events, WEBHOOKS.c.purpose, WEBHOOKS.c.created_at)
_of_these_runs = INSTANCES.c.id.in_(bindparam("ids", expanding=True))
_WANTED = union_all(  # three ways in, each by an index; one with `or` would read all webhooks of an owner
    *(
        select(*_columns)
        .join(WEBHOOKS, WEBHOOKS.c.owner == INSTANCES.c.owner)
        .where(_of_these_runs, WEBHOOKS.c.enabled, *conditions)
        for conditions in (
            (WEBHOOKS.c.template_id.is_(None), WEBHOOKS.c.instance_id.is_(None)),
            (WEBHOOKS.c.template_id == INSTANCES.c.template_id,),
            (WEBHOOKS.c.instance_id == INSTANCES.c.id,),
        )
    )
)
