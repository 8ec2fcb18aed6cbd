"""How long steps of scheduled workflows have taken: what estimates are learned from, and measured by."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from store.scheduling_tables import DURATIONS, StepDuration


def add_durations(session: Session, rows: Iterable[StepDuration]) -> None:
    """Store durations of steps that have ended."""
    session.add_all(rows)
    session.flush()


def of_definition(session: Session, owner: str, definition: str, last: int) -> dict[str, list[float]]:
    """Step -> seconds of its last runs in workflows of this name, the newest first."""
    columns = DURATIONS.c
    rank = func.row_number().over(partition_by=columns.step_id, order_by=(columns.ended_at.desc(), columns.id))
    ranked = (
        select(columns.step_id, columns.seconds, rank.label("rank"))
        .where(columns.owner == owner, columns.definition == definition)
        .subquery()
    )
    statement = select(ranked.c.step_id, ranked.c.seconds).where(ranked.c.rank <= last).order_by(ranked.c.rank)
    found: dict[str, list[float]] = {}
    for step_id, seconds in session.execute(statement):
        found.setdefault(step_id, []).append(seconds)
    return found


def of_agents(
    session: Session, owner: str, kinds: Collection[tuple[str, int]], last: int
) -> dict[tuple[str, int], list[float]]:
    """(Agent type, class of its parameters' size) -> seconds of its last runs, the newest first."""
    columns = DURATIONS.c
    found = {}
    for agent_type, size_class in kinds:
        statement = (
            select(columns.seconds)
            .where(columns.owner == owner, columns.agent_type == agent_type, columns.size_class == size_class)
            .order_by(columns.ended_at.desc(), columns.id)
            .limit(last)
        )
        found[agent_type, size_class] = list(session.scalars(statement))
    return found


def list_durations(session: Session, owner: str | None, last: int) -> Sequence[StepDuration]:
    """The last that have ended, the newest first. `owner` None: of everybody."""
    statement = select(StepDuration).order_by(DURATIONS.c.ended_at.desc(), DURATIONS.c.id).limit(last)
    if owner is not None:
        statement = statement.where(DURATIONS.c.owner == owner)
    return list(session.scalars(statement))
