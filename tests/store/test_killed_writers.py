from __future__ import annotations

import random
import subprocess
import sys
import threading
from pathlib import Path

from rows import Rows

from definitions.webhook_events import EXECUTION_STARTED, STEP_COMPLETED
from store import events, steps, webhook_deliveries, webhooks
from store.database import Database
from store.webhook_tables import Webhook

WRITERS = 5
KILLS = 5
ROOT = Path(__file__).parents[2]


class _Writer:
    """An appender process and how far it says it came."""

    def __init__(self, url: str, run: str, name: str) -> None:
        self.name = name
        self.committed = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.store.appender", url, run, name],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._first = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.committed = int(line)
            self._first.set()
        self._first.set()

    def kill(self) -> str:
        """Kills it while it writes; gives what it complained of before."""
        self._first.wait(60)
        self._process.kill()
        self._reader.join()
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        complaint = self._process.stderr.read()
        self._process.stdout.close()
        self._process.stderr.close()
        self._process.wait()
        return complaint


def test_nothing_committed_is_lost_and_nobody_is_locked_out(database: Database, url: str, rows: Rows) -> None:
    run = rows.run()
    listener = Webhook(owner="", purpose="subscription", kind="webhook", target="https://hooks.example", events=[])
    listener.events = [EXECUTION_STARTED, STEP_COMPLETED]
    with database.write() as session:
        webhooks.add_webhook(session, listener)
    chance = random.Random(7)
    writers = [_Writer(url, run, f"w{number}") for number in range(WRITERS)]
    complaints: list[str] = []
    promised: dict[str, int] = {}

    def kill(writer: _Writer) -> None:
        complaints.append(writer.kill())
        promised[writer.name] = writer.committed

    for number in range(WRITERS, WRITERS + KILLS):
        victim = writers.pop(chance.randrange(len(writers)))
        kill(victim)
        writers.append(_Writer(url, run, f"w{number}"))
    for writer in writers:
        kill(writer)

    assert complaints == [""] * (WRITERS + KILLS)
    with database.read() as session:
        told = events.since(session, run, limit=1_000_000)
        recorded = steps.list_steps(session, run)
        deliveries, _ = webhook_deliveries.list_deliveries(session, listener.id, limit=1_000_000)
        if database.is_sqlite:
            assert session.connection().exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
    assert [event.sequence for event in told] == list(range(1, len(told) + 1))
    # Each event has its delivery, and no delivery is without one; 0: that the run has started.
    assert sorted(each.sequence for each in deliveries) == list(range(len(told) + 1))
    written = {event.key for event in told}
    missing = {f"{name}/{turn}" for name, last in promised.items() for turn in range(1, last + 1)} - written
    assert missing == set()
    assert {f"{step.step_id}/{step.attempt_number}" for step in recorded} == written
    assert min(promised.values()) > 0
