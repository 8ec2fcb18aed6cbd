"""Finds the cheapest schedule: a first one at once, then annealing beside the bound, then annealing from the best."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from planner.limits import Limits
from planner.tariff.incumbent import Incumbent
from planner.tariff.instance import Ints, TariffInstance
from planner.tariff.listing import descend, list_schedules
from planner.tariff.pacing import Ending, Pace
from planner.tariff.result import Result
from planner.tariff.windows import Windows, tighten

if TYPE_CHECKING:
    from planner.tariff.annealing import Annealer

UNBOUNDED = 60.0
"""Seconds or units where the limits name none."""
OPENING = 0.08
"""Share of the whole for a first short annealing, so that a good schedule is there early."""
LOWERING = 0.5
"""Share of one thread's time after which the Lagrangian bound gives way."""
MEETINGS = (0.1, 0.17, 0.25)
"""Shares of the whole after which threads that merge share what they know; the bound gives way after the last."""
SMALL = 2500
"""Pairs of task and start up to which CP-SAT is asked for a proof at once: it takes a fraction of a second."""
SETTLING = 0.3
"""Share of the whole for that."""
MERGEABLE = 60
"""Tasks up to which schedules are merged, which CP-SAT is done with at once then."""
PROVABLE_TASKS = 60
PROVABLE_STARTS = 8000
"""Tasks, and starts that can still be useful, up to which CP-SAT is asked for a proof after the bound has converged."""
REFUTABLE = 20_000
"""Pairs of task and start up to which CP-SAT is asked for any schedule where none is known."""
MENDABLE = 200
"""Useful starts a task up to which parts are placed anew by CP-SAT: beyond, building the model takes too long."""
ARCS_PER_UNIT = 10_000_000
"""Arcs of the minimum cuts solved in a unit of counted work."""
HEAT = 0.1
REHEAT = 0.03
"""First temperatures, as shares of a task's typical cost."""
REHEATING = 0.1
"""Share of the whole for each annealing from the best."""
ROUNDS = 1000
"""Keeps the numbers of rounds apart from those of threads."""


Part = Callable[[int, Pace], None]
"""Something a thread does: with a number that makes its random choices its own, until its pace ends."""


def solve(
    instance: TariffInstance, limits: Limits | None = None, on_plan: Callable[[Result], None] | None = None
) -> Result:
    """The cheapest schedule within the limits, and a bound below all schedules.

    `on_plan` is called, from whichever thread, with each better schedule and never with a dearer one. With
    `limits.work` the same instance and seed give the same schedule each time.
    """
    limits = limits or Limits()
    ending = Ending(limits)
    incumbent = Incumbent(instance, limits, ending, on_plan)
    windows = tighten(instance)
    if windows.reason:
        return incumbent.result(infeasible=windows.reason)
    listed = list_schedules(instance, windows)
    for starts in listed:
        incumbent.offer(starts)
    for starts in listed:
        incumbent.offer(descend(instance, windows, starts, ending.reached))
    if instance.tasks == 0:
        incumbent.raise_bound(0)
        return incumbent.result()
    return _Search(instance, windows, limits, ending, incumbent).run()


class _Search:
    """One search. Parts that run side by side tell each other nothing but through the incumbent between them."""

    def __init__(
        self, instance: TariffInstance, windows: Windows, limits: Limits, ending: Ending, incumbent: Incumbent
    ) -> None:
        # Here, so that a first schedule needs neither the compiler nor the solver.
        from planner.tariff.bound import Bound
        from planner.tariff.capacity_rows import capacity_rows

        self._instance = instance
        self._windows = windows
        self._limits = limits
        self._ending = ending
        self._incumbent = incumbent
        self._rows = capacity_rows(instance)
        self._bound = Bound(instance, windows, self._rows)
        self._pairs = int((windows.latest - windows.earliest + 1).sum())
        self._total = UNBOUNDED if ending.total is None else ending.total
        self._infeasible = ""
        self._annealer: Annealer
        self._best = incumbent.starts
        self._upper = incumbent.cost
        """What all threads know of: as it was when they last waited for each other."""
        self._useful: NDArray[np.bool_] | None = None
        self._seen = np.zeros((instance.tasks, instance.horizon + 1), np.bool_)
        """Starts that annealings ended with, merged; also as it was when the threads last met."""
        self._collected: list[NDArray[np.bool_]] = []
        self._spent = 0.0
        self._runs = 0

    def run(self) -> Result:
        """Open, deepen twice; between the parts the threads wait for each other and share the best schedule."""
        self._incumbent.raise_bound(self._bound.value)
        # One thread more than compute: compiling may outlast the limits, and then nobody waits for it.
        pool = ThreadPoolExecutor(self._limits.workers + 1)
        try:
            coming = pool.submit(self._ready)
            if self._pairs <= SMALL:
                self._settle()
            if not self._ending.reached() and self._prepare(coming):
                opening = self._total * OPENING
                self._together(pool, self._spent + opening, [[self._open], [self._lower]], least=opening)
                if self._instance.tasks <= MERGEABLE:
                    for share in MEETINGS:
                        self._together(pool, self._total * share, [[self._merge], [self._lower, self._merge]])
                else:
                    self._together(pool, self._total * LOWERING, [[self._afresh], [self._lower, self._afresh]])
                self._useful = self._useful_starts()
                improve = self._merge if self._instance.tasks <= MERGEABLE else self._mend
                last: list[Part] = [self._prove, improve] if self._provable() else [self._lower, improve]
                self._together(pool, self._total, [[improve], last])
        finally:
            self._ending.enough()
            pool.shutdown(wait=False)
        return self._incumbent.result(infeasible=self._infeasible)

    def _ready(self) -> Annealer:
        """Compile the inner loops (after the first time on a machine: load them)."""
        from planner.tariff.annealing import Annealer

        return Annealer(self._instance, self._windows)

    def _settle(self) -> None:
        """A proof for a small instance, which needs no annealing."""
        self._spent = self._total * SETTLING
        pace = Pace(self._ending, units=self._spent, until=self._spent)
        self._lower(self._runs, pace)
        if pace.progress() < 1.0:
            self._prove(self._runs, pace)
        self._meet()

    def _prepare(self, coming: Future[Annealer]) -> bool:
        """Wait for the annealer and raise the bound meanwhile; False: out of time before."""
        while not (coming.done() or self._ending.counted or self._ending.reached()):
            if not self._lower_once():
                break
        if not self._ending.counted:
            while not coming.done() and not self._ending.reached():
                wait([coming], timeout=0.02)
        if self._ending.reached() and not coming.done():
            return False
        self._annealer = coming.result()
        self._meet()
        return True

    def _meet(self) -> None:
        """All threads are here: what one knows, all know."""
        self._best, self._upper = self._incumbent.starts, self._incumbent.cost
        for each in self._collected:
            self._seen |= each
        self._collected.clear()
        self._incumbent.check(settled=True)

    def _together(self, pool: ThreadPoolExecutor, until: float, lanes: list[list[Part]], least: float = 0.0) -> None:
        """Run the lanes side by side until that much of the whole is over, and for `least` seconds at least.

        Each lane does its parts one after the other.
        """
        workers = max(1, self._limits.workers)
        lanes = lanes + [[self._afresh] for _ in range(workers - len(lanes))]
        share = max(0.0, until - self._spent)
        self._spent += share
        units = share * min(1.0, workers / len(lanes))
        until = max(until, self._ending.seconds() + least)
        numbered = [(self._runs + number, parts) for number, parts in enumerate(lanes)]
        self._runs += len(lanes)

        def work(number: int, parts: list[Part], end: float) -> None:
            pace = Pace(self._ending, units=units, until=end)
            for part in parts:
                if pace.progress() < 1.0:
                    part(number, pace)

        if workers == 1:
            now = self._ending.seconds()
            for position, (number, parts) in enumerate(numbered, start=1):
                work(number, parts, now + (until - now) * position / len(numbered))
        else:
            running: list[Future[None]] = [pool.submit(work, number, parts, until) for number, parts in numbered[1:]]
            work(*numbered[0], until)
            for other in running:
                other.result()
        self._meet()

    def _seed(self, number: int) -> int:
        return self._limits.seed * 1_000_003 + number

    def _open(self, number: int, pace: Pace) -> None:
        self._anneal(number, pace, self._best, HEAT)

    def _afresh(self, number: int, pace: Pace) -> None:
        self._anneal(number, pace, None, HEAT)

    def _useful_starts(self) -> NDArray[np.bool_] | None:
        """(N, H + 1) starts that a schedule cheaper than the best can have; None: not known."""
        return None if self._upper is None else self._bound.useful_starts(self._upper)

    def _provable(self) -> bool:
        if self._useful is None:
            return self._pairs <= REFUTABLE
        return self._instance.tasks <= PROVABLE_TASKS and int(self._useful.sum()) <= PROVABLE_STARTS

    def _mend(self, number: int, pace: Pace) -> None:
        """From the best so far: parts anew by CP-SAT where a part has few starts, else annealing, warm."""
        if self._best is None:
            self._afresh(number, pace)
        elif self._useful is not None and int(self._useful.sum()) <= MENDABLE * self._instance.tasks:
            self._mend_parts(number, pace, self._best, self._useful)
        else:
            self._reheat(number, pace)

    def _mend_parts(self, number: int, pace: Pace, starts: Ints, useful: NDArray[np.bool_]) -> None:
        from planner.tariff.neighbourhood import Neighbourhood

        parts = Neighbourhood(self._instance, self._windows, self._rows, useful, self._seed(number))
        while pace.progress() < 1.0:
            better = parts.improve(starts, pace)
            if better is not starts:
                self._incumbent.offer(better)
                starts = better
            shared = self._incumbent.starts
            # Where work is counted, what other threads find at the moment must not matter.
            if (
                not self._ending.counted
                and shared is not None
                and self._instance.cost(shared) < self._instance.cost(starts)
            ):
                starts = shared

    def _merge(self, number: int, pace: Pace) -> None:
        """Short annealings and the best of what they have in common, again and again."""
        from planner.tariff.merging import Merger

        merger = Merger(self._instance, self._windows, self._rows, self._annealer, self._seen.copy())
        best, rounds = self._best, 0
        while pace.progress() < 1.0:
            best = merger.improve(best, self._seed(number + ROUNDS * rounds), pace, HEAT)
            if best is not None:
                self._incumbent.offer(best)
            rounds += 1
        self._collected.append(merger.seen)

    def _reheat(self, number: int, pace: Pace) -> None:
        """From the best so far, warm enough to leave it, again and again."""
        own = self._best
        rounds = 0
        while pace.progress() < 1.0:
            part = pace.part(self._total * REHEATING)
            own = self._anneal(number + ROUNDS * rounds, part, own, REHEAT)
            pace.worked(part.done)
            rounds += 1

    def _anneal(self, number: int, pace: Pace, starts: Ints | None, heat: float) -> Ints | None:
        """The cheaper of `starts` and what was found."""
        best = [starts]

        def found(better: Ints) -> None:
            if best[0] is None or self._instance.cost(better) < self._instance.cost(best[0]):
                best[0] = better
            self._incumbent.offer(better)

        begin = self._windows.earliest if starts is None else starts
        self._annealer.run(begin, self._seed(number), pace, found, hot=heat)
        return best[0]

    def _lower(self, number: int, pace: Pace) -> None:
        """Raise the bound until it hardly rises."""
        while pace.progress() < 1.0 and self._lower_once():
            pace.worked(self._bound.arcs / ARCS_PER_UNIT)

    def _lower_once(self) -> bool:
        more = self._bound.step(self._upper)
        self._incumbent.raise_bound(self._bound.value)
        if self._bound.refuted:
            self._infeasible = "any schedule would cost more than the dearest starts do: capacities can't be kept"
            self._ending.enough()
        return more

    def _prove(self, number: int, pace: Pace) -> None:
        """Ask CP-SAT for a proof or a cheaper schedule, over the whole instance."""
        from planner.tariff.part_model import PartModel

        everything = list(range(self._instance.tasks))
        useful = self._useful_starts()
        model = PartModel(self._instance, self._windows, self._rows, self._best, everything, useful)
        answer = model.solve(pace, self._limits.seed, self._incumbent.raise_bound)
        pace.worked(answer.units)
        if answer.starts is not None:
            self._incumbent.offer(answer.starts)
        if answer.settled and answer.starts is None:
            if self._best is None:
                self._infeasible = "no schedule keeps all windows, edges and capacities (proven by search)"
                self._ending.enough()
            elif self._upper is not None:
                self._incumbent.raise_bound(self._upper)
        elif answer.settled and answer.starts is not None:
            self._incumbent.raise_bound(self._instance.cost(answer.starts))
