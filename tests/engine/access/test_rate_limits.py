from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from racer import race

from definitions.errors import TooManyRequests
from engine.access.forgetting import forget_once
from engine.access.quotas import Quotas
from engine.access.rates import Rates
from store.database import Database
from store.quotas import use_quota

ROOT = Path(__file__).parents[3]


def test_100_racers_in_two_processes_at_a_quota_of_10_are_exactly_10(database: Database, url: str) -> None:
    command = [sys.executable, "-m", "racer", url, "50", "10"]
    env = {"PYTHONPATH": f"{ROOT}:{Path(__file__).parent}", "PATH": "/usr/bin:/bin"}
    racers = [subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert sum(int(racer.communicate()[0]) for racer in racers) == 10


async def test_quotas_are_a_users_and_a_kinds_own_and_begin_anew(database: Database, url: str) -> None:
    assert await race(url, 20, 3) == 3
    quotas = Quotas(database)
    await quotas.use("bob", "submission", 3)
    await quotas.use("ann", "report", 3)
    await quotas.use("ann", "submission", 0)
    with pytest.raises(TooManyRequests):
        await quotas.use("ann", "submission", 3)
    minute, later = timedelta(minutes=1), datetime.now(UTC) + timedelta(minutes=1)
    with database.write() as session:
        for _ in range(3):
            assert use_quota(session, "ann", "submission", limit=3, window=minute, at=later) is None
        assert use_quota(session, "ann", "submission", limit=3, window=minute, at=later) == later + minute


async def test_what_is_over_is_forgotten(database: Database) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    with database.write() as session:
        assert use_quota(session, "ann", "submission", limit=1, window=timedelta(minutes=1), at=long_ago) is None
    await forget_once(database)
    with database.write() as session:
        # Otherwise the window of an hour would still be going on.
        assert use_quota(session, "ann", "submission", limit=1, window=timedelta(hours=2), at=long_ago) is None


def test_a_rate_lets_a_minutes_worth_through_at_once_then_evenly() -> None:
    now = 1000.0
    rates = Rates(clock=lambda: now)

    def through(subject: str) -> int:
        for count in range(1000):
            try:
                rates.count(subject, "read", 60)
            except TooManyRequests as refused:
                return count if 0 < refused.retry_after <= 1.01 else -1
        return 1000

    assert through("ann") == 60
    assert through("bob") == 60
    now += 10
    assert through("ann") == 10
    now += 3600
    assert through("ann") == 60


def test_users_who_have_nothing_to_wait_for_are_forgotten() -> None:
    now = 0.0
    rates = Rates(clock=lambda: now)
    for number in range(25_000):
        now += 1
        rates.count(f"user {number}", "read", 60)
    assert len(vars(rates)["_due"]) <= 10_000
