from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest

from definitions.errors import QuantityInvalid
from definitions.moments import parse_clock, parse_days, parse_hours, parse_moment, parse_when, parse_zone

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2025, 7, 2, 12, 0, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("mon-fri", (0, 1, 2, 3, 4)),
        ("Sat, Sunday", (5, 6)),
        ("fri-mon", (0, 4, 5, 6)),
        (["mon", "wed"], (0, 2)),
        ("daily", (0, 1, 2, 3, 4, 5, 6)),
    ],
)
def test_days(text: object, days: tuple[int, ...]) -> None:
    assert parse_days(text) == days


@pytest.mark.parametrize("text", ["", "mon-", "fry", 3, [], [1], "1-5", "x" * 100])
def test_what_is_no_day_is_refused(text: object) -> None:
    with pytest.raises(QuantityInvalid):
        parse_days(text)


def test_hours_may_go_over_midnight() -> None:
    assert parse_hours("22:00-06:30") == (time(22), time(6, 30))
    assert parse_hours("00:00 - 24:00") == (time(0), time(0))


@pytest.mark.parametrize("text", ["22-06", "22:00", "25:00-26:00", "24:30-06:00", "22:60-06:00", None])
def test_what_is_no_hours_is_refused(text: object) -> None:
    with pytest.raises(QuantityInvalid):
        parse_hours(text)


@pytest.mark.parametrize("text", ["2025-07-05", "22:00", "yesterday", 1751500800, "2025-13-05 22:00"])
def test_a_moment_has_a_date_and_a_time(text: object) -> None:
    with pytest.raises(QuantityInvalid):
        parse_moment(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("now", "2025-07-02T12:00:00+02:00"),
        ("2h", "2025-07-02T14:00:00+02:00"),
        ("+90m", "2025-07-02T13:30:00+02:00"),
        ("22:00", "2025-07-02T22:00:00+02:00"),
        ("08:00", "2025-07-03T08:00:00+02:00"),
        ("12:00", "2025-07-02T12:00:00+02:00"),
        ("2025-12-24 18:00", "2025-12-24T18:00:00+01:00"),
        ("2025-07-02T22:00:00Z", "2025-07-02T22:00:00+00:00"),
    ],
)
def test_when(text: str, told: str) -> None:
    assert parse_when(text, now=NOON, zone=BERLIN).isoformat() == told


def test_what_is_no_moment_says_what_to_write() -> None:
    with pytest.raises(QuantityInvalid) as caught:
        parse_when("tomorrow", now=NOON, zone=BERLIN)
    assert "22:00" in caught.value.remedy


def test_a_zone_that_is_not_there_has_a_nearest() -> None:
    assert parse_zone("Europe/Berlin") == "Europe/Berlin"
    with pytest.raises(QuantityInvalid) as caught:
        parse_zone("Europe/Berln")
    assert "Europe/Berlin" in caught.value.remedy


def test_an_hour_alone_is_a_clock() -> None:
    assert parse_clock("7:05") == time(7, 5)
