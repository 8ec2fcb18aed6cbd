"""From a wish to a plan on pools where others hold reservations. Pure: nothing is read or written.

A block is put where it is cheapest: its shortest plan is priced at each start at which a price changes under it, and
the cheapest of those are planned for real, with what others hold. With `split`, a search may also pull its steps apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from importlib import import_module
from math import ceil, floor
from typing import Any

from definitions.model import Definition
from definitions.pools import PoolsDocument
from engine.planning.case import Case, open_case
from engine.planning.request import Request
from engine.scheduling.estimates import Estimate, with_estimates
from engine.scheduling.forecasting import Forecast, forecast
from engine.scheduling.refusals import CostLimitExceeded, ResourceConflict, WindowExpired
from engine.scheduling.sizes import require_sizes
from engine.scheduling.weights import weighted
from engine.scheduling.wish import Wish
from planner import Limits, MaxDuration, Objective, Plan, Problem, Reason, Reservation, Status, Task, solve
from planner.costs import Costs, covers
from planner.cpm import soonest
from planner.price_arrays import shifted_prices
from planner.schedule import Schedule
from store.reservations import Taken

AT_ONCE = Limits(seconds=0.0)
"""The first plan, without a search."""
LOOKS_AHEAD = timedelta(days=7)
"""How far a workflow without a latest start is put off for a better price."""
_TRIED = 6
"""Starts that are planned for real."""
_NEAR = 1e-6


@dataclass(frozen=True)
class Proposal:
    """A plan that keeps every rule. `soonest`: that of starting as soon as possible, which savings are told against."""

    case: Case
    plan: Plan
    soonest: Plan
    disturbed: int
    """Steps that could not start as soon as possible for what others hold."""
    estimates: Mapping[str, Estimate]
    """Step -> how long it takes."""
    budget: float | None

    @property
    def origin(self) -> datetime:
        """Moment 0 of the plan."""
        return self.case.request.start

    def at(self, seconds: float) -> datetime:
        """A moment of the plan."""
        return self.origin + timedelta(seconds=seconds)

    @property
    def start(self) -> datetime:
        """When its first step starts."""
        return self.at(first_start(self.plan))

    @property
    def end(self) -> datetime:
        """When its last step ends."""
        return self.at(self.plan.makespan)

    @property
    def span(self) -> float:
        """Seconds from its first start to its last end."""
        return span_of(self.plan)

    @property
    def cost(self) -> float:
        """Money."""
        return self.plan.cost

    @property
    def savings(self) -> float:
        """Money saved against starting as soon as possible."""
        return self.soonest.cost - self.plan.cost

    @cached_property
    def forecast(self) -> Forecast:
        """When it ends and what it costs, and how sure that is."""
        return forecast(self.plan, self.estimates, self.origin, self.budget)

    @cached_property
    def critical_seconds(self) -> float:
        """How long the longest chain of steps takes that wait for each other, pools left aside."""
        schedule = self.plan.schedule
        assert schedule is not None  # noqa: S101  # there is no proposal without
        durations = [end - start for start, end in zip(schedule.starts, schedule.ends, strict=True)]
        return max(soonest(self.plan.problem.graph, durations, [0.0] * len(durations))[1], default=0.0)

    @property
    def efficiency(self) -> float:
        """The longest chain's share of the time from first start to last end: 1 where nothing waits for room."""
        return min(1.0, self.critical_seconds / self.span) if self.span > _NEAR else 1.0


def propose(
    wish: Wish, pools: PoolsDocument, held: Sequence[Taken], now: datetime, *, seconds: float = 0.0
) -> Proposal:
    """The best plan that starts within the wish's window; `seconds` are spent on searching where that can help.

    Raises `DefinitionInvalid`, `ResourceConflict`, `CostLimitExceeded`, `WindowExpired`.
    """
    window = wish.window
    if window.latest is not None and window.latest < now:
        raise WindowExpired(
            f"the latest start, {window.latest.isoformat()}, has passed", remedy="choose a window that is not over"
        )
    return Proposing(wish, pools, held, now, seconds).proposal()


class Proposing:
    """One wish on its way to a plan. Raises as `propose`."""

    def __init__(self, wish: Wish, pools: PoolsDocument, held: Sequence[Taken], now: datetime, seconds: float) -> None:
        self._wish = wish
        self._window = wish.window
        self.origin = now = now.replace(microsecond=0) + timedelta(seconds=now.microsecond > 0)
        # Moments are whole seconds from here on, as what others hold is rounded up to: searches go by such a grid.
        document = with_estimates(wish.document, wish.estimates)
        self._case = open_case(Request((document,), now, pools), [Definition.model_validate(document)])
        require_sizes(self._case, pools)
        longest = self._window.longest_seconds
        within = () if longest is None else (MaxDuration(longest, self._case.workflows[0]),)
        given = self._case.problem
        tasks = tuple(weighted(task, wish, pools) for task in given.tasks)
        self._empty = replace(given, tasks=tasks, max_durations=within)
        self._problem = replace(self._empty, reservations=tuple(self._reservations(held, now)))
        self._earliest = self._offset(self._window.earliest) or 0.0
        self._latest = self._offset(self._window.latest)
        self._until = self._latest if self._latest is not None else self._earliest + LOOKS_AHEAD.total_seconds()
        """The latest start that is looked at."""
        self._seconds = seconds

    def proposal(self) -> Proposal:
        first = self._soonest()
        if self._latest is not None and first_start(first) > self._latest + _NEAR:
            raise self._no_room(first)
        found = [first]
        if self._wish.cost_optimization:
            found += self._cheaper(first)
        else:
            found += self._preferred()
        return self.checked(min(found, key=self._worth), first, found)

    def checked(self, best: Plan, first: Plan, found: Sequence[Plan]) -> Proposal:
        """The proposal of a plan that keeps the budget. Raises `CostLimitExceeded`."""
        if self._wish.budget is not None and not covers(self._wish.budget, best.cost):
            least = min(plan.cost for plan in (best, *found))
            raise CostLimitExceeded(
                f"it costs {least:.2f} at least, and its budget is {self._wish.budget:.2f}",
                remedy=f"allow {least:.2f}, widen its window, or ask for less",
            )
        wish = self._wish
        return Proposal(self._case, best, first, self._disturbed(first), wish.estimates, wish.budget)

    def alternatives(self, objective: Objective) -> tuple[Plan, list[Plan]]:
        """The plan of starting as soon as possible, and all that are worth a look: at other starts, and that of a
        search by `objective`. Raises `ResourceConflict`."""
        first = self._soonest()
        found = [first, *self._cheaper(first)]
        if self._seconds > 0:
            plan = self._searched(objective, first)
            # What is one block stays one: a search must not pull it apart.
            if plan.schedule is not None and (self._window.split or span_of(plan) <= span_of(first) + _NEAR):
                found.append(plan)
        return first, [plan for plan in found if self._in_time(plan)]

    def kept(self, record: Mapping[str, Any]) -> Plan:
        """A plan that was made before, in this one's time."""
        tasks = self._problem.tasks
        steps = {step["step_id"]: step for step in record["steps"]}
        schedule = Schedule(
            [self._second(steps[task.id]["start"]) for task in tasks],
            [self._second(steps[task.id]["end"]) for task in tasks],
            [0] * len(tasks),
            {
                i: tuple(steps[task.id]["amounts"].get(demand.pool, demand.amount) for demand in task.modes[0].demands)
                for i, task in enumerate(tasks)
                if task.modes[0].demands
            },
            {
                i: tuple((self._second(start), self._second(end)) for start, end in steps[task.id]["parts"])
                for i, task in enumerate(tasks)
                if len(steps[task.id]["parts"]) > 1
            },
        )
        problem = _released(self._problem, min(schedule.starts))
        return Plan(problem, Status.FEASIBLE, schedule, None, None, "kept", 0.0)

    def _second(self, moment: str) -> float:
        return (datetime.fromisoformat(moment) - self.origin).total_seconds()

    def _worth(self, plan: Plan) -> tuple[float, float, float]:
        """What is smaller is better: the cost, then the distance to the preferred start, then the start."""
        preferred = self._offset(self._window.preferred)
        start = first_start(plan)
        cost = round(plan.cost, 2) if self._wish.cost_optimization else 0.0
        return cost, abs(start - preferred) if preferred is not None else 0.0, start

    def _preferred(self) -> list[Plan]:
        """The plan of starting at the preferred start, or as soon after it as there is room."""
        preferred = self._offset(self._window.preferred)
        plan = None if preferred is None else self._planned(self._problem, max(preferred, self._earliest))
        return [plan] if plan is not None and self._in_time(plan) else []

    def _cheaper(self, first: Plan) -> list[Plan]:
        """Plans at other starts, and with `split` with steps apart."""
        found = []
        for start in self._promising(first):
            plan = self._planned(self._problem, start)
            if plan is not None and self._in_time(plan):
                found.append(plan)
        if self._window.split and self._seconds > 0:
            found += self._apart([first, *found])
        return found

    def _promising(self, first: Plan) -> list[float]:
        """Starts at which the block is cheapest if only prices count, and the preferred one."""
        schedule = first.schedule
        assert schedule is not None  # noqa: S101  # `_planned` gives none without
        costs = Costs(self._empty, self._until + first.makespan)
        begins = first_start(first)
        edges = {time for spend in costs.by_pool_id.values() for time in spend.steps.times}
        marks = sorted({*schedule.starts, *schedule.ends})
        marks = marks if len(marks) <= 12 else [marks[0], marks[-1]]
        starts = {edge - (mark - begins) for edge in edges for mark in marks}
        preferred = self._offset(self._window.preferred)
        if preferred is not None:
            starts.add(preferred)
        possible = [start for start in starts if self._earliest <= start <= self._until]
        prices = shifted_prices(self._empty, costs, schedule, [start - begins for start in possible])
        goal = begins if preferred is None else preferred
        ranked = sorted(
            (round(price, 2), abs(start - goal), start) for price, start in zip(prices, possible, strict=True)
        )
        return [start for _, _, start in ranked[:_TRIED]]

    def _apart(self, plans: list[Plan]) -> list[Plan]:
        """The plan of a search that may put steps wherever they are cheap."""
        plan = self._searched(Objective(lexicographic=("cost", "duration")), min(plans, key=self._worth))
        return [plan] if plan.schedule is not None and self._in_time(plan) else []

    def _searched(self, objective: Objective, current: Plan) -> Plan:
        """The plan of a search from `current` on, at any start that is looked at."""
        # What a search needs is loaded before: in a new process that takes as long as the search may.
        import_module("planner.search.strategy")
        problem = replace(
            _released(self._problem, self._earliest),
            objective=objective,
            horizon=self._until + max(current.makespan, self._window.longest_seconds or 0.0),
            current=current,
        )
        return solve(problem, Limits(seconds=self._seconds))

    def _in_time(self, plan: Plan) -> bool:
        return self._latest is None or first_start(plan) <= self._latest + _NEAR

    def _soonest(self) -> Plan:
        """The plan of starting as soon as possible, which may be too late. Raises `ResourceConflict`."""
        plan = solve(_released(self._problem, self._earliest), AT_ONCE)
        if plan.schedule is None:
            said = "; ".join(_said(reason) for reason in plan.reasons) or "no plan was found"
            raise ResourceConflict(said, remedy="allow it to take longer, ask for less, or for a wider window")
        return plan

    def _planned(self, problem: Problem, start: float) -> Plan | None:
        plan = solve(_released(problem, start), AT_ONCE)
        return plan if plan.schedule is not None else None

    def _disturbed(self, first: Plan) -> int:
        """Steps that would have started as soon as possible, and could not for what others hold."""
        if not self._problem.reservations:
            return 0
        alone = self._planned(self._empty, max(self._earliest, 0.0))
        if alone is None:
            return 0
        undisturbed = alone.assignments
        return sum(each.start > undisturbed[task].start + _NEAR for task, each in first.assignments.items())

    def _offset(self, moment: datetime | None) -> float | None:
        return None if moment is None else ceil((moment - self.origin).total_seconds())

    def _reservations(self, held: Sequence[Taken], now: datetime) -> list[Reservation]:
        known = self._empty.pool_index
        # What is over before it may start is in nobody's way.
        from_then = max(now, self._window.earliest or now)
        return [
            Reservation(
                each.pool,
                max(0.0, floor((each.begins_at - now).total_seconds())),
                float(ceil((each.ends_at - now).total_seconds())),
                each.amount,
            )
            for each in held
            if each.pool in known and each.ends_at > from_then and each.amount > 0
        ]

    def _no_room(self, first: Plan) -> ResourceConflict:
        assert self._window.latest is not None  # noqa: S101  # asked only then
        start = self.origin + timedelta(seconds=first_start(first))
        pools = sorted({hold.pool for hold in first.analysis.holds.values() if hold.pool is not None})
        about = f" ({', '.join(pools)})" if pools else ""
        return ResourceConflict(
            f"there is no room{about} for it by its latest start, {self._window.latest.isoformat()}; "
            f"the earliest start at which it fits is {start.isoformat()}",
            remedy="choose a later latest start, ask for less, or allow it to move others (allow_preemption)",
        )


def first_start(plan: Plan) -> float:
    """When the first task of a plan starts, in seconds from its origin."""
    return 0.0 if plan.schedule is None else min(plan.schedule.starts)


def span_of(plan: Plan) -> float:
    """Seconds from the first start to the last end."""
    return plan.makespan - first_start(plan)


def _said(reason: Reason) -> str:
    """A reason of the planner about the one workflow that is planned."""
    if reason.kind == "max_duration" and reason.needed is not None and reason.available is not None:
        return (
            f"it takes {reason.needed:g} s at least from its first start to its last end, "
            f"and may take {reason.available:g} s"
        )
    return reason.message


def _released(problem: Problem, start: float) -> Problem:
    """The same with nothing before that moment."""
    if start <= 0:
        return problem
    return replace(problem, tasks=tuple(_not_before(task, start) for task in problem.tasks))


def _not_before(task: Task, start: float) -> Task:
    return replace(task, release=max(task.release, start))
