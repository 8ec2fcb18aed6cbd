"""The schedules that share pools with another, and what is reserved there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from definitions.schedules import Schedule
from engine.schedules.conflicts import LOOKS_AHEAD, Competitor, ScheduleConflict, clashes
from engine.scheduling.pools import PoolBook
from store import reservations, schedules, templates
from store.database import Session


def require_room(
    session: Session,
    book: PoolBook,
    workflow_id: str,
    schedule: Schedule,
    document: Mapping[str, Any] | None = None,
) -> None:
    """Raises `ScheduleConflict` when runs of the workflow, started by the schedule, do not fit their pools.
    `document`: the core definition that it is to have; None: as it is stored."""
    mine = templates.get_template(session, workflow_id)
    definition = mine.definition if document is None else document
    if not any(step.get("resources") for step in definition["steps"]):
        return
    now = datetime.now(UTC)
    taken = reservations.list_taken(session, now, before=now + LOOKS_AHEAD)
    others = _others(session, workflow_id, mine.owner)
    found = clashes(Competitor(mine.name, definition, schedule), others, taken, book.read(session), now)
    if found:
        raise ScheduleConflict([clash.problem() for clash in found])


def _others(session: Session, workflow_id: str, owner: str) -> Iterator[Competitor]:
    """Schedules that are not paused. What is another owner's is named for nobody."""
    for row in schedules.active_schedules(session):
        if row.workflow_id == workflow_id:
            continue
        template = templates.get_template(session, row.workflow_id)
        shown = template.name if row.owner == owner else "another user's workflow"
        yield Competitor(shown, template.definition, Schedule.model_validate(row.document))
