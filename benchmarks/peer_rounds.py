"""Engines measured in turn, round by round, so that what else the machine does falls on all of them alike."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.peer_packages import PeerFailed
from benchmarks.peer_process import Offer, Peer, PeerProcess, WorkFailed
from benchmarks.peers_on.work import ALL, LATENCY, Work

FAILURES = 2
"""After so many, a work is not tried again on an engine, nor an engine that ended or hung."""


@dataclass(frozen=True)
class Pace:
    """How much is measured."""

    rounds: int
    minutes: float
    """No round is begun that would last longer than this from the first start, by the longest so far."""
    seconds: float
    """A work is done again within a turn until it took so long in all,"""
    most: int
    """but so many times at most."""


@dataclass
class Row:
    """A work on an engine: the median of each round's times, and what went wrong."""

    engine: str
    work: Work
    against: str
    seconds: dict[int, float] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def told(self, baseline: dict[int, float]) -> dict[str, Any]:
        """As JSON; the ratio is the median over the rounds of its time / the baseline's in the same round."""
        work = self.work
        told: dict[str, Any] = {"engine": self.engine, "work": work.name, "size": work.size, "steps": work.all_steps}
        if self.failures:
            told |= {"failures": len(self.failures), "error": " / ".join(dict.fromkeys(self.failures))}
        if not self.seconds:
            return told
        times = list(self.seconds.values())
        told |= {"rounds": len(times), "seconds": statistics.median(times), "least": min(times), "most": max(times)}
        ratios = [seconds / baseline[number] for number, seconds in self.seconds.items() if number in baseline]
        if ratios:
            told |= {"against": self.against, "ratio": round(statistics.median(ratios), 3)}
        return told


@dataclass
class Runner:
    """A peer and, while it can be asked, its process."""

    peer: Peer
    python: Path
    database: Callable[[Peer], str]
    process: PeerProcess | None = None
    warm: bool = False
    """Whether its process has done each work once."""
    offers: list[Offer] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def ready(self) -> PeerProcess | None:
        """Its process, started when there is none; None when that has failed too often."""
        if self.process is None and len(self.failures) < FAILURES:
            try:
                self.process = PeerProcess(self.peer, self.python, self.database(self.peer))
                self.offers, self.warm = self.process.offers, False
            except PeerFailed as failed:
                self.failures.append(str(failed))
        return self.process

    def lose(self, reason: str) -> None:
        """It has ended, or hangs."""
        self.failures.append(reason)
        self.end()

    def end(self) -> None:
        """End its process, if there is one."""
        if self.process is not None:
            process, self.process = self.process, None
            process.end()


class Rounds:
    """All that is measured in one run of the command."""

    def __init__(self, runners: Sequence[Runner], pace: Pace) -> None:
        self._runners, self._pace = runners, pace
        self._rows: dict[tuple[str, Work], Row] = {}

    def run(self, after_round: Callable[[int], None]) -> None:
        """Start all, do each work once that does not count, then the rounds; `after_round` is told which it was."""
        begun, longest = time.monotonic(), 0.0
        try:
            for runner in self._runners:
                _say(f"starting {runner.peer.title}")
                runner.ready()
            for number in range(self._pace.rounds + 1):
                since = time.monotonic()
                if since - begun + longest > self._pace.minutes * 60:
                    _say("no time for another round")
                    break
                first = number % len(self._runners)
                for runner in [*self._runners[first:], *self._runners[:first]]:
                    _say(f"round {number} of {self._pace.rounds}: {runner.peer.title}")
                    self._turn(runner, number)
                longest = max(longest, time.monotonic() - since)
                after_round(number)
        finally:
            for runner in self._runners:
                runner.end()

    def _turn(self, runner: Runner, number: int) -> None:
        process = runner.ready()
        if process is None:
            return
        try:
            with process.awake():
                for count in dict.fromkeys((number if runner.warm else 0, number)):
                    for offer, work in self._works(runner):
                        self._measure(process, offer, work, self._row(runner, offer, work), count)
                    runner.warm = True
        except PeerFailed as failed:
            runner.lose(str(failed))

    def _measure(self, process: PeerProcess, offer: Offer, work: Work, row: Row, number: int) -> None:
        """A round 0 is one that does not count."""
        if len(row.failures) >= FAILURES:
            return
        seconds, most = (self._pace.seconds, self._pace.most) if number else (0, 1)
        try:
            if work.name == ALL[0].name:
                process.timed(offer, LATENCY, seconds=0, most=1)  # it was stopped until now
            found = process.timed(offer, work, seconds=seconds, most=most)
        except WorkFailed as failed:
            row.failures.append(str(failed))
        except PeerFailed as failed:
            row.failures.append(str(failed))
            raise
        else:
            if number:
                row.seconds[number] = statistics.median(found)

    def _works(self, runner: Runner) -> Iterator[tuple[Offer, Work]]:
        """Each work in all ways of an engine; what others are divided by does their sizes, too."""
        for name in (work.name for work in ALL):
            for offer in runner.offers:
                works = dict.fromkeys(offer.works)
                for other in self._runners:
                    if other.peer.against == offer.engine:
                        works |= dict.fromkeys(work for their in other.offers for work in their.works)
                yield from ((offer, work) for work in works if work.name == name)

    def _row(self, runner: Runner, offer: Offer, work: Work) -> Row:
        return self._rows.setdefault((offer.engine, work), Row(offer.engine, work, runner.peer.against))

    def told(self) -> list[dict[str, Any]]:
        """Every row, and each engine that could not be started or was lost; in the order of the engines."""
        told: list[dict[str, Any]] = []
        for runner in self._runners:
            for offer in runner.offers:
                rows = [row for row in self._rows.values() if row.engine == offer.engine]
                told += [row.told(self._baseline(row)) for row in rows]
            told += [{"engine": runner.peer.title, "error": reason} for reason in dict.fromkeys(runner.failures)]
        return told

    def _baseline(self, row: Row) -> dict[int, float]:
        baseline = self._rows.get((row.against, row.work))
        return baseline.seconds if baseline else {}


def _say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)
