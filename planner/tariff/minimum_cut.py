"""Cheapest starts under precedence alone, as a minimum cut.

Moehring, Schulz, Stork, Uetz: "Solving project scheduling problems by minimum cut computations", Management Science
49(3), 2003. Each task is a chain of nodes over its possible starts; cutting arc t of the chain is starting at t; an
edge of the graph becomes arcs of infinite capacity between the chains. The graph falls apart into its components.

On a grid coarser than a slot a task starts somewhere in an interval, at the least cost in it, and distances are
rounded down: a relaxation, so that the cut stays a bound.
"""

from __future__ import annotations

import numpy as np
from ortools.graph.python import max_flow

from planner.tariff.instance import Ints, TariffInstance
from planner.tariff.windows import Windows, allowed_starts

ENDLESS = 1 << 56


class MinimumCut:
    """Built once per instance and grid, then solved for many costs."""

    def __init__(self, instance: TariffInstance, windows: Windows, grid: int) -> None:
        self.grid = grid
        self._tasks = np.arange(instance.tasks)
        self._open = allowed_starts(instance)
        slots = np.arange(instance.horizon + 1)
        self._open &= (slots >= windows.earliest[:, None]) & (slots <= windows.latest[:, None])
        self._first = windows.earliest // grid
        self._last = windows.latest // grid
        self._intervals = instance.horizon // grid + 1
        self._parts = [
            _Part(tasks, edges, instance.gaps // grid, instance.edges, self._first, self._last)
            for tasks, edges in _components(instance)
        ]

    def _reduced(self, costs: Ints) -> tuple[Ints, Ints, Ints]:
        """Costs by interval and slot, the same as one row a task, and the least of each interval."""
        padded = np.full((len(costs), self._intervals * self.grid), ENDLESS, np.int64)
        padded[:, : costs.shape[1]] = np.where(self._open, costs, ENDLESS)[:, : padded.shape[1]]
        shaped = padded.reshape(len(costs), self._intervals, self.grid)
        return shaped, padded, shaped.min(axis=2)

    def dearer(self, costs: Ints) -> Ints:
        """(N, H + 1): by how much at least the least total is dearer where a task must begin at a slot.

        By duality a cut costs the flow's value and what is left of the capacities of its arcs, in any maximum flow.
        """
        _, padded, least = self._reduced(costs)
        above = np.minimum(least - least.min(axis=1)[:, None], ENDLESS)
        spare = above.copy()
        chosen = least.argmin(axis=1)
        for part in self._parts:
            part.solve(above, chosen)
            part.write_spare(spare)
        within = padded - least.repeat(self.grid, axis=1)
        total: Ints = np.minimum(spare.repeat(self.grid, axis=1) + within, ENDLESS)[:, : costs.shape[1]]
        return total

    @property
    def arcs(self) -> int:
        """How large the networks are."""
        return sum(part.arcs for part in self._parts) + self._open.size

    def solve(self, costs: Ints) -> tuple[int, Ints]:
        """Least total of `costs` (N, H + 1; whole, |total| below 2^53) under precedence, and starts (N,) that reach it.

        On a coarse grid the starts may break precedence by less than the grid.
        """
        shaped, _, least = self._reduced(costs)
        within = shaped.argmin(axis=2)
        lowest = least.min(axis=1)
        chosen = least.argmin(axis=1)
        above = np.minimum(least - lowest[:, None], ENDLESS)
        total = int(lowest.sum())
        for part in self._parts:
            total += part.solve(above, chosen)
        return total, chosen * self.grid + within[self._tasks, chosen]


class _Part:
    """One component with edges: its flow network."""

    def __init__(self, tasks: list[int], edges: list[int], gaps: Ints, pairs: Ints, first: Ints, last: Ints) -> None:
        self.tasks = np.array(tasks)
        nodes: dict[int, Ints] = {}
        count = 2
        tails: list[Ints] = []
        heads: list[Ints] = []
        rows: list[Ints] = []
        columns: list[Ints] = []
        for task in tasks:
            length = int(last[task] - first[task])
            chain = np.concatenate([[0], np.arange(count, count + length), [1]])
            count += length
            nodes[task] = chain
            tails.append(chain[:-1])
            heads.append(chain[1:])
            rows.append(np.full(length + 1, task))
            columns.append(np.arange(first[task], last[task] + 1))
        self._rows = np.concatenate(rows)
        self._columns = np.concatenate(columns)
        self._nodes = [nodes[task] for task in tasks]
        self._first = first[self.tasks]
        for task in tasks:
            tails.append(nodes[task][2:-1])
            heads.append(nodes[task][1:-2])
        for edge in edges:
            before, after = pairs[edge].tolist()
            begins = np.arange(first[before] + 1, last[before] + 1)
            target = begins + gaps[edge] - first[after]
            begins = begins[target > 0] - first[before]
            target = np.minimum(target[target > 0], last[after] - first[after] + 1)
            tails.append(nodes[before][begins])
            heads.append(nodes[after][target])
        tail = np.concatenate(tails).astype(np.int32)
        capacity = np.full(len(tail), ENDLESS, np.int64)
        self._flow = max_flow.SimpleMaxFlow()
        arcs = self._flow.add_arcs_with_capacity(tail, np.concatenate(heads).astype(np.int32), capacity)
        self._chains = arcs[: len(self._rows)]
        self._count = count
        self.arcs = len(tail)

    def solve(self, above: Ints, chosen: Ints) -> int:
        """Minimum cut for costs at or above 0 (N, intervals); writes the starts' intervals into `chosen`."""
        self._flow.set_arcs_capacity(self._chains, above[self._rows, self._columns])
        status = self._flow.solve(0, 1)
        if status != self._flow.OPTIMAL:
            raise RuntimeError(f"the minimum cut ended with {status}")
        sourced = np.zeros(self._count, np.bool_)
        sourced[self._flow.get_source_side_min_cut()] = True
        sourced[0] = True
        for task, first, chain in zip(self.tasks.tolist(), self._first.tolist(), self._nodes, strict=True):
            chosen[task] = first + int(sourced[chain].sum()) - 1
        return int(self._flow.optimal_flow())

    def write_spare(self, spare: Ints) -> None:
        """Take the flow from `spare` (N, intervals), which has the chains' capacities."""
        spare[self._rows, self._columns] -= self._flow.flows(self._chains)


def _components(instance: TariffInstance) -> list[tuple[list[int], list[int]]]:
    """Tasks and edge numbers of each connected part of the graph that has an edge."""
    root = list(range(instance.tasks))

    def find(task: int) -> int:
        while root[task] != task:
            root[task] = root[root[task]]
            task = root[task]
        return task

    pairs = instance.edges.tolist()
    for before, after in pairs:
        root[find(before)] = find(after)
    edges: dict[int, list[int]] = {}
    for number, (before, _) in enumerate(pairs):
        edges.setdefault(find(before), []).append(number)
    tasks: dict[int, list[int]] = {}
    for task in range(instance.tasks):
        tasks.setdefault(find(task), []).append(task)
    return [(tasks[key], numbers) for key, numbers in edges.items()]
