"""Instances with prices by time: read from JSON, or made by a seeded generator that resembles the given ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from planner.tariff import TariffInstance

SHARED = Path(__file__).parents[1] / ".." / "shared" / "tou"
"""Where the given instances are."""


def read(path: Path) -> TariffInstance:
    """An instance of the given form. Raises `TariffInvalid`, or KeyError for a missing field."""
    given = json.loads(path.read_text(encoding="utf-8"))
    return TariffInstance.of(
        durations=given["durations"],
        demands=given["demands"],
        capacities=given["capacities"],
        prices=given["prices"],
        edges=given["edges"],
        lags=given.get("lags"),
        earliest=given["earliest_start"],
        latest=given["latest_start"],
    )


def generate(tasks: int, horizon: int, seed: int) -> TariffInstance:
    """`tasks` in workflows of at most 25, four resources, windows per workflow, a day's tariff in 96 steps.

    Durations are 1 to 4 quarters of an hour (on a finer grid: any slots from a third of a quarter to four); capacities
    are chosen so that about half of the busiest resource's time is used, but at least 8. The instance is only returned
    if a first listing finds a schedule for it. Raises RuntimeError where no draw of the seed has one.
    """
    from planner.tariff.listing import list_schedules
    from planner.tariff.windows import tighten

    for attempt in range(50):
        made = _draw(tasks, horizon, np.random.default_rng([seed, attempt, tasks, horizon]))
        windows = tighten(made)
        if not windows.reason and list_schedules(made, windows):
            return made
    raise RuntimeError(f"no feasible instance of {tasks} tasks and {horizon} slots in 50 draws of seed {seed}")


def _draw(tasks: int, horizon: int, random: np.random.Generator) -> TariffInstance:
    step = horizon // 96
    durations = random.integers(max(1, step // 3), 4 * step + 1, tasks)
    demands = np.zeros((tasks, 4), np.int64)
    for task in range(tasks):
        for resource in random.permutation(4)[: 1 + int(random.random() < 0.35)]:
            demands[task, resource] = random.integers(1, 6)
    edges: list[tuple[int, int]] = []
    earliest = np.zeros(tasks, np.int64)
    latest = np.zeros(tasks, np.int64)
    for first in range(0, tasks, 25):
        group = list(range(first, min(tasks, first + 25)))
        ranked = random.permutation(group).tolist()
        heads = dict.fromkeys(group, 0)
        for position, task in enumerate(ranked):
            before = ranked[max(0, position - 10) : position]
            count = min(len(before), int(random.integers(0, 4)))
            for other in sorted(random.choice(before, count, replace=False).tolist()) if count else []:
                edges.append((other, task))
                heads[task] = max(heads[task], heads[other] + int(durations[other]))
        length = max(heads[task] + int(durations[task]) for task in group)
        release = int(random.integers(0, max(1, (horizon - length) // 3) + 1))
        # Slack of 30 to 60 slots of a day's 96, as far as the day goes.
        due = min(horizon, release + length + int(random.integers(30, 61)) * step)
        earliest[group] = release
        latest[group] = due - durations[group]
    used = (demands * durations[:, None]).sum(axis=0) / horizon
    return TariffInstance.of(
        durations=durations,
        demands=demands,
        capacities=np.maximum(8, np.ceil(used / 0.48)).astype(np.int64),
        prices=np.stack([np.repeat(_day(random), step) for _ in range(4)]),
        edges=edges,
        earliest=earliest,
        latest=latest,
    )


def _day(random: np.random.Generator) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """96 prices: a night, two peaks and the time between, with edges that differ by resource."""
    prices = random.integers(16, 25, 96)
    morning = int(random.integers(20, 31))
    evening = int(random.integers(61, 73))
    prices[: morning - int(random.integers(3, 8))] = random.integers(6, 15)
    prices[morning : morning + int(random.integers(14, 21))] += 25
    prices[evening : evening + int(random.integers(14, 19))] += 25
    prices[int(random.integers(87, 96)) :] = random.integers(6, 15)
    night = prices < 16
    prices[night] = random.integers(6, 15, int(night.sum()))
    return prices
