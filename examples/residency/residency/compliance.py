"""The duty-hour rules, counted again over a finished roster by dates and clocks, without the solver's model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

from residency import duty_rules
from residency.duty_rules import Rule
from residency.problem import Duty, Problem

MIDNIGHT = time()


@dataclass(frozen=True)
class Finding:
    """One resident under one rule: where they came nearest to the limit, or went beyond it.

    `measured` and `limit` are in `unit`; `first` and `last` are the days that they were measured over; `breaches`
    counts the places where the rule is broken."""

    resident: str
    rule: Rule
    measured: float
    limit: float
    unit: str
    first: date
    last: date
    breaches: int

    @property
    def kept(self) -> bool:
        """Whether the rule is kept everywhere."""
        return self.breaches == 0

    def text(self, problem: Problem) -> str:
        """For people, with the numbers."""
        bound = "at least" if self.rule in (Rule.FREE_DAYS, Rule.REST) else "at most"
        return (
            f"{self.rule}: {problem.resident[self.resident].name} ({self.resident}) {self.measured:g} {self.unit} from "
            f"{self.first} to {self.last}, {bound} {self.limit:g}"
        )

    def output(self, problem: Problem) -> dict[str, Any]:
        """As JSON."""
        return {
            **asdict(self),
            "rule": str(self.rule),
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "kept": self.kept,
            "text": self.text(problem),
        }


@dataclass(frozen=True)
class _Span:
    duty: Duty
    begin: datetime
    end: datetime

    @property
    def minutes(self) -> int:
        return int((self.end - self.begin).total_seconds()) // 60


def check(problem: Problem, roster: Iterable[Duty]) -> list[Finding]:
    """One finding for each resident and duty-hour rule that has something to measure."""
    by_resident: dict[str, list[Duty]] = {resident: [] for resident in problem.resident}
    for duty in roster:
        by_resident[duty.resident].append(duty)
    return [
        finding for resident, duties in by_resident.items() for finding in check_resident(problem, resident, duties)
    ]


def check_resident(
    problem: Problem, resident: str, duties: Iterable[Duty], *, around: date | None = None
) -> list[Finding]:
    """The same for one resident with these duties. `around`: only what a duty on that day has a part in."""
    spans = sorted(
        (
            _Span(duty, *problem.span(duty.shift, duty.date))
            for duty in duties
            if around is None or abs((duty.date - around).days) <= duty_rules.WINDOW_DAYS + 1
        ),
        key=lambda span: (span.begin, span.end),
    )
    return [
        *_averages(problem, resident, spans, around),
        *_duty_length(resident, spans),
        *_rest(resident, spans),
    ]


def _averages(problem: Problem, resident: str, spans: Sequence[_Span], around: date | None) -> Iterable[Finding]:
    leave = problem.days_of_leave[resident]
    busy = {day for span in spans for day in _days(span)}
    hours, free, calls = [], [], []
    for first, last in duty_rules.windows(problem.start, problem.end):
        # A duty lasts into the next day at most.
        if around is not None and not (first <= around <= last or first == around + timedelta(days=1)):
            continue
        length = (last - first).days + 1
        counted = [day for day in (first + timedelta(days=offset) for offset in range(length)) if day not in leave]
        if not counted:
            continue
        weeks = len(counted) / 7
        worked = sum(_inside(span, first, last, to_the_end=last == problem.end) for span in spans) / 60
        rested = sum(1 for day in counted if day not in busy)
        called = sum(1 for span in spans if duty_rules.is_long(span.minutes) and first <= span.duty.date <= last)
        hours.append((round(worked / weeks, 4), duty_rules.WEEKLY / 60, first, last))
        free.append((rested, duty_rules.least_free_days(len(counted)), first, last))
        calls.append((called, duty_rules.most_calls(len(counted)), first, last))
    yield from _worst(resident, Rule.WEEKLY_HOURS, "hours a week", hours, most=True)
    yield from _worst(resident, Rule.FREE_DAYS, "days free", free, most=False)
    yield from _worst(resident, Rule.CALL_FREQUENCY, "calls", calls, most=True)


def _duty_length(resident: str, spans: Sequence[_Span]) -> Iterable[Finding]:
    longest = (duty_rules.LONGEST + duty_rules.LONGEST_HANDOVER) / 60
    on = []
    # Shifts without a break between them are one time on duty, however they are called.
    begin: datetime | None = None
    end: datetime | None = None
    for span in spans:
        if begin is None or end is None or span.begin > end:
            begin, end = span.begin, span.end
        else:
            end = max(end, span.end)
        on.append((round((end - begin).total_seconds() / 3600, 4), longest, begin.date(), end.date()))
    yield from _worst(resident, Rule.DUTY_LENGTH, "hours on", on, most=True)


def _rest(resident: str, spans: Sequence[_Span]) -> Iterable[Finding]:
    rests = [
        (
            round((after.begin - before.end).total_seconds() / 3600, 4),
            duty_rules.rest_after(before.minutes) / 60,
            before.duty.date,
            after.duty.date,
        )
        for before, after in pairwise(spans)
    ]
    yield from _worst(resident, Rule.REST, "hours of rest", rests, most=False)


def _worst(
    resident: str, rule: Rule, unit: str, measures: Sequence[tuple[float, float, date, date]], *, most: bool
) -> Iterable[Finding]:
    if not measures:
        return
    sign = 1 if most else -1
    measured, limit, first, last = max(measures, key=lambda each: sign * (each[0] - each[1]))
    breaches = sum(1 for value, bound, _, _ in measures if sign * (value - bound) > 0)
    yield Finding(resident, rule, measured, limit, unit, first, last, breaches)


def _days(span: _Span) -> set[date]:
    length = (span.end - timedelta(microseconds=1)).date() - span.begin.date()
    return {span.begin.date() + timedelta(days=offset) for offset in range(length.days + 1)}


def _inside(span: _Span, first: date, last: date, *, to_the_end: bool) -> int:
    """Minutes of a duty within these days; `to_the_end`: what runs on after the last of them counts as well."""
    closes = datetime.combine(last + timedelta(days=1), MIDNIGHT)
    end = span.end if to_the_end else min(span.end, closes)
    begin = max(span.begin, datetime.combine(first, MIDNIGHT))
    return max(int((end - begin).total_seconds()) // 60, 0)
