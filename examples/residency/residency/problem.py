"""What a roster is made for, and what it is made of. Checked on the way in, plain JSON on the way out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from residency.duty_rules import is_long

OFF = "off"
"""What a request for a free day wants; every other request wants a shift."""
DEEPEST_NIGHT = 3 * 60
"""A shift that is on at three in the morning is a night."""


class Part(BaseModel):
    """A piece of the input."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Resident(Part):
    id: str
    name: str
    pgy: int
    rotation: str | None = None
    """Where they belong in these weeks; duties elsewhere count against the roster, a little."""
    prefers: str | None = None
    """The shift that they like best."""


class Shift(Part):
    id: str
    name: str
    start: Annotated[int, Field(ge=0, lt=1440)]
    """Minutes after midnight."""
    clinical: int
    """Minutes."""
    handover: int = 0
    """Minutes after that, for handing over: they count as duty."""

    @property
    def minutes(self) -> int:
        """From its beginning to its end."""
        return self.clinical + self.handover

    @property
    def is_long(self) -> bool:
        """Whether it is a 24-hour call."""
        return is_long(self.minutes)

    @property
    def is_night(self) -> bool:
        """Whether it is on at three in the morning."""
        end = self.start + self.clinical
        return any(self.start <= hour < end for hour in (DEEPEST_NIGHT, DEEPEST_NIGHT + 1440))


class Rotation(Part):
    id: str
    name: str
    levels: tuple[int, ...]
    """The PGY levels that may work there."""


class Need(Part):
    """How many residents a rotation needs on a shift: on days of the week (0 is Monday), or on one date, which then
    counts instead."""

    rotation: str
    shift: str
    weekdays: tuple[int, ...] = ()
    day: date | None = None
    residents: int


class Leave(Part):
    resident: str
    first: date
    last: date
    kind: str


class Request(Part):
    resident: str
    day: date
    want: str
    weight: int = 1


class Post(NamedTuple):
    """A rotation's shift, which somebody has to work."""

    rotation: str
    shift: str


class Duty(Part):
    """One shift of one resident, on the day on which it begins."""

    resident: str
    date: date
    rotation: str
    shift: str

    @property
    def post(self) -> Post:
        """What is worked."""
        return Post(self.rotation, self.shift)


class Problem(Part):
    """Everything that a roster depends on."""

    start: date
    end: date
    residents: tuple[Resident, ...]
    shifts: tuple[Shift, ...]
    rotations: tuple[Rotation, ...]
    needs: tuple[Need, ...]
    leave: tuple[Leave, ...] = ()
    requests: tuple[Request, ...] = ()

    @cached_property
    def days(self) -> tuple[date, ...]:
        """From the first to the last."""
        return tuple(self.start + timedelta(days=offset) for offset in range((self.end - self.start).days + 1))

    @cached_property
    def resident(self) -> Mapping[str, Resident]:
        """By id."""
        return {each.id: each for each in self.residents}

    @cached_property
    def shift(self) -> Mapping[str, Shift]:
        """By id."""
        return {each.id: each for each in self.shifts}

    @cached_property
    def rotation(self) -> Mapping[str, Rotation]:
        """By id."""
        return {each.id: each for each in self.rotations}

    @cached_property
    def needed(self) -> Mapping[date, Mapping[Post, int]]:
        """How many residents each post needs, day by day, where it needs any."""
        found: dict[date, dict[Post, int]] = {}
        for day in self.days:
            usual = {Post(each.rotation, each.shift): each.residents for each in self.needs if _on(each, day)}
            dated = {Post(each.rotation, each.shift): each.residents for each in self.needs if each.day == day}
            found[day] = {post: count for post, count in (usual | dated).items() if count > 0}
        return found

    @cached_property
    def posts(self) -> tuple[Post, ...]:
        """All that are ever needed, in the order of `needs`."""
        wanted = {post for needed in self.needed.values() for post in needed}
        return tuple(
            dict.fromkeys(
                Post(each.rotation, each.shift) for each in self.needs if Post(each.rotation, each.shift) in wanted
            )
        )

    @cached_property
    def days_of_leave(self) -> Mapping[str, frozenset[date]]:
        """Of each resident, also outside of the roster's days."""
        found: dict[str, set[date]] = {each.id: set() for each in self.residents}
        for each in self.leave:
            span = (each.last - each.first).days + 1
            found.setdefault(each.resident, set()).update(each.first + timedelta(days=offset) for offset in range(span))
        return {resident: frozenset(days) for resident, days in found.items()}

    def span(self, shift: str, day: date) -> tuple[datetime, datetime]:
        """When a shift that begins on that day begins and ends, by the clock on the wall."""
        begin = datetime.combine(day, time()) + timedelta(minutes=self.shift[shift].start)
        return begin, begin + timedelta(minutes=self.shift[shift].minutes)

    def touched(self, shift: str, day: date) -> tuple[date, ...]:
        """The calendar days on which a shift that begins on that day is on."""
        begin, end = self.span(shift, day)
        last = (end - timedelta(microseconds=1)).date()
        return tuple(begin.date() + timedelta(days=offset) for offset in range((last - begin.date()).days + 1))

    def is_eligible(self, resident: str, post: Post) -> bool:
        """Whether the rotation is open to the resident's level."""
        return self.resident[resident].pgy in self.rotation[post.rotation].levels

    def may_work(self, resident: str, post: Post, day: date) -> bool:
        """Whether neither level nor leave is in the way; a shift that runs into leave is not allowed either."""
        if not self.is_eligible(resident, post):
            return False
        return self.days_of_leave[resident].isdisjoint(self.touched(post.shift, day))

    def changed(self, **fields: Any) -> Problem:
        """The same with other values in these fields. (`model_copy` would keep what was derived from the old ones.)"""
        return Problem(**{name: getattr(self, name) for name in Problem.model_fields} | fields)

    def output(self) -> dict[str, Any]:
        """As JSON."""
        return self.model_dump(mode="json")


ROSTER = TypeAdapter(list[Duty])


def roster_output(roster: Iterable[Duty]) -> list[dict[str, Any]]:
    """A roster as JSON, by date, rotation, shift and resident."""
    ordered = sorted(roster, key=lambda duty: (duty.date, duty.rotation, duty.shift, duty.resident))
    return [duty.model_dump(mode="json") for duty in ordered]


def _on(need: Need, day: date) -> bool:
    return need.day is None and day.weekday() in need.weekdays
