"""Making room: workflows of a lower priority that have not started and allow it are planned again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from definitions.errors import LongpoleError
from definitions.pools import PoolsDocument
from engine.scheduling.plan_record import holdings
from engine.scheduling.proposing import Proposal, propose
from engine.scheduling.refusals import ResourceConflict
from engine.scheduling.weights import standing
from engine.scheduling.wish import Wish
from store.reservations import Held

_ROUNDS = 8
"""Times that room is looked for, each without the workflow that could not be moved the time before."""
_SPARED = 16
"""Workflows of which it is asked whether they could have stayed."""


@dataclass(frozen=True, slots=True)
class Movable:
    """A workflow that may have to make room."""

    id: UUID
    wish: Wish
    planned_start: datetime


@dataclass(frozen=True, slots=True)
class Room:
    """A plan, and the plans of those that made room for it."""

    proposal: Proposal
    moved: tuple[tuple[Movable, Proposal], ...]


def make_room(
    wish: Wish, own: UUID, pools: PoolsDocument, held: Sequence[Held], movable: Sequence[Movable], now: datetime
) -> Room:
    """A plan for which the fewest of the least important are moved. Raises `ResourceConflict` where that is not enough,
    and what `propose` raises."""
    candidates = sorted(movable, key=lambda each: (standing(each.wish, pools), -each.planned_start.timestamp()))
    for _ in range(_ROUNDS):
        proposal, victims = _without(wish, pools, held, candidates, now)
        stuck, moved = _planned_again(proposal, own, pools, held, victims, now)
        if stuck is None:
            return Room(proposal, tuple(moved))
        candidates.remove(stuck)
    raise ResourceConflict("there is no room for it, also where others are moved", remedy="widen its window")


def _without(
    wish: Wish, pools: PoolsDocument, held: Sequence[Held], candidates: Sequence[Movable], now: datetime
) -> tuple[Proposal, list[Movable]]:
    """A plan on the room of the first candidates, as few as are enough."""

    def on_room_of(victims: Sequence[Movable]) -> Proposal:
        gone = {each.id for each in victims}
        return propose(wish, pools, [each for each in held if each.workflow_id not in gone], now)

    victims: list[Movable] = []
    while True:
        try:
            proposal = on_room_of(victims)
            break
        except ResourceConflict:
            if len(victims) == len(candidates):
                raise
            victims.append(candidates[len(victims)])
    for needless in victims[:-1][:_SPARED]:
        fewer = [each for each in victims if each is not needless]
        try:
            proposal, victims = on_room_of(fewer), fewer
        except ResourceConflict:
            continue
    return proposal, victims


def _planned_again(
    proposal: Proposal, own: UUID, pools: PoolsDocument, held: Sequence[Held], victims: Sequence[Movable], now: datetime
) -> tuple[Movable | None, list[tuple[Movable, Proposal]]]:
    """New plans for those that gave up theirs, the more important first; or the one that has none any more."""
    gone = {each.id for each in victims}
    taken = [*(each for each in held if each.workflow_id not in gone), *holdings(proposal, own)]
    moved: list[tuple[Movable, Proposal]] = []
    for victim in sorted(victims, key=lambda each: -standing(each.wish, pools)):
        try:
            again = propose(victim.wish, pools, taken, now)
        except LongpoleError:
            return victim, []
        moved.append((victim, again))
        taken += holdings(again, victim.id)
    return None, moved
