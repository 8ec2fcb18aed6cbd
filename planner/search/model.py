"""The whole problem as a CP-SAT model; or a part of it, the other tasks staying where a draft has them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from math import ceil, floor, inf
from typing import Any

from ortools.sat.python import cp_model

from planner.compiled import Compiled, Draft
from planner.evaluation import TOLERANCE
from planner.grid import Grid
from planner.judge import Judge
from planner.search.capacity import Bursts, add_pool, held_by, peak
from planner.search.measures import Term, measure
from planner.search.money import Money, add_budgets, money
from planner.search.spans import add_spans
from planner.search.variables import MoveVariables, TaskVariables, hint, move_variables, read, task_variables
from planner.search.windows import Window, left_window, own_window

_LARGEST = 1e12
"""What the largest value of the objective becomes in whole numbers."""
_SAME = 1e-9


@dataclass(slots=True)
class Model:
    """A CP-SAT model and how to read it."""

    cp: cp_model.CpModel
    compiled: Compiled
    tasks: dict[int, TaskVariables]
    moves: list[MoveVariables]
    objective: Any
    """What is minimised, a whole number."""
    factor: float
    """Objective in the model x factor = value."""
    slack: float
    """By how much a bound in the model may be too high, as a value."""
    proves: bool
    """Whether a bound or a refutation of the model holds for the problem."""
    exact: bool
    """Whether its objective is the value, but for rounding; else it is less."""
    rest: Draft | None
    judged: frozenset[str]
    """The parts of the objective that the model has."""

    def know(self, bound: float) -> None:
        """Tell the search that no plan has a lower value: a plan that reaches it ends the search."""
        if self.exact and bound > -inf and not isinstance(self.objective, int):
            self.cp.add(
                self.objective >= floor((bound - self.slack) / self.factor - TOLERANCE * abs(bound / self.factor))
            )

    def read(self, value: Any) -> Draft:
        """The draft that a solution means."""
        return read(self.compiled, self.tasks, self.moves, value, self.rest)

    def hint(self, draft: Draft) -> None:
        """Tell the search of a draft."""
        hint(self.cp, self.compiled, self.tasks, self.moves, draft)


def build(
    compiled: Compiled,
    judge: Judge,
    *,
    bursts: Bursts = Bursts.KEPT,
    free: Collection[int] | None = None,
    draft: Draft | None = None,
    reach: int | None = None,
    known: bool = False,
) -> Model:
    """The model. `known`: that there is a plan. With `free` and `draft` only those tasks (and no reservation) may move,
    by up to `reach` ticks; what can't move is taken from the draft."""
    return Builder(compiled, judge, bursts, free, draft, reach, known=known or free is not None).build()


class Builder:
    """A model being made."""

    def __init__(
        self,
        compiled: Compiled,
        judge: Judge,
        bursts: Bursts,
        free: Collection[int] | None,
        draft: Draft | None,
        reach: int | None,
        *,
        known: bool,
    ) -> None:
        self._known = known
        self.cp = cp_model.CpModel()
        self.compiled = compiled
        self.grid = Grid(compiled.tick)
        self.judge = judge
        self.bursts = bursts
        self._parts = {*judge.scaled, *judge.held}
        self.peaks: dict[int, Any] = {}
        self.draft = draft if free is not None else None
        self._ends = [] if self.draft is None else compiled.ends(self.draft)
        chosen = set(range(len(compiled.ways)) if free is None else free)
        self.tasks = {
            task: task_variables(self.cp, compiled, task, self._window(chosen, task, reach)) for task in sorted(chosen)
        }
        self.moves = [] if free is not None else [move_variables(self.cp, compiled, each) for each in compiled.movable]
        self.proves = free is None
        self.costs: Money | None = None
        self.spent: dict[str | None, float] = {}

    def _window(self, free: set[int], task: int, reach: int | None) -> Window:
        if self.draft is None:
            return own_window(self.compiled, task)
        most = self.compiled.horizon if reach is None else reach
        return left_window(self.compiled, self.draft, self._ends, free, task, most)

    def build(self) -> Model:
        self._precedence()
        add_spans(self, known=self._known)
        self._pools()
        if self.compiled.problem.budgets or "cost" in self._parts:
            self.costs = money(self.cp, self.compiled, self.judge, self.tasks)
            self.spent = self._spent()
            add_budgets(self.cp, self.compiled, self.costs, self.spent)
        for name, limit in self.judge.held.items():
            self._hold(name, limit)
        total, factor, slack = self._objective()
        exact = self.bursts is Bursts.NONE or "cost" not in self._parts or not self.compiled.costs.surcharged
        return Model(
            self.cp,
            self.compiled,
            self.tasks,
            self.moves,
            total,
            factor,
            slack,
            self.proves,
            exact,
            self.draft,
            frozenset(self._parts),
        )

    def end(self, task: int) -> Any:
        """The end of a task, free or not."""
        return self.tasks[task].end if task in self.tasks else self._ends[task]

    def start(self, task: int) -> Any:
        """The start of a task, free or not."""
        if task in self.tasks:
            return self.tasks[task].start
        return 0 if self.draft is None else self.draft.starts[task]

    def _precedence(self) -> None:
        for before, arcs in enumerate(self.compiled.graph.successors):
            for after, lag in arcs:
                if before in self.tasks or after in self.tasks:
                    self.cp.add(self.start(after) >= self.end(before) + lag)

    def _pools(self) -> None:
        compiled = self.compiled
        taken = self._taken()
        if self.bursts is Bursts.NONE and any(pool.longest for pool in compiled.pools):
            self.proves = False
        for number in range(len(compiled.pools)):
            held = held_by(self.cp, compiled, self.tasks, self.moves, number)
            self.proves &= add_pool(self.cp, compiled, number, held, taken[number], self.bursts)
            if "balance" in self._parts:
                self.peaks[number] = peak(self.cp, compiled.pools[number], held, taken[number])

    def _taken(self) -> list[list[tuple[int, int, int]]]:
        """What is held of each pool by what can't move: (start, end, units)."""
        compiled, draft = self.compiled, self.draft
        taken: list[list[tuple[int, int, int]]] = [[] for _ in compiled.pools]
        if draft is not None:
            for task, number in enumerate(draft.ways):
                if task not in self.tasks:
                    for pool, units in compiled.ways[task][number].needs:
                        taken[pool] += [(start, end, units) for start, end in compiled.spans(draft, task)]
            for place, movable in enumerate(compiled.movable):
                start = draft.moved.get(place, movable.start)
                taken[movable.pool].append((start, start + movable.ticks, movable.units))
        return taken

    def _spent(self) -> dict[str | None, float]:
        """What tasks that are not free cost, by group and in all."""
        spent: dict[str | None, float] = {None: 0.0}
        if self.draft is not None:
            each = self.compiled.costs.of_tasks(self.compiled.schedule(self.draft))
            for task, cost in enumerate(each):
                if task not in self.tasks:
                    group = self.compiled.problem.tasks[task].group
                    spent[None] += cost
                    if group is not None:
                        spent[group] = spent.get(group, 0.0) + cost
        return spent

    def _hold(self, name: str, limit: float) -> None:
        """A part of the objective may not be worse than a limit in its own unit, but for what rounding does."""
        terms = measure(name, self)
        scale = _LARGEST / (sum(abs(term.unit) * term.most for term in terms) or 1.0)
        room = limit + sum(term.off for term in terms) + TOLERANCE * max(abs(limit), 1e-3)
        self.cp.add(sum(floor(term.unit * scale) * term.expression for term in terms) <= ceil(room * scale))

    def _objective(self) -> tuple[Any, float, float]:
        """Minimise the scaled parts: what is minimised, the factor to a value, by how much a bound may be too high."""
        terms = [
            Term(term.expression, factor * term.unit, term.most, factor * term.off)
            for name, factor in self.judge.scaled.items()
            for term in measure(name, self)
            if factor
        ]
        slack = sum(abs(term.off) for term in terms)
        units = {abs(term.unit) for term in terms if term.unit}
        if not units:
            scale = 1.0
        elif max(units) - min(units) <= _SAME * max(units):
            scale = 1.0 / max(units)
        else:
            scale = _LARGEST / sum(abs(term.unit) * term.most for term in terms)
            slack += sum(term.most for term in terms) / scale
        # reservations that could as well stay where they are stay: all of them together count less than one unit
        spare = len(self.moves) + 1 if self.moves and "cost" not in self.judge.scaled else 1
        total = sum(spare * round(term.unit * scale) * term.expression for term in terms)
        if spare > 1:
            total += sum(move.moved for move in self.moves)
            slack += 1 / scale
        self.cp.minimize(total)
        return total, 1 / (scale * spare), slack
