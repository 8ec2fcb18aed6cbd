"""What every engine is given, and how it is timed. Standard library only: they have no other in common."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace


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


@dataclass(frozen=True)
class Way:
    """A row of the table: an engine, used in one way."""

    engine: str
    run: Callable[[Work], object]
    """Does a whole work, and raises what failed."""
    works: Sequence[Work] = ALL


def serve(*ways: Way) -> None:
    """Tell what there is, then do what is asked for, until who asks hangs up.

    The other side is `benchmarks.peer_process`. Lines of JSON over the socket whose number is the first argument of the
    process. First the ways with their works. Then, for each `{"way": N, "work": {...}, "seconds": S, "most": M}`,
    either `{"seconds": [...]}`: how long it took each time (once at least, M times at most, not again after S seconds),
    or `{"error": "..."}`.
    """
    with socket.socket(fileno=int(sys.argv[1])) as connection, connection.makefile("rw") as lines:
        connection.set_inheritable(False)

        def tell(what: object) -> None:
            lines.write(json.dumps(what) + "\n")
            lines.flush()

        tell([{"engine": way.engine, "works": [asdict(work) for work in way.works]} for way in ways])
        for line in lines:
            asked = json.loads(line)
            try:
                tell(
                    {"seconds": _timed(ways[asked["way"]].run, Work(**asked["work"]), asked["seconds"], asked["most"])}
                )
            except Exception as error:  # noqa: BLE001 - whatever an engine raises is a result
                tell({"error": f"{type(error).__name__}: {error}"[:300]})


def _timed(run: Callable[[Work], object], work: Work, budget: float, most: int) -> list[float]:
    seconds: list[float] = []
    while not seconds or (len(seconds) < most and sum(seconds) < budget):
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
