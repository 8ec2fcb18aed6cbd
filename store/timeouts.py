"""When a run's timeout is over; a pause moves it on by as long as it lasted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from definitions.model import Definition
from store.columns import storable_text
from store.locks import LockedRun
from store.tables import EVENTS, INSTANCES


def deadline(definition: Definition) -> datetime | None:
    """When the timeout of a run that starts now is over; None: it has none."""
    return datetime.now(UTC) + timedelta(seconds=definition.timeout) if definition.timeout else None


def move_on(session: Session, run: LockedRun, resumed_at: datetime, event_key: str) -> None:
    """The run was resumed at that moment. Not again for an event that is recorded already."""
    run_events = EVENTS.c.instance_id == run.id
    if (
        session.scalar(select(EVENTS.c.sequence).where(run_events, EVENTS.c.key == storable_text(event_key)))
        is not None
    ):
        return
    paused_at = session.scalar(select(func.max(EVENTS.c.at)).where(run_events, EVENTS.c.type == "run.paused"))
    timeout_at = session.scalar(select(INSTANCES.c.timeout_at).where(INSTANCES.c.id == run.id))
    if paused_at is not None and timeout_at is not None:
        run.change(timeout_at=timeout_at + max(resumed_at - paused_at, timedelta()))
