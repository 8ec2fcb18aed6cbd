"""Searches on one incumbent: a genetic algorithm for short schedules, CP-SAT and enumeration for bounds and proofs."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

from planner.limits import Limits
from planner.makespan.bounds import Bounds
from planner.makespan.enumerating import SMALL, Enumerating
from planner.makespan.incumbent import Incumbent
from planner.makespan.instance import Instance
from planner.makespan.loading import Kernels, kernels_loading
from planner.makespan.packing import pack
from planner.makespan.populations import Populations
from planner.makespan.proof import Proof

POLL = 0.05
"""Seconds between two looks at whether the caller has cancelled."""
HEAD_START = 3_000
"""Schedules made before CP-SAT begins: its windows are cut by what they find."""
PROVABLE_GAP = 0.06
"""Where the gap is wider, no proof can be expected soon, and one worker goes on looking for schedules."""


class Search:
    """One search within its limits."""

    def __init__(self, instance: Instance, bounds: Bounds, incumbent: Incumbent, limits: Limits) -> None:
        self._incumbent = incumbent
        self._limits = limits
        self._packed = pack(instance, bounds)
        self._proof = Proof(instance, bounds, incumbent, limits.seed)
        self._enumerating = Enumerating(instance, bounds, self._packed, incumbent)
        self._looking = threading.Event()
        self._head_start = threading.Event()
        self._restarted = 0.0

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

    def _over(self) -> bool:
        return self._incumbent.over or self._left() <= 0

    def _side_by_side(self) -> None:
        kernels = kernels_loading()
        self._looking.set()
        if not kernels.evolution.done():
            self._head_start.set()
        with ThreadPoolExecutor(2, thread_name_prefix="planner") as pool:
            threads = [pool.submit(self._look, kernels), pool.submit(self._prove, kernels)]
            try:
                while not self._incumbent.wait(min(POLL, max(0.0, self._left()))):
                    if self._left() <= 0 or any(thread.done() and thread.exception() for thread in threads):
                        break
            finally:
                self._incumbent.stop()
                self._head_start.set()
                self._proof.interrupt()
                wait(threads)
        for thread in threads:
            thread.result()

    def _prove(self, kernels: Kernels) -> None:
        self._head_start.wait()
        while self._proof.usable and not self._over():
            alone = not kernels.evolution.done()
            workers = self._limits.workers - (self._looking.is_set() and not alone)
            left = self._left()
            self._proof.run(workers, alone=alone, seconds=None if left == math.inf else left)

    def _look(self, kernels: Kernels) -> None:
        try:
            while not kernels.evolution.done():
                if self._incumbent.wait(POLL) or self._left() <= 0:
                    return
            if self._head_start.is_set():
                # The proof has begun on its own, with all workers.
                self._proof.interrupt()
            self._look_with(kernels)
        finally:
            self._head_start.set()
            self._looking.clear()
            if not self._over():
                # The proof starts again with the worker that is free now.
                self._proof.interrupt()

    def _look_with(self, kernels: Kernels) -> None:
        populations = Populations(
            kernels.evolution.result(), self._packed, self._incumbent, self._limits.seed, self._left()
        )
        while not self._over():
            if populations.run():
                self._restart_proof()
            if populations.made >= HEAD_START:
                self._head_start.set()
            if not populations.tired or self._over():
                continue
            self._head_start.set()
            if self._enumerating.worthwhile and kernels.enumeration.done():
                self._enumerating.run(kernels.enumeration.result(), self._until(self._enumerating.share * self._left()))
            gap = self._incumbent.result().gap
            if gap is not None and (gap <= PROVABLE_GAP or self._packed.tasks <= SMALL):
                return
            populations.renew()

    def _until(self, seconds: float) -> Callable[[int], bool]:
        end = self._incumbent.seconds() + seconds
        return lambda _: not self._over() and self._incumbent.seconds() < end

    def _restart_proof(self) -> None:
        """A shorter schedule cuts the windows: worth a fresh start early on, and ever more rarely."""
        now = self._incumbent.seconds()
        if now > 2 * self._restarted and self._left() > now:
            self._restarted = now
            self._proof.interrupt()

    def _await(self, kernels: Kernels) -> bool:
        """Try to prove until the machine code is there; false where the time is over before. One thread."""
        turn = 0.2
        while not kernels.evolution.done():
            if self._over():
                return False
            if self._proof.usable:
                self._proof.run(1, alone=True, seconds=min(turn, self._left()))
                turn *= 2
            else:
                self._incumbent.wait(min(POLL, max(0.0, self._left())))
        return True

    def _take_turns(self, work: float | None) -> None:
        """One thread. Counted work: a second's worth of schedules or partial schedules is a unit, as CP-SAT's is."""
        kernels = kernels_loading()
        if work is None and not self._await(kernels):
            return
        populations = Populations(
            kernels.evolution.result(),
            self._packed,
            self._incumbent,
            self._limits.seed,
            self._left() if work is None else work,
        )
        used = 0.0
        turn = 0.02

        def left() -> float:
            return self._left() if work is None else work - used

        def bounded(per_second: float) -> Callable[[int], bool]:
            begun, units = self._incumbent.seconds(), 0.0

            def go_on(count: int) -> bool:
                nonlocal units, used
                units += count / per_second
                if work is None:
                    units = self._incumbent.seconds() - begun
                else:
                    used += count / per_second
                return units < turn and left() > 0 and not self._incumbent.over

            return go_on

        while not self._incumbent.over and left() > 1e-3:
            populations.run_while(bounded(populations.per_second), int(min(turn, left()) * populations.per_second) + 1)
            if self._enumerating.worthwhile and not self._incumbent.over and left() > 1e-3:
                self._enumerating.run(kernels.enumeration.result(), bounded(self._enumerating.per_second))
            if self._proof.usable and not self._incumbent.over and left() > 1e-3:
                limit = min(turn, left())
                if work is None:
                    self._proof.run(1, seconds=limit)
                else:
                    used += max(self._proof.run(1, work=limit), limit / 100)
            turn *= 2
