"""The value of drafts, as searches ask for it thousands of times."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from planner.evaluation import TOLERANCE, current_starts, group_weights, measure, value
from planner.group_spans import draft_within

if TYPE_CHECKING:
    from planner.compiled import Compiled, Draft
    from planner.schedule import Schedule


class Judge:
    """Judges drafts of one problem by scaled parts (see `evaluation.scales`)."""

    def __init__(
        self, compiled: Compiled, scaled: Mapping[str, float], held: Mapping[str, float] | None = None
    ) -> None:
        self.compiled = compiled
        self.scaled = dict(scaled)
        self.held = dict(held or {})
        """Parts, in their own unit, that must not get worse than this."""
        self.only_duration = set(scaled) == {"duration"}
        """True where nothing counts but the end of the last task."""

    def __call__(self, draft: Draft) -> float:
        """The value of a draft; less is better."""
        compiled = self.compiled
        if self.only_duration and not draft.parts:
            last = max(
                start * compiled.tick + ways[number].option.seconds
                for start, ways, number in zip(draft.starts, compiled.ways, draft.ways, strict=True)
            )
            return self.scaled["duration"] * last
        return self.of(compiled.schedule(draft))

    def of(self, schedule: Schedule) -> float:
        """The value of a schedule."""
        return value(self.compiled.problem, self.compiled.costs, schedule, self.scaled)

    def admits(self, draft: Draft) -> bool:
        """Whether a draft keeps groups within their durations, the budgets, and what earlier steps of a lexicographic
        search reached."""
        problem, costs = self.compiled.problem, self.compiled.costs
        if not draft_within(self.compiled, draft):
            return False
        if not problem.budgets and not self.held:
            return True
        schedule = self.compiled.schedule(draft)
        return costs.within_budgets(schedule) and all(
            measure(problem, costs, schedule, name) <= limit + TOLERANCE * max(abs(limit), 1e-3)
            for name, limit in self.held.items()
        )


class Shares:
    """What one task's place and way add to the value, the others staying where they are."""

    def __init__(self, judge: Judge) -> None:
        compiled, scaled = judge.compiled, judge.scaled
        problem = compiled.problem
        tasks = problem.tasks
        self.compiled = compiled
        self._duration = scaled.get("duration", 0.0)
        self._cost = scaled.get("cost", 0.0)
        self._lost = scaled.get("quality", 0.0) / len(tasks)
        self._current = current_starts(problem) if "churn" in scaled else {}
        self._churn = scaled.get("churn", 0.0) / len(self._current) if self._current else 0.0
        preferring = sum(task.preferred_start is not None for task in tasks)
        self._preference = scaled.get("preference", 0.0) / preferring if preferring else 0.0
        late = sum(task.importance for task in tasks if task.due is not None)
        self._lateness = scaled.get("lateness", 0.0) / late if late else 0.0
        self._groups = group_weights(problem) if "completion" in scaled else {}
        self._completion = scaled.get("completion", 0.0) / (sum(self._groups.values()) or 1.0)
        self.timeless = not (self._cost and compiled.costs.changing) and not self._churn and not self._preference
        """True where sooner is never worse."""

    def of(self, task: int, number: int, start: int, others_end: float, group_end: float) -> float:
        """The share of a task done in way `number` from `start` on. The ends of the others, in seconds, are what it
        would have to exceed to make the plan or its group longer."""
        given, way = self.compiled.problem.tasks[task], self.compiled.ways[task][number]
        begin = start * self.compiled.tick
        end = begin + way.option.seconds
        share = self._lost * way.option.lost
        if self._duration and end > others_end:
            share += self._duration * (end - others_end)
        if self._completion and end > group_end:
            share += self._completion * self._groups[given.group] * (end - group_end)
        if self._lateness and given.due is not None and end > given.due:
            share += self._lateness * given.importance * (end - given.due)
        if self._preference and given.preferred_start is not None:
            share += self._preference * abs(begin - given.preferred_start)
        if self._churn and task in self._current:
            share += self._churn * abs(begin - self._current[task])
        if self._cost:
            share += self._cost * self.money(task, number, start)
        return share

    def money(self, task: int, number: int, start: int) -> float:
        """What the task costs in one piece."""
        compiled, way = self.compiled, self.compiled.ways[task][number]
        begin = start * compiled.tick
        mode = compiled.problem.tasks[task].modes[way.option.mode]
        return compiled.costs.task(mode, way.option.amounts, ((begin, begin + way.option.seconds),))

    def wishes(self, task: int) -> list[float]:
        """Starts in seconds that the task itself would like, apart from its cost."""
        given = self.compiled.problem.tasks[task]
        found = [given.preferred_start] if self._preference and given.preferred_start is not None else []
        if self._churn and task in self._current:
            found.append(self._current[task])
        return found
