"""A week of workflows on four shared pools, made by a seeded generator from the shapes of traced runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, time
from math import ceil, floor
from pathlib import Path
from random import Random
from typing import Any

from definitions.wfformat import from_wfformat
from planner.calendars import CapacityBand, CapacityPeriod
from planner.prices import PriceBand, PricePeriod, Tariff
from planner.problem import Demand, Mode, Objective, Pool, Precedence, Problem, Reservation, Task

SHARED = Path(__file__).parents[1] / ".." / "shared" / "wfinstances"
"""Where the traces are."""
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
WEEK = 7 * DAY
_LEAST, _MOST = 10, 200
"""Tasks of a shape that is used."""
_PRIORITIES = (20, 50, 50, 80)
_OBJECTIVES = {
    "mixed": Objective(completion=0.4, lateness=0.4, cost=0.2),
    "completion": Objective(completion=1.0),
    "lateness": Objective(lateness=1.0),
    "cost": Objective(cost=1.0),
    "duration": Objective(duration=1.0),
}
OBJECTIVES = tuple(_OBJECTIVES)


@dataclass(frozen=True, slots=True)
class _Shape:
    """A traced run: seconds and predecessors of each task, in an order that precedence allows."""

    seconds: list[float]
    before: list[list[int]]


def shapes() -> list[_Shape]:
    """The shapes of the given traces that have 10 to 200 tasks. Raises FileNotFoundError where there are none."""
    found = []
    for path in sorted(SHARED.glob("*.json")):
        steps: list[dict[str, Any]] = from_wfformat(json.loads(path.read_text(encoding="utf-8")))["steps"]
        if _LEAST <= len(steps) <= _MOST:
            place = {step["id"]: number for number, step in enumerate(steps)}
            before = [[place[name] for name in step["depends_on"]] for step in steps]
            found.append(_Shape([step["estimated_duration"] for step in steps], before))
    if not found:
        raise FileNotFoundError(f"no traces in {SHARED}")
    return found


def generate(
    workflows: int = 300, seed: int = 0, *, days: float = 7.0, utilisation: float = 0.7, objective: str = "mixed"
) -> Problem:
    """That many workflows released within `days`, at the grain of a minute.

    The longest task of a workflow takes half an hour to six hours, the others in proportion to the trace. A third of
    the workflows have a due time, a sixth a deadline (half a day and three times their critical path after their
    release, or more). Pools are so large that their work is `utilisation` of what they have in the days, by and large:
    cores have half of them for maintenance one night and cost by hours of a clock, GPUs are fewer at the weekend and
    have a price for each hour, I/O slots are reserved now and then, memory is plain.
    """
    random = Random(seed)
    known = shapes()
    chosen = random.choices(known, [len(shape.seconds) ** 0.5 for shape in known], k=workflows)
    tasks: list[Task] = []
    arcs: list[Precedence] = []
    for number, shape in enumerate(chosen):
        _workflow(f"w{number:03}", shape, days, random, tasks, arcs)
    return Problem(
        tasks=tuple(tasks),
        precedence=tuple(arcs),
        pools=_pools(tasks, days, utilisation, random),
        reservations=tuple(
            Reservation("io_slots", start * HOUR, (start + 2) * HOUR, 1)
            for start in sorted(random.sample(range(6, int(days * 24)), k=max(int(days), 1)))
        ),
        objective=_OBJECTIVES[objective],
        origin=datetime(2025, 3, 3, tzinfo=UTC),
    )


def _workflow(name: str, shape: _Shape, days: float, random: Random, tasks: list[Task], arcs: list[Precedence]) -> None:
    """One workflow's tasks and arcs."""
    longest = max(shape.seconds)
    scale = random.uniform(30, 360) / longest
    minutes = [max(ceil(seconds * scale * random.uniform(0.8, 1.2)), 1) for seconds in shape.seconds]
    hour = min(max(random.gauss(13, 5), 0.0), 23.9)
    release = floor((random.randrange(max(ceil(days) - 1, 1)) * DAY + hour * HOUR) / MINUTE) * MINUTE
    path = _critical_path(minutes, shape.before) * MINUTE
    due = release + path * random.uniform(1.2, 2.5) if random.random() < 1 / 3 else None
    deadline = release + path * random.uniform(3, 6) + DAY / 2 if random.random() < 1 / 6 else None
    priority = random.choice(_PRIORITIES)
    gpu = random.random() < 0.3
    followed = {before for each in shape.before for before in each}
    for place, (length, before) in enumerate(zip(minutes, shape.before, strict=True)):
        demands = [
            Demand("cpu_cores", random.choice((1, 1, 1, 2, 2, 4, 8))),
            Demand("memory_gb", random.choice((1, 2, 4, 4, 8, 16))),
        ]
        if gpu and random.random() < 0.3:
            demands.append(Demand("gpus", random.choice((1, 1, 2))))
        if random.random() < 0.15:
            demands.append(Demand("io_slots", 1))
        last = place not in followed
        tasks.append(
            Task(
                f"{name}.{place}",
                (Mode(length * MINUTE, tuple(demands)),),
                release=release,
                due=ceil(due / MINUTE) * MINUTE if due is not None and last else None,
                deadline=ceil(deadline / MINUTE) * MINUTE if deadline is not None and last else None,
                priority=priority,
                group=name,
            )
        )
        arcs.extend(Precedence(f"{name}.{each}", f"{name}.{place}") for each in before)


def _critical_path(minutes: list[int], before: list[list[int]]) -> int:
    ends: dict[int, int] = {}

    def end(place: int) -> int:
        if place not in ends:
            ends[place] = minutes[place] + max((end(each) for each in before[place]), default=0)
        return ends[place]

    return max(end(place) for place in range(len(minutes)))


def _pools(tasks: list[Task], days: float, utilisation: float, random: Random) -> tuple[Pool, ...]:
    """Pools just as large as the wanted utilisation makes them, but large enough for every task at every hour."""
    work: dict[str, float] = {}
    largest: dict[str, float] = {}
    for task in tasks:
        for demand in task.modes[0].demands:
            work[demand.pool] = work.get(demand.pool, 0.0) + demand.amount * task.modes[0].duration
            largest[demand.pool] = max(largest.get(demand.pool, 0.0), demand.amount)
    size = {
        name: float(max(ceil(work.get(name, 0.0) / (days * DAY) / utilisation), 2 * largest.get(name, 1.0)))
        for name in ("cpu_cores", "memory_gb", "gpus", "io_slots")
    }
    night = (days // 2) * DAY + 2 * HOUR
    hours = [hour * HOUR for hour in range(int(days * 24))]
    spot = tuple(PricePeriod(hour, hour + HOUR, round(random.uniform(1.0, 3.0), 2)) for hour in hours)
    workday = PriceBand(0.09, time(8), time(20), (0, 1, 2, 3, 4))
    weekend = CapacityBand(ceil(size["gpus"] * 0.75), time(0), time(0), (5, 6))
    return (
        Pool(
            "cpu_cores",
            size["cpu_cores"],
            calendar=(CapacityPeriod(night, night + 4 * HOUR, ceil(size["cpu_cores"] / 2)),),
            price=Tariff(0.04, bands=(workday,)),
            zone="Europe/Berlin",
        ),
        Pool("memory_gb", size["memory_gb"]),
        Pool("gpus", size["gpus"], calendar=(weekend,), price=Tariff(2.0, periods=spot), zone="Europe/Berlin"),
        Pool("io_slots", size["io_slots"]),
    )
