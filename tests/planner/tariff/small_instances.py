"""Random instances small enough to try every schedule."""

from __future__ import annotations

import itertools

import numpy as np

from planner.tariff import TariffInstance


def draw(seed: int, tasks: int = 5, horizon: int = 9) -> TariffInstance:
    """Calendars, lags, windows, milestones (duration 0) and negative prices, all at once; not always feasible."""
    random = np.random.default_rng(seed)
    durations = random.integers(0 if seed % 3 == 0 else 1, 4, tasks)
    pairs = [(a, b) for a, b in itertools.combinations(range(tasks), 2) if random.random() < 0.3]
    capacities = np.repeat(random.integers(3, 7, (2, 1)), horizon, axis=1)
    capacities[int(random.integers(2)), int(random.integers(horizon))] = int(random.integers(0, 4))
    earliest = random.integers(0, 3, tasks)
    return TariffInstance.of(
        durations=durations,
        demands=random.integers(0, 4, (tasks, 2)),
        capacities=capacities,
        prices=random.integers(-3 if seed % 2 else 1, 12, (2, horizon)),
        edges=pairs,
        lags=random.integers(0, 2, len(pairs)),
        earliest=earliest,
        latest=np.minimum(horizon - durations, earliest + random.integers(3, 8, tasks)),
    )


def schedules(instance: TariffInstance) -> list[tuple[int, ...]]:
    """Every valid schedule, by trying all (own arithmetic, no arrays)."""
    durations, demands = instance.durations.tolist(), instance.demands.tolist()
    capacities = instance.capacities.tolist()
    edges = list(zip(instance.edges.tolist(), instance.lags.tolist(), strict=True))
    windows = [range(low, high + 1) for low, high in zip(instance.earliest, instance.latest, strict=True)]
    found = []
    for starts in itertools.product(*windows):
        if any(starts[b] < starts[a] + durations[a] + lag for (a, b), lag in edges):
            continue
        use = [[0] * instance.horizon for _ in capacities]
        for task, start in enumerate(starts):
            for slot in range(start, start + durations[task]):
                for resource, amount in enumerate(demands[task]):
                    use[resource][slot] += amount
        if all(u <= c for used, row in zip(use, capacities, strict=True) for u, c in zip(used, row, strict=True)):
            found.append(tuple(int(start) for start in starts))
    return found


def cost(instance: TariffInstance, starts: tuple[int, ...]) -> int:
    """By definition: price x demand over the slots of each task."""
    prices, demands = instance.prices.tolist(), instance.demands.tolist()
    return sum(
        prices[resource][slot] * amount
        for task, start in enumerate(starts)
        for slot in range(start, start + int(instance.durations[task]))
        for resource, amount in enumerate(demands[task])
    )
