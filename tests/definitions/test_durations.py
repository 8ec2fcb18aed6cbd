from __future__ import annotations

import contextlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.durations import parse_duration


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (0, 0.0),
        (90, 90.0),
        (1.5, 1.5),
        ("90", 90.0),
        (" 2.5 ", 2.5),
        ("500ms", 0.5),
        ("30s", 30.0),
        ("30m", 1800.0),
        ("30 min", 1800.0),
        ("2 hours", 7200.0),
        ("1 Hour", 3600.0),
        ("1.5h", 5400.0),
        ("1h30m", 5400.0),
        ("1h 30m 15s", 5415.0),
        ("1 day and 6 hours", 108000.0),
        ("1 day, 6 hours", 108000.0),
        ("2 weeks", 1209600.0),
        ("01:15:00", 4500.0),
        ("100:00:00.5", 360000.5),
        ("PT1H30M", 5400.0),
        ("pt90s", 90.0),
        ("P1DT12H", 129600.0),
        ("P2W", 1209600.0),
        (timedelta(minutes=3), 180.0),
    ],
)
def test_durations_are_read(written: object, seconds: float) -> None:
    assert parse_duration(written) == seconds


@pytest.mark.parametrize(
    "written",
    [
        "",
        "soon",
        "-5",
        -1,
        "1:30",
        "1:99:00",
        "1h1h",
        "5 parsecs",
        "P1M",
        "P1Y",
        "PT",
        "P",
        "1h,",
        "h",
        "1e400",
        "٣m",
        float("nan"),
        float("inf"),
        True,
        None,
        [],
        {},
        10**400,
        "9" * 70,
    ],
)
def test_what_is_no_duration_is_refused_and_quoted(written: object) -> None:
    with pytest.raises(ValueError, match=r"duration|between|very large") as refused:
        parse_duration(written)
    assert len(str(refused.value)) < 300


@given(st.text() | st.floats() | st.integers())
def test_anything_is_read_or_refused(written: object) -> None:
    with contextlib.suppress(ValueError):
        assert parse_duration(written) >= 0
