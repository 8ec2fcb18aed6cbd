"""Messages give way to steps, and not for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from activities import giving_way
from activities.giving_way import GivingWay


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(giving_way.time, "monotonic", lambda: now[0])
    return now


def test_while_steps_come_and_go_messages_wait_and_are_few(clock: list[float]) -> None:
    busy = True
    pace = GivingWay(lambda: busy)
    assert pace.pause() == 1.0
    clock[0] += 1.0
    assert pace.pause() == 0.0
    for _ in range(10):
        pace.sent(1, datetime.now(UTC))
    assert pace.pause() == pytest.approx(1.5)
    busy = False
    assert pace.pause() == 0.0
    busy = True
    assert pace.pause() == 1.0


def test_messages_that_have_waited_for_long_hold_up_no_others(clock: list[float]) -> None:
    pace = GivingWay(lambda: True)
    pace.pause()
    clock[0] += 1.0
    pace.sent(10, datetime.now(UTC) - timedelta(minutes=6))
    assert pace.pause() == 0.0
