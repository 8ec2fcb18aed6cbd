"""What a pools file says: how much of each resource there is, when, and what it costs (`docs/planner.md`).

Everything is read as `docs/pools.schema.json` tells editors. Hours are those of the pool's clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from definitions.errors import Problem, ProblemsError, QuantityInvalid
from definitions.field_problems import field_problems
from definitions.json_values import field_path, json_problems
from definitions.model import Duration, Frozen
from definitions.moments import DAYS, in_zone, parse_days, parse_hours, parse_moment, parse_zone

Priority = Literal["critical", "high", "normal", "low"]
MAX_POOLS = 1_000
_MAX_NAME = 128

Zone = Annotated[str, BeforeValidator(parse_zone)]
Hours = Annotated[tuple[time, time], BeforeValidator(parse_hours, json_schema_input_type=str)]
Days = Annotated[tuple[int, ...], BeforeValidator(parse_days, json_schema_input_type=str | list[str])]
Moment = Annotated[datetime, BeforeValidator(parse_moment, json_schema_input_type=str)]


class PoolsInvalid(ProblemsError):
    """A pools file that can't be used."""

    default_code = "pools_invalid"
    subject = "the pools file"


def _share(value: object) -> object:
    """ "25%" is 0.25."""
    if isinstance(value, str) and value.strip().endswith("%"):
        try:
            return float(value.strip()[:-1]) / 100
        except ValueError:
            pass
    return value


class Rule(Frozen):
    """When something holds: hours of the clock on some days, or one period."""

    days: Days | None = None
    """The days on which the hours begin: "mon-fri", "sat, sun", [mon, wed]. Every day if left out."""
    hours: Hours | None = None
    """"22:00-06:00"; the whole day if left out."""
    start: Moment | None = None
    """The beginning of one period: "2025-07-05 22:00", by the pool's clock unless it has an offset."""
    end: Moment | None = None
    duration: Annotated[Duration, Field(gt=0)] | None = None
    """Instead of `end`."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        weekly = self.days is not None or self.hours is not None
        ending = (self.end is not None) + (self.duration is not None)
        remedy = "write `days` and `hours`, or `start` and `end` (or `duration`)"
        if weekly and (self.start is not None or ending):
            raise QuantityInvalid("it says both hours of the week and one period", code="bad_rule", remedy=remedy)
        if not weekly and self.start is None:
            raise QuantityInvalid("it does not say when it holds", code="bad_rule", remedy=remedy)
        if self.start is not None and ending != 1:
            message = "a period ends once: " + (
                "`end` and `duration` are both there" if ending else "its end is missing"
            )
            raise QuantityInvalid(message, code="bad_rule", remedy="write either `end` or `duration`")
        return self

    def period(self, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
        """Its aware start and end; None for hours of the week."""
        if self.start is None:
            return None
        start = in_zone(self.start, zone)
        return start, in_zone(self.end, zone) if self.end is not None else start + timedelta(seconds=self.duration or 0)


class CapacityRule(Rule):
    """The pool has another capacity then; 0 for maintenance."""

    capacity: Annotated[float, Field(ge=0)]


class PriceRule(Rule):
    """A unit costs something else then."""

    per_hour: float


class Price(Frozen):
    """Money for one unit and hour: `per_hour`, unless a rule says otherwise. Periods go first, then the first rule."""

    per_hour: float = 0.0
    rules: tuple[PriceRule, ...] = ()


class BurstRule(Frozen):
    """More than the capacity may be used for a while."""

    share: Annotated[float, BeforeValidator(_share, json_schema_input_type=float | str), Field(gt=0, le=10)]
    """How much more, as a share of the capacity: 0.25 or "25%"."""
    longest: Annotated[Duration, Field(gt=0)]
    """For how long in a row."""
    price_factor: Annotated[float, Field(ge=1)] = 1.0
    """What is above the capacity costs this many times the price of that moment."""


def _plain_price(value: object) -> object:
    return {"per_hour": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


def _plain_pool(value: object) -> object:
    return {"capacity": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


class PoolSpec(Frozen):
    """One resource."""

    capacity: Annotated[float, Field(ge=0)]
    """Units that steps may hold at once."""
    description: str = ""
    time_zone: Zone | None = None
    """Whose clock its rules are read by; that of the file if left out."""
    calendar: tuple[CapacityRule, ...] = ()
    """Where the capacity is another. Periods go first, then the first rule that holds."""
    price: Annotated[Price, BeforeValidator(_plain_price, json_schema_input_type=float | Price)] = Price()
    burst: BurstRule | None = None
    priority_multipliers: Mapping[Priority, Annotated[float, Field(gt=0, le=100)]] = {}
    """By how much more steps of a priority that hold some of it count: 1 if left out."""


class PoolsDocument(Frozen):
    """A whole file."""

    time_zone: Zone = "UTC"
    currency: Annotated[str, Field(max_length=16)] = ""
    """What prices are in; only shown."""
    rates: Mapping[Annotated[str, Field(min_length=1, max_length=16)], Annotated[float, Field(gt=0, le=1e9)]] = {}
    """What one of it is worth in other currencies, for showing costs in them."""
    pools: Mapping[str, Annotated[PoolSpec, BeforeValidator(_plain_pool, json_schema_input_type=float | PoolSpec)]]
    """Each resource by the name that steps use, e.g. `cpu_cores`."""

    def zone(self, name: str) -> ZoneInfo:
        """The time zone of a pool."""
        return ZoneInfo(self.pools[name].time_zone or self.time_zone)


def load_pools(document: object) -> PoolsDocument:
    """The pools in a document. Raises `PoolsInvalid` with every problem there is."""
    if not isinstance(document, Mapping):
        message = "a pools file is a mapping with `pools`"
        raise PoolsInvalid([Problem("not_a_mapping", "", message, "see docs/planner.md")])
    problems = json_problems(document)
    if problems:
        raise PoolsInvalid(problems)
    found, named = {}, document.get("pools")
    given: Mapping[Any, Any] = named if isinstance(named, Mapping) else {}
    try:
        whole = PoolsDocument.model_validate({**document, "pools": {}} if isinstance(named, Mapping) else document)
    except ValidationError as error:
        whole = None
        problems += field_problems(error, PoolsDocument, ())
    if isinstance(named, Mapping) and not 0 < len(given) <= MAX_POOLS:
        message = f"there are {len(given)} pools" if given else "there are no pools"
        problems.append(Problem("invalid_value", "pools", message, f"name 1 to {MAX_POOLS}"))
        given = {}
    for name, raw in given.items():
        path = ("pools", name)
        if not name or len(name) > _MAX_NAME:
            message = f"a pool's name has 1 to {_MAX_NAME} characters"
            problems.append(Problem("bad_id", field_path(path), message, "use the name that steps use"))
        try:
            found[name] = PoolSpec.model_validate(_plain_pool(raw))
        except ValidationError as error:
            problems += field_problems(error, PoolSpec, path)
            continue
        zone = ZoneInfo(found[name].time_zone or (whole.time_zone if whole else "UTC"))
        problems += _period_problems(found[name].calendar, zone, (*path, "calendar"))
        problems += _period_problems(found[name].price.rules, zone, (*path, "price", "rules"))
    if problems or whole is None:
        raise PoolsInvalid(problems)
    return whole.model_copy(update={"pools": found})


def _period_problems(rules: tuple[Rule, ...], zone: ZoneInfo, path: tuple[str, ...]) -> list[Problem]:
    """Periods that end before they start, or share a moment with another."""
    problems: list[Problem] = []
    earlier: list[tuple[int, datetime, datetime]] = []
    for number, rule in enumerate(rules):
        period = rule.period(zone)
        if period is None:
            continue
        start, end = period
        at = field_path((*path, number))
        if end <= start:
            problems.append(Problem("empty_period", at, "it ends before it starts", "let it end later"))
            continue
        for other, begins, ends in earlier:
            if start < ends and begins < end:
                message = f"it shares a moment with the period of [{other}]"
                problems.append(Problem("overlapping_periods", at, message, "let one end before the other begins"))
                break
        earlier.append((number, start, end))
    return problems


def day_names(days: tuple[int, ...]) -> str:
    """`mon-fri`, `sat, sun`: days as they may be written."""
    if days and len(days) > 2 and days == tuple(range(days[0], days[-1] + 1)):
        return f"{DAYS[days[0]]}-{DAYS[days[-1]]}"
    return ", ".join(DAYS[day] for day in days)
