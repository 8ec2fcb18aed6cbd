"""What is to be scheduled at least cost, in whole slots, and a schedule's cost and faults by definition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from definitions.errors import LongpoleError

Ints = NDArray[np.int64]
LARGEST = 1 << 31
"""No single number may be above: sums of products must stay within 64 bits."""


class TariffInvalid(LongpoleError, ValueError):
    """An instance that does not fit together; the message names the field and the place."""

    default_code: ClassVar[str] = "tariff_invalid"


@dataclass(frozen=True, eq=False)
class TariffInstance:
    """N tasks on R resources over H slots. All arrays are whole numbers and read-only.

    A task begun at slot t runs in t .. t + duration - 1, and costs the sum of price x demand over them. A capacity per
    slot expresses calendars and reservations. Raises `TariffInvalid`.
    """

    durations: Ints
    """(N,) slots, 0 or more."""
    demands: Ints
    """(N, R), 0 or more, in every slot of the task."""
    capacities: Ints
    """(R, H), 0 or more."""
    prices: Ints
    """(R, H) per unit and slot; may be negative."""
    edges: Ints
    """(E, 2): the first task ends before the second begins."""
    lags: Ints
    """(E,) slots at least between the end of the first and the start of the second, 0 or more."""
    earliest: Ints
    """(N,) first slot in which a task may begin."""
    latest: Ints
    """(N,) last slot in which a task may begin."""

    @classmethod
    def of(
        cls,
        *,
        durations: ArrayLike,
        demands: ArrayLike,
        capacities: ArrayLike,
        prices: ArrayLike,
        edges: ArrayLike = (),
        lags: ArrayLike | None = None,
        earliest: ArrayLike | None = None,
        latest: ArrayLike | None = None,
    ) -> TariffInstance:
        """From lists: a capacity per resource may stand for all slots, lags default to 0, windows to the horizon."""
        price = _whole(prices, "prices")
        if price.ndim != 2:
            raise TariffInvalid("prices has to be a table of one row per resource and one column per slot")
        duration = _whole(durations, "durations").reshape(-1)
        capacity = _whole(capacities, "capacities")
        if capacity.ndim == 1 and len(capacity) == len(price):
            capacity = np.repeat(capacity[:, None], price.shape[1], axis=1)
        pairs = _whole(edges, "edges").reshape(-1, 2)
        return cls(
            durations=duration,
            demands=_table(_whole(demands, "demands"), len(duration), len(price)),
            capacities=capacity,
            prices=price,
            edges=pairs,
            lags=np.zeros(len(pairs), np.int64) if lags is None else _whole(lags, "lags"),
            earliest=np.zeros(len(duration), np.int64) if earliest is None else _whole(earliest, "earliest"),
            latest=price.shape[1] - duration if latest is None else _whole(latest, "latest"),
        )

    def __post_init__(self) -> None:
        shapes: dict[str, tuple[int, ...]] = {
            "durations": (self.tasks,),
            "demands": (self.tasks, self.resources),
            "capacities": (self.resources, self.horizon),
            "prices": (self.resources, self.horizon),
            "edges": (len(self.edges), 2),
            "lags": (len(self.edges),),
            "earliest": (self.tasks,),
            "latest": (self.tasks,),
        }
        for name, shape in shapes.items():
            values = _whole(getattr(self, name), name).copy()
            if values.shape != shape:
                raise TariffInvalid(f"{name} has the shape {values.shape}, and {shape} fits the other fields")
            low = values.min(initial=0)
            if low < 0 and name not in ("prices", "latest", "earliest"):
                raise TariffInvalid(f"{name} has {low}", remedy="give 0 or more")
            if max(values.max(initial=0), -low) > LARGEST:
                raise TariffInvalid(f"{name} has a value beyond {LARGEST}", remedy="use a coarser unit")
            values.flags.writeable = False
            object.__setattr__(self, name, values)
        if self.edges.max(initial=-1) >= self.tasks:
            raise TariffInvalid(f"edges name task {self.edges.max()}, and there are {self.tasks} tasks (from 0)")
        if len(self.order) < self.tasks:
            raise TariffInvalid("edges go in a circle", remedy="leave out one of them")

    @property
    def tasks(self) -> int:
        """N."""
        return int(self.durations.shape[0])

    @property
    def resources(self) -> int:
        """R."""
        return int(self.prices.shape[0])

    @property
    def horizon(self) -> int:
        """H."""
        return int(self.prices.shape[1])

    @cached_property
    def order(self) -> list[int]:
        """Tasks with each after all its predecessors; shorter than N where edges go in a circle."""
        following: list[list[int]] = [[] for _ in range(self.tasks)]
        waiting = [0] * self.tasks
        for first, second in self.edges.tolist():
            following[first].append(second)
            waiting[second] += 1
        found = [task for task in range(self.tasks) if not waiting[task]]
        for task in found:
            for second in following[task]:
                waiting[second] -= 1
                if not waiting[second]:
                    found.append(second)
        return found

    @cached_property
    def gaps(self) -> Ints:
        """(E,) least distance between the starts of an edge's two tasks."""
        gaps: Ints = self.durations[self.edges[:, 0]] + self.lags
        return gaps

    @cached_property
    def neighbours(self) -> tuple[list[list[tuple[int, int]]], list[list[tuple[int, int]]]]:
        """Per task what is right before it, and per task what is right after it: (task, distance of the starts)."""
        before: list[list[tuple[int, int]]] = [[] for _ in range(self.tasks)]
        after: list[list[tuple[int, int]]] = [[] for _ in range(self.tasks)]
        for (first, second), gap in zip(self.edges.tolist(), self.gaps.tolist(), strict=True):
            before[second].append((first, gap))
            after[first].append((second, gap))
        return before, after

    @cached_property
    def start_costs(self) -> Ints:
        """(N, H + 1) cost of each task begun at each slot; cut off where it would not end within the horizon."""
        return sum_over_run(self.demands @ self.prices, self.durations)

    def cost(self, starts: Sequence[int] | Ints) -> int:
        """What a schedule costs."""
        return int(self.start_costs[np.arange(self.tasks), np.asarray(starts)].sum())

    def faults(self, starts: Sequence[int] | Ints) -> list[str]:
        """What is wrong with a schedule: windows, edges, capacities. Empty: it is valid."""
        begin = np.asarray(starts)
        end = begin + self.durations
        found = [
            f"task {i} begins at {begin[i]}, outside {self.earliest[i]} .. {self.latest[i]} or the horizon"
            for i in np.flatnonzero(
                (begin < self.earliest) | (begin > self.latest) | (begin < 0) | (end > self.horizon)
            ).tolist()
        ]
        if found:
            return found
        late = begin[self.edges[:, 1]] < begin[self.edges[:, 0]] + self.gaps
        found += [f"task {b} begins before task {a} and its lag have ended" for a, b in self.edges[late].tolist()]
        usage = np.zeros((self.resources, self.horizon + 1), np.int64)
        np.add.at(usage.T, begin, self.demands)
        np.add.at(usage.T, end, -self.demands)
        over = np.argwhere(usage.cumsum(axis=1)[:, :-1] > self.capacities)
        return found + [f"resource {r} is used beyond its capacity in slot {t}" for r, t in over.tolist()]


def sum_over_run(rates: NDArray[Any], durations: Ints) -> NDArray[Any]:
    """(N, H + 1) sums of `rates` (N, H) over the slots of each task begun at each slot, cut off at the horizon."""
    tasks, horizon = rates.shape
    sums = np.zeros((tasks, horizon + 1), rates.dtype)
    np.cumsum(rates, axis=1, out=sums[:, 1:])
    ends = np.minimum(np.arange(horizon + 1)[None, :] + durations[:, None], horizon)
    totals: NDArray[Any] = np.take_along_axis(sums, ends, axis=1) - sums
    return totals


def _table(values: Ints, tasks: int, resources: int) -> Ints:
    """Without tasks or resources, the empty table; what does not fit is left to the checks."""
    return values.reshape(tasks, resources) if values.size == tasks * resources else values


def _whole(values: ArrayLike, name: str) -> Ints:
    given = np.asarray(values)
    if given.size == 0:
        return given.astype(np.int64)
    if given.dtype.kind not in "iu" and not (given.dtype.kind == "f" and (given == np.floor(given)).all()):
        raise TariffInvalid(f"{name} has something that is no whole number", remedy="scale it to whole units")
    return given.astype(np.int64)
