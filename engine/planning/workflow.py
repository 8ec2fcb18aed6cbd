"""One workflow as tasks and precedence.

Everything is planned as if it ran: steps with a condition, and steps that would be skipped. Error handlers are not
planned; what waits for one waits for the steps that it handles.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from definitions.digest import digest
from definitions.errors import Problem
from definitions.model import Definition, PlanMoment, Step, Window
from definitions.program import Program, compile_definition
from planner import Budget, Demand, Mode, Pool, Precedence, Task

MOST_AT_ONCE = 500
"""Steps of one run that run at once when `max_parallel_steps` says nothing else (`workflows.runner`)."""


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """Which step a task is."""

    task: str
    workflow: str
    step: Step
    assumed: bool
    """Its duration is the default one, as it states none."""


class WorkflowTasks:
    """What one workflow adds to a problem."""

    def __init__(
        self,
        definition: Definition,
        name: str,
        *,
        path: str,
        start: datetime,
        pools: Collection[str],
        default_duration: float,
        qualified: bool,
    ) -> None:
        """`name` is its group, `path` where problems are; with `qualified`, task ids have it before the step's id.

        Resources that are not in `pools` are left out.
        """
        self.name = name
        self.definition = definition
        self._path = path
        self._start = start
        self._pools = pools
        self._default = default_duration
        self._prefix = f"{name}/" if qualified else ""
        self._program: Program = compile_definition(definition, digest(name))
        self.problems: list[Problem] = []
        """Moments that can't be kept as they lie before the start."""
        self.error_handlers = tuple(id_ for id_, program in self._program.steps.items() if program.handles)
        self.steps = [
            PlannedStep(
                f"{self._prefix}{step.id}", name, step, step.estimated_duration is None and step.handler is not None
            )
            for step in definition.steps
            if step.id not in self.error_handlers
        ]
        self._limit = definition.max_parallel_steps or MOST_AT_ONCE
        limited = len(self.steps) > self._limit
        self.limit_pool = Pool(f"{name}: max_parallel_steps", self._limit) if limited else None
        """Room for the steps that may run at once, where that is less than there are."""

    @property
    def budget(self) -> Budget | None:
        """What a run may cost."""
        planning = self.definition.planning
        return None if planning is None or planning.budget is None else Budget(planning.budget, self.name)

    def tasks(self) -> list[Task]:
        """One task for each step."""
        whole = self._window(self.definition.planning, f"{self._path}planning")
        places = {step.id: number for number, step in enumerate(self.definition.steps)}
        return [self._task(planned, whole, places[planned.step.id]) for planned in self.steps]

    def precedence(self) -> Iterator[Precedence]:
        """Declared and referred dependencies, and the order of sequential siblings."""
        for planned in self.steps:
            before = self._before(planned.step.id)
            for other in before:
                yield Precedence(f"{self._prefix}{other}", planned.task)

    def _before(self, step_id: str) -> dict[str, None]:
        program = self._program.steps[step_id]
        found: dict[str, None] = {}
        for other in (*program.requires, *filter(None, (program.after,))):
            handled = self._program.steps[other].handles
            found.update(dict.fromkeys(handled or (other,)))
        return found

    def _task(self, planned: PlannedStep, whole: _Seconds, place: int) -> Task:
        step, planning = planned.step, planned.step.planning
        own = self._window(planning, f"{self._path}steps[{place}].planning")
        first = not self._before(step.id)
        earliest = max(own.earliest or 0.0, (whole.earliest or 0.0) if first else 0.0)
        latest = _least(own.latest, whole.latest if first else None)
        if latest is not None and latest < earliest:
            message = f"`{step.id}` may start after {earliest:g} s at the earliest and {latest:g} s at the latest"
            remedy = "let the latest start be no earlier"
            self.problems.append(Problem("empty_window", f"{self._path}steps[{place}].planning", message, remedy))
            latest = None
        preferred = own.preferred if own.preferred is not None else whole.preferred if first else None
        return Task(
            planned.task,
            modes=(Mode(self._duration(planned), self._demands(planned)),),
            release=earliest,
            deadline=_least(own.deadline, whole.deadline),
            window=None if latest is None else (earliest, latest),
            preferred_start=preferred,
            splittable=planning is not None and planning.splittable,
            min_part=1.0 if planning is None else planning.min_part,
            priority=self.definition.priority,
            group=self.name,
        )

    def _duration(self, planned: PlannedStep) -> float:
        if planned.step.estimated_duration is not None:
            return planned.step.estimated_duration
        return self._default if planned.assumed else 0.0

    def _demands(self, planned: PlannedStep) -> tuple[Demand, ...]:
        step, found = planned.step, []
        ranges = step.planning.amounts if step.planning is not None else {}
        for name, amount in step.resources.items():
            if name in self._pools and amount:
                given = ranges.get(name)
                speedup = 1.0 if given is None else given.speedup
                low, high = (None, None) if given is None else (given.min, given.max)
                found.append(Demand(name, amount, low, high, speedup))
        if self.limit_pool is not None and self._duration(planned):
            found.append(Demand(self.limit_pool.id, 1))
        return tuple(found)

    def _window(self, given: Window | None, path: str) -> _Seconds:
        if given is None:
            return _Seconds()
        return _Seconds(
            earliest=self._seconds(given.earliest_start, None, path),
            latest=self._seconds(given.latest_start, f"{path}.latest_start", path),
            preferred=self._seconds(given.preferred_start, None, path),
            deadline=self._seconds(given.deadline, f"{path}.deadline", path),
        )

    def _seconds(self, moment: PlanMoment | None, must: str | None, path: str) -> float | None:
        """Seconds from the start; `must`: where to say so if it is before."""
        if moment is None or isinstance(moment, float):
            return moment
        seconds = (moment - self._start).total_seconds()
        if seconds < 0 and must is not None:
            message = f"{moment.isoformat()} is before the plan starts, at {self._start.isoformat()}"
            self.problems.append(Problem("moment_passed", must, message, "choose a later moment, or an earlier start"))
        return max(seconds, 0.0)


@dataclass(frozen=True, slots=True)
class _Seconds:
    """A window in seconds from the start."""

    earliest: float | None = None
    latest: float | None = None
    preferred: float | None = None
    deadline: float | None = None


def _least(*values: float | None) -> float | None:
    return min((value for value in values if value is not None), default=None)
