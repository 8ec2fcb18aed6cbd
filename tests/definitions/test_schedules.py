from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from definitions.schedules import Schedule, ScheduleInvalid, load_schedule

NOON = datetime(2027, 3, 10, 12, tzinfo=UTC)


def cron(expression: str, zone: str = "UTC", **more: Any) -> Schedule:
    return load_schedule({"schedule": {"type": "cron", "expression": expression, "timezone": zone, **more}})


def times(schedule: Schedule, after: datetime, count: int) -> list[str]:
    return [at.isoformat()[:16] for at in schedule.schedule.timing.upcoming(after, count)]


def problems(document: object) -> list[tuple[str, str]]:
    """Where something is wrong, and its code."""
    with pytest.raises(ScheduleInvalid) as caught:
        load_schedule(document)
    return [(problem.path, problem.code) for problem in caught.value.problems]


def test_the_documented_schedule() -> None:
    found = load_schedule(
        {
            "enabled": True,
            "schedule": {"type": "cron", "expression": "0 2 * * *", "timezone": "UTC"},
            "parameters": {"data_lookback_days": 7},
            "overlap_policy": "skip",
            "max_concurrent_executions": 1,
        }
    )
    assert times(found, NOON, 2) == ["2027-03-11T02:00", "2027-03-12T02:00"]
    assert (found.most_open, found.parameters["data_lookback_days"]) == (1, 7)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    assert problems(
        {
            "schedule": {"type": "cron", "expression": "61 25 * foo 9", "timezone": "Europe/Berln", "jitter": "soon"},
            "overlap_policy": "hop",
            "max_concurrent_executions": 0,
            "catchup_window": "1s",
            "parameters": {"day": ["${schedule.dat}"]},
            "paramters": {},
        }
    ) == [
        ("schedule.timezone", "bad_quantity"),
        ("schedule.jitter", "bad_quantity"),
        ("overlap_policy", "invalid_value"),
        ("max_concurrent_executions", "invalid_value"),
        ("catchup_window", "invalid_value"),
        ("paramters", "unknown_key"),
        ("schedule.expression", "bad_cron"),
        ("schedule.expression", "bad_cron"),
        ("schedule.expression", "bad_cron"),
        ("schedule.expression", "bad_cron"),
        ("parameters.day[0]", "bad_reference"),
    ]


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("* * * *", "4 fields"),
        ("0 * * * * *", "no seconds, no years"),
        ("TZ=UTC 0 2 * * *", "`timezone`"),
        ("@every 5m", "type interval"),
        ("*/0 * * * *", "minute: '*/0' has no step"),
        ("0 17-9 * * *", "hour: '17-9' ends before it begins"),
        ("0 0 L * *", "day of month: 'L' can't be read"),
        ("0 0 * * monkey-", "day of week"),
        ("0 0 32 * *", "day of month: 32 is not between 1 and 31"),
    ],
)
def test_errors_name_the_field_of_the_expression(expression: str, said: str) -> None:
    with pytest.raises(ScheduleInvalid) as caught:
        cron(expression)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "spec",
    [
        {"type": "interval"},
        {"type": "cron", "every": "5m"},
        {"type": "interval", "every": "5m", "expression": "* * * * *"},
        {"type": "interval", "every": "1m", "offset": "2m"},
        {"type": "interval", "every": 1.5},
        {"type": "interval", "every": "1m", "start_at": "2027-01-02 00:00", "end_at": "2027-01-01 00:00"},
        {"type": "cron", "expression": "0 0 30 2 *"},
        {"type": "cron", "expression": "0 0 1 1 *", "start_at": "2027-01-02 00:00", "end_at": "2027-12-31 00:00"},
    ],
)
def test_what_does_not_go_together(spec: dict[str, Any]) -> None:
    assert [path for path, _ in problems({"schedule": spec})] == ["schedule"]


def test_names_lists_steps_and_sundays() -> None:
    assert times(cron("0 9 * jan,jul mon-fri"), NOON, 2) == ["2027-07-01T09:00", "2027-07-02T09:00"]
    assert times(cron("0 0 * * 7"), NOON, 1) == times(cron("@weekly"), NOON, 1) == ["2027-03-14T00:00"]
    assert times(cron("5-20/10 4 * * *"), NOON, 3) == ["2027-03-11T04:05", "2027-03-11T04:15", "2027-03-12T04:05"]


def test_day_of_month_or_day_of_week() -> None:
    both = times(cron("0 0 13 * fri"), datetime(2027, 3, 11, tzinfo=UTC), 4)
    assert both == ["2027-03-12T00:00", "2027-03-13T00:00", "2027-03-19T00:00", "2027-03-26T00:00"]


def test_both_changes_of_clocks_in_berlin() -> None:
    spring, autumn = datetime(2027, 3, 27, 12, tzinfo=UTC), datetime(2027, 10, 30, 12, tzinfo=UTC)
    daily = cron("30 2 * * *", "Europe/Berlin")
    # 02:30 does not exist on the 28th of March; of the two on the 31st of October it is the second.
    assert times(daily, spring, 2) == ["2027-03-29T00:30", "2027-03-30T00:30"]
    assert times(daily, autumn, 2) == ["2027-10-31T01:30", "2027-11-01T01:30"]
    # An hour that is once in UTC is once here: no gap, nothing twice.
    hourly = cron("0 * * * *", "Europe/Berlin").schedule.timing.upcoming(autumn, 24)
    assert {later - earlier for earlier, later in itertools.pairwise(hourly)} == {timedelta(hours=1)}
    changes = daily.schedule.timing.clock_changes(spring, autumn + timedelta(days=2))
    assert [(f"{each.reading:%m-%d %H:%M}", each.how) for each in changes] == [
        ("03-28 02:30", "skipped"),
        ("10-31 02:30", "repeated"),
    ]


def test_start_and_end_are_times_of_the_zone_and_may_be_due_themselves() -> None:
    spec = {"start_at": "2027-07-01 10:00", "end_at": "2027-07-01 12:00"}
    assert times(cron("0 * * * *", "Europe/Berlin", **spec), NOON, 9) == [
        "2027-07-01T08:00",
        "2027-07-01T09:00",
        "2027-07-01T10:00",
    ]


def test_intervals_are_counted_from_1970() -> None:
    found = load_schedule({"schedule": {"type": "interval", "every": "6h", "offset": "30m"}})
    assert times(found, NOON, 2) == ["2027-03-10T12:30", "2027-03-10T18:30"]


def test_parameters_know_when_the_run_is_due() -> None:
    document = {"day": "${schedule.date}", "at": ["from ${schedule.time}", "${schedule.local_time}"], "n": 7}
    found = load_schedule({"schedule": {"type": "cron", "expression": "0 0 * * *", "timezone": "Asia/Tokyo"},
                           "parameters": document})  # fmt: skip
    assert found.input_at(datetime(2027, 3, 9, 15, tzinfo=UTC)) == {
        "day": "2027-03-10",
        "at": ["from 2027-03-09T15:00:00Z", "2027-03-10T00:00:00+09:00"],
        "n": 7,
    }


FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))


@given(
    values=st.tuples(*(st.none() | st.sets(st.integers(low, high), min_size=1, max_size=4) for low, high in FIELDS)),
    after=st.datetimes(datetime(2024, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
@settings(max_examples=60, deadline=None)
def test_the_next_time_is_the_first_minute_that_matches(values: tuple[set[int] | None, ...], after: datetime) -> None:
    fields = ["*" if each is None else ",".join(map(str, sorted(each))) for each in values]
    try:
        found = load_schedule({"schedule": {"type": "cron", "expression": " ".join(fields)}}).schedule.timing
    except ScheduleInvalid:
        reject()  # the 30th of February

    def matches(at: datetime) -> bool:
        minute, hour, day, month, weekday = (
            each is None or value in each
            for each, value in zip(values, (at.minute, at.hour, at.day, at.month, at.isoweekday() % 7), strict=True)
        )
        on_day = (day or weekday) if values[2] is not None and values[4] is not None else (day and weekday)
        return minute and hour and on_day and month

    upcoming = found.upcoming(after, 3)
    assert all(matches(at) and at.second == 0 for at in upcoming)
    limit = after + timedelta(days=2)
    at, expected = after.replace(second=0, microsecond=0) + timedelta(minutes=1), []
    while at <= limit and len(expected) < 3:
        if matches(at):
            expected.append(at)
        at += timedelta(minutes=1)
    assert [each for each in upcoming if each <= limit] == expected
