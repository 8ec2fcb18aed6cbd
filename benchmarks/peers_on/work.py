"""What every engine is given, how it is timed and told. Standard library only: they have no other in common."""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class Work:
    """Runs of one shape, all started at once. Every step gets `{"n": n}` and returns it."""

    name: str
    """The column that it is in."""
    steps: int
    """Of one run: one after the other, or side by side (`wide`) and one more that waits for all of them."""
    runs: int = 1
    wide: bool = False

    @property
    def all_steps(self) -> int:
        """Of all runs."""
        return self.runs * (self.steps + self.wide)

    @property
    def size(self) -> str:
        """How much of it there is, in words."""
        return f"{self.runs} x {self.steps}" if self.runs > 1 else f"{self.steps}{' and a join' if self.wide else ''}"


CHAIN = Work("chain", 100)
FAN_OUT = Work("fan-out", 200, wide=True)
MANY = Work("many runs", 10, runs=50)
LATENCY = Work("latency", 1)
ALL = (CHAIN, FAN_OUT, MANY, LATENCY)


def smaller(*, chain: int, fan_out: int, runs: int, steps: int) -> tuple[Work, ...]:
    """The same, less of it, for engines that would take minutes."""
    return replace(CHAIN, steps=chain), replace(FAN_OUT, steps=fan_out), replace(MANY, steps=steps, runs=runs), LATENCY


class Report:
    """Where a process tells what it has measured: lines of JSON in the file that it was given."""

    def __init__(self) -> None:
        self._path = Path(sys.argv[1])
        self._quick = "--quick" in sys.argv

    def measure(self, engine: str, run: Callable[[Work], object], works: Sequence[Work] = ALL) -> None:
        """Time each work on `engine`, after once that does not count. `run` does a whole work, and raises what failed.

        An engine that fails at one goes on with the next.
        """
        for work in works:
            told: dict[str, object] = {"engine": engine, "work": work.name, "size": work.size, "steps": work.all_steps}
            try:
                seconds = self._rounds(run, work)
            except Exception as error:  # noqa: BLE001 - whatever an engine raises is a result
                told["error"] = f"{type(error).__name__}: {error}"[:300]
            else:
                told |= {"rounds": len(seconds), "seconds": statistics.median(seconds), "least": min(seconds)}
            with self._path.open("a") as file:
                file.write(json.dumps(told) + "\n")

    def _rounds(self, run: Callable[[Work], object], work: Work) -> list[float]:
        """At least three, and more of them in what time there is."""
        run(work)
        least, most, budget = (2, 10, 1.0) if self._quick else (3, 40, 4.0)
        seconds: list[float] = []
        while len(seconds) < least or (len(seconds) < most and sum(seconds) < budget):
            begun = time.perf_counter()
            run(work)
            seconds.append(time.perf_counter() - begun)
        return seconds


def expect(found: object, work: Work) -> None:
    """Whether a run gave what its last step returned. Raises `AssertionError`."""
    last = work.steps if work.wide else work.steps - 1
    if found != {"n": last}:
        raise AssertionError(f"the result is {found!r}, not that of step {last}")


def postgres_url(driver: str = "") -> str:
    """An empty database, for SQLAlchemy with a driver."""
    _, _, rest = os.environ["PEER_POSTGRES"].partition("://")
    return f"postgresql{'+' if driver else ''}{driver}://{rest}"
