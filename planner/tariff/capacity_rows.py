"""Inequalities that every schedule keeps in every slot: the capacities, and sharper ones that follow from them.

Demands are whole, so a capacity of 8 holds at most two tasks that take 3 or more. The facets of the knapsack polytope
over the sizes that occur are found by listing coefficients: there are few, and they lift the bound above that of
the linear relaxation with capacities alone.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.tariff.instance import Ints, TariffInstance

MOST_SIZES = 5
MOST_PATTERNS = 4000
LARGEST_COEFFICIENT = 6
MOST_FACETS = 6


@dataclass(frozen=True, slots=True)
class Rows:
    """Q inequalities per slot: sum of `weights[i, q]` over the tasks that run in slot u is at most `limits[q, u]`."""

    weights: Ints
    """(N, Q)."""
    limits: Ints
    """(Q, H)."""


def capacity_rows(instance: TariffInstance) -> Rows:
    """The capacities themselves (as the first R rows), then the facets of each resource."""
    weights = [instance.demands[:, resource] for resource in range(instance.resources)]
    limits = [instance.capacities[resource] for resource in range(instance.resources)]
    for resource in range(instance.resources):
        demand = instance.demands[:, resource]
        sizes, counts = np.unique(demand[demand > 0], return_counts=True)
        slots_of = np.unique(instance.capacities[resource], return_counts=True)
        usual = int(slots_of[0][np.argmax(slots_of[1])])
        for coefficients in _facets(sizes.tolist(), usual):
            weights.append(np.array([0, *coefficients])[np.searchsorted(np.array([0, *sizes]), demand)])
            most = {
                capacity: _most(sizes.tolist(), coefficients, counts.tolist(), capacity)
                for capacity in slots_of[0].tolist()
            }
            limits.append(np.array([most[capacity] for capacity in instance.capacities[resource].tolist()]))
    return Rows(
        np.stack(weights, axis=1) if weights else np.zeros((instance.tasks, 0), np.int64),
        np.stack(limits) if limits else np.zeros((0, instance.horizon), np.int64),
    )


def _facets(sizes: list[int], capacity: int) -> list[tuple[int, ...]]:
    """Coefficients of facets other than the knapsack itself, where the sizes are few and small enough to list them."""
    if not 1 <= len(sizes) <= MOST_SIZES or capacity < sizes[-1]:
        return []
    patterns = _patterns(sizes, capacity)
    if patterns is None:
        return []
    choices = np.array(
        [
            values
            for values in itertools.combinations_with_replacement(range(LARGEST_COEFFICIENT + 1), len(sizes))
            if values[-1] and np.gcd.reduce(values) == 1 and values != tuple(sizes)
        ]
    )
    if not len(choices):
        return []
    reached = choices @ patterns.T
    found = []
    for values, row in zip(choices, reached, strict=True):
        tight = patterns[row == row.max()]
        if len(tight) >= len(sizes) and np.linalg.matrix_rank(tight) == len(sizes):
            found.append(tuple(values.tolist()))
    return sorted(found, key=sum)[:MOST_FACETS]


def _patterns(sizes: list[int], capacity: int) -> NDArray[np.int64] | None:
    """All ways to fill the capacity, as counts per size; None where there are too many."""
    found: list[tuple[int, ...]] = [()]
    for size in sizes:
        found = [
            (*counts, more)
            for counts in found
            for more in range((capacity - sum(c * s for c, s in zip(counts, sizes, strict=False))) // size + 1)
        ]
        if len(found) > MOST_PATTERNS:
            return None
    return np.array(found)


def _most(sizes: list[int], values: tuple[int, ...], counts: list[int], capacity: int) -> int:
    """The largest total of `values` that fits the capacity (bounded knapsack)."""
    best = np.zeros(capacity + 1, np.int64)
    for size, value, count in zip(sizes, values, counts, strict=True):
        for _ in range(min(count, capacity // size)):
            best[size:] = np.maximum(best[size:], best[: capacity + 1 - size] + value)
    return int(best[capacity])
