"""The integers that the makespan solver works on."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

from definitions.errors import Problem, ProblemsError

Numbers = tuple[int, ...]


class InstanceInvalid(ProblemsError):
    """Arrays that describe no instance; `problems` names all that is wrong."""

    default_code = "instance_invalid"
    subject = "the instance"


@dataclass(frozen=True, slots=True)
class Instance:
    """Tasks without interruption, each in one of its modes; the last is to end as early as possible (RCPSP, MRCPSP).

    Time is in whole units from 0. Tasks, modes and resources are numbered from 0; there are no dummy tasks.
    """

    durations: tuple[Numbers, ...]
    """By task and mode."""
    demands: tuple[tuple[Numbers, ...], ...]
    """By task, mode and renewable resource: what is held from start to end."""
    capacities: Numbers
    """By renewable resource: what may be held at once."""
    successors: tuple[Numbers, ...]
    """By task: those that start after its end."""
    consumptions: tuple[tuple[Numbers, ...], ...] = ()
    """By task, mode and budget: what is used up once (non-renewable resources). Empty without budgets."""
    budgets: Numbers = ()
    """By budget: what may be used up in all."""
    lags: tuple[Numbers, ...] = ()
    """Beside `successors`: the least time from the task's end to the successor's start. Empty: 0 everywhere."""
    releases: Numbers = ()
    """By task: the earliest start. Empty: 0 everywhere."""
    deadlines: tuple[int | None, ...] = ()
    """By task: the latest end, None where there is none. Empty: none."""

    def __post_init__(self) -> None:
        problems = self._wrong_shapes() or [*self._wrong_numbers(), *self._wrong_order()]
        if problems:
            raise InstanceInvalid(problems)

    def __len__(self) -> int:
        return len(self.durations)

    def lag(self, task: int, place: int) -> int:
        """The lag to the `place`-th successor of a task."""
        return self.lags[task][place] if self.lags else 0

    def release(self, task: int) -> int:
        """The earliest start of a task."""
        return self.releases[task] if self.releases else 0

    def deadline(self, task: int) -> int | None:
        """The latest end of a task, if it has one."""
        return self.deadlines[task] if self.deadlines else None

    def horizon(self) -> int:
        """A makespan that some schedule does not exceed, if there is any: all one after the other."""
        longest = sum(max(modes) for modes in self.durations)
        return max(self.releases, default=0) + longest + sum(max(lags, default=0) for lags in self.lags)

    def energy_bound(self) -> int:
        """No schedule is shorter, because of what the tasks hold of each resource."""
        best = 0
        for resource, capacity in enumerate(self.capacities):
            energy = sum(
                min(duration * demand[resource] for duration, demand in zip(durations, demands, strict=True))
                for durations, demands in zip(self.durations, self.demands, strict=True)
            )
            if capacity:
                best = max(best, -(-energy // capacity))
        return best

    def _wrong_shapes(self) -> list[Problem]:
        tasks = len(self.durations)
        wrong = [
            _problem(name, f"has {len(value)} entries for {tasks} tasks")
            for name, value, optional in (
                ("demands", self.demands, False),
                ("successors", self.successors, False),
                ("consumptions", self.consumptions, not self.budgets),
                ("lags", self.lags, True),
                ("releases", self.releases, True),
                ("deadlines", self.deadlines, True),
            )
            if len(value) != tasks and (value or not optional)
        ]
        if wrong:
            return wrong
        for task, durations in enumerate(self.durations):
            if not durations:
                wrong.append(_problem(f"durations[{task}]", "has no mode"))
            for name, rows, width in (
                ("demands", self.demands, len(self.capacities)),
                ("consumptions", self.consumptions, len(self.budgets)),
            ):
                if rows and (len(rows[task]) != len(durations) or any(len(row) != width for row in rows[task])):
                    wrong.append(_problem(f"{name}[{task}]", f"is not {len(durations)} modes of {width} numbers"))
            if self.lags and len(self.lags[task]) != len(self.successors[task]):
                wrong.append(_problem(f"lags[{task}]", f"is not beside {len(self.successors[task])} successors"))
        return wrong

    def _wrong_numbers(self) -> list[Problem]:
        wrong = [
            _problem(f"{name}[{index}]", "holds a negative number")
            for name, rows in (("durations", self.durations), ("lags", self.lags))
            for index, row in enumerate(rows)
            if any(value < 0 for value in row)
        ]
        wrong += [
            _problem(f"{name}[{index}]", "holds a negative number")
            for name, table in (("demands", self.demands), ("consumptions", self.consumptions))
            for index, rows in enumerate(table)
            if any(value < 0 for value in chain.from_iterable(rows))
        ]
        wrong += [
            _problem(f"{name}[{index}]", "is negative")
            for name, values in (
                ("capacities", self.capacities),
                ("budgets", self.budgets),
                ("releases", self.releases),
            )
            for index, value in enumerate(values)
            if value < 0
        ]
        return wrong

    def _wrong_order(self) -> list[Problem]:
        tasks = len(self.durations)
        for task, following in enumerate(self.successors):
            for after in following:
                if not 0 <= after < tasks:
                    return [_problem(f"successors[{task}]", f"names task {after}, and there are {tasks}")]
        waiting = [0] * tasks
        for after in chain.from_iterable(self.successors):
            waiting[after] += 1
        ready = [task for task in range(tasks) if not waiting[task]]
        for task in ready:
            for after in self.successors[task]:
                waiting[after] -= 1
                if not waiting[after]:
                    ready.append(after)
        if len(ready) == tasks:
            return []
        return [_problem("successors", f"go round in a circle through tasks {[t for t in range(tasks) if waiting[t]]}")]


def _problem(path: str, message: str) -> Problem:
    return Problem("instance_invalid", path, message)
