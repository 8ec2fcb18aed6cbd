"""Two searches on one incumbent: the genetic algorithm for short schedules, CP-SAT for bounds and proofs."""

from __future__ import annotations

import math
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import ModuleType

from planner.limits import Limits
from planner.makespan.bounds import Bounds
from planner.makespan.incumbent import Incumbent
from planner.makespan.instance import Instance
from planner.makespan.loading import evolution_loading
from planner.makespan.packing import pack
from planner.makespan.proof import Proof

POLL = 0.05
"""Seconds between two looks at whether the caller has cancelled."""
HEAD_START = 10_000
"""Schedules made before CP-SAT begins: its windows are cut by what they find."""
PATIENCE = 40_000
"""A population is given up after so many schedules, and twice as many as led to its best, without a better one."""
PROVABLE_GAP = 0.06
"""Where the gap is wider, no proof can be expected soon, and all but one worker go on looking for schedules."""
SLICE = 4_000_000
"""Tasks put into schedules between two looks at the clock (about 0.2 s)."""


class Search:
    """One search within its limits."""

    def __init__(self, instance: Instance, bounds: Bounds, incumbent: Incumbent, limits: Limits) -> None:
        self._instance = instance
        self._incumbent = incumbent
        self._limits = limits
        self._proof = Proof(instance, bounds, incumbent, limits.seed)
        self._packed = pack(instance, bounds)
        self._looking = threading.Event()
        self._head_start = threading.Event()
        self._restarted = 0.0
        tasks = max(1, len(instance))
        # Measured: 5.4 microseconds a schedule of 120 tasks with four resources in one word.
        self._per_second = 1e6 / (0.035 * tasks + 0.0001 * tasks * tasks)

    def run(self) -> None:
        """Until the incumbent is over or the limits end it."""
        if self._limits.work is not None:
            self._take_turns(self._limits.work)
        elif self._limits.workers < 2:
            self._take_turns(None)
        else:
            self._side_by_side()

    def _left(self) -> float:
        seconds = self._limits.seconds
        return math.inf if seconds is None else seconds - self._incumbent.seconds()

    def _size(self, units: float) -> int:
        """More members learn more slowly and get further."""
        expected = self._per_second * min(units, 60.0)
        return 10 + int(min(math.sqrt(expected) / 4, 2 * len(self._instance)))

    # Side by side.

    def _side_by_side(self) -> None:
        loading = evolution_loading()
        self._looking.set()
        if not loading.done():
            self._head_start.set()
        with ThreadPoolExecutor(2, thread_name_prefix="planner") as pool:
            threads = [pool.submit(self._look, loading), pool.submit(self._prove, loading)]
            try:
                while not self._incumbent.wait(POLL) and not all(thread.done() for thread in threads):
                    if self._left() <= 0 or any(thread.done() and thread.exception() for thread in threads):
                        break
            finally:
                self._incumbent.stop()
                self._head_start.set()
                self._proof.interrupt()
                wait(threads)
        for thread in threads:
            thread.result()

    def _prove(self, loading: Future[ModuleType]) -> None:
        self._head_start.wait()
        while not self._incumbent.over and self._left() > 0:
            workers = max(1, self._limits.workers - self._looking.is_set())
            left = self._left()
            self._proof.run(workers, alone=not loading.done(), seconds=None if left == math.inf else left)

    def _look(self, loading: Future[ModuleType]) -> None:
        try:
            while not loading.done():
                if self._incumbent.wait(POLL) or self._left() <= 0:
                    return
                if loading.done():
                    self._proof.interrupt()
            self._populations(loading.result())
        finally:
            self._head_start.set()
            self._looking.clear()
            if not self._incumbent.over:
                # The proof starts again with the worker that is free now.
                self._proof.interrupt()

    def _populations(self, evolution: ModuleType) -> None:
        size = self._size(self._left())
        for attempt in range(1 << 30):
            population = evolution.Evolution(self._packed, size, self._limits.seed + attempt)
            made = best_at = 0
            per_slice = HEAD_START
            while made <= PATIENCE + 3 * best_at:
                made += population.run(per_slice, self._incumbent.lower_bound)
                per_slice = max(200, SLICE // max(1, len(self._instance)) // 4)
                if self._exchange(population):
                    best_at = made
                    self._restart_proof()
                self._head_start.set()
                if self._incumbent.over or self._left() <= 0:
                    return
            gap = self._incumbent.result().gap
            if gap is not None and gap <= PROVABLE_GAP:
                return
            size = min(4 * size, size + 2 * len(self._instance))

    def _restart_proof(self) -> None:
        """A shorter schedule cuts the windows: worth a fresh start early on, and ever more rarely."""
        now = self._incumbent.seconds()
        if now > 2 * self._restarted and self._left() > now:
            self._restarted = now
            self._proof.interrupt()

    def _exchange(self, population: object) -> bool:
        """Give and take the best schedule; whether the population's was better."""
        from planner.makespan.evolution import Evolution

        assert isinstance(population, Evolution)  # noqa: S101
        makespan, starts, modes = self._incumbent.snapshot()
        if population.makespan is not None and (makespan is None or population.makespan < makespan):
            self._incumbent.offer(population.starts, population.modes)
            return True
        if makespan is not None:
            population.insert(list(starts), list(modes), makespan)
        return False

    # In turns.

    def _take_turns(self, work: float | None) -> None:
        evolution = evolution_loading().result()
        population = evolution.Evolution(
            self._packed, self._size(work if work is not None else self._left()), self._limits.seed
        )
        turn, used = 0.02, 0.0
        while not self._incumbent.over:
            left = (work - used) if work is not None else self._left()
            if left <= 1e-3:
                return
            used += self._evolve_for(population, min(turn, left), counted=work is not None)
            if self._incumbent.over:
                return
            left = (work - used) if work is not None else self._left()
            if left <= 1e-3:
                return
            limit = min(turn, left)
            if work is not None:
                used += max(self._proof.run(1, work=limit), limit / 100)
            else:
                self._proof.run(1, seconds=limit)
            turn *= 2

    def _evolve_for(self, population: object, units: float, *, counted: bool) -> float:
        from planner.makespan.evolution import Evolution

        assert isinstance(population, Evolution)  # noqa: S101
        until = self._incumbent.seconds() + units
        made = 0
        while (made < units * self._per_second) if counted else (self._incumbent.seconds() < until):
            most = max(200, SLICE // max(1, len(self._instance)) // 4)
            left = int(units * self._per_second) - made + 1 if counted else most
            made += population.run(min(most, left), self._incumbent.lower_bound)
            self._exchange(population)
            if self._incumbent.over:
                break
        return made / self._per_second
