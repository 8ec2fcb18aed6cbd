"""A planning request made ready to be solved: the problem, which steps its tasks are, and what is worth knowing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from definitions import validation
from definitions.errors import DefinitionInvalid, Problem
from definitions.model import Definition
from definitions.nearest import did_you_mean
from definitions.pools import PoolsDocument, load_pools
from engine.planning.pools import planner_pools
from engine.planning.request import Request, RequestInvalid
from engine.planning.workflow import PlannedStep, WorkflowTasks
from planner import Budget, Pool, Precedence, Task
from planner import Problem as PlanningProblem

_NAMED = 8
"""Steps that a note names."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was assumed. `code` stays the same between releases."""

    code: str
    message: str
    steps: tuple[str, ...] = ()
    """Task ids."""


@dataclass(frozen=True, slots=True)
class Case:
    """A problem and what its tasks mean."""

    request: Request
    problem: PlanningProblem
    steps: Mapping[str, PlannedStep]
    """Task id -> step, in the problem's order."""
    pools: PoolsDocument | None
    notes: tuple[Note, ...]

    @property
    def workflows(self) -> tuple[str, ...]:
        """The names of the workflows, each once."""
        return tuple(dict.fromkeys(planned.workflow for planned in self.steps.values()))

    @property
    def currency(self) -> str:
        """What money is in; empty if nobody said."""
        return self.pools.currency if self.pools is not None else ""


def open_case(request: Request, checked: Sequence[Definition] | None = None) -> Case:
    """The problem of a request. `checked`: its workflows, for who has them at hand and knows that they are sound.

    Raises `DefinitionInvalid`, `definitions.pools.PoolsInvalid`, `RequestInvalid`, `planner.ProblemInvalid`.
    """
    given = request.pools
    pools = given if given is None or isinstance(given, PoolsDocument) else load_pools(given)
    workflows = _workflows(request, checked, frozenset(pools.pools if pools else ()))
    tasks: list[Task] = []
    arcs: list[Precedence] = []
    problems: list[Problem] = []
    for workflow in workflows:
        tasks += workflow.tasks()
        arcs += workflow.precedence()
        problems += workflow.problems
    horizon = None
    if request.deadline is not None:
        horizon = (request.deadline - request.start).total_seconds()
        if horizon <= 0:
            message = f"{request.deadline.isoformat()} is not after the start, {request.start.isoformat()}"
            problems.append(Problem("deadline_passed", "deadline", message, "choose a later deadline"))
    if problems:
        raise RequestInvalid(problems)
    steps = {planned.task: planned for workflow in workflows for planned in workflow.steps}
    limits = [workflow.limit_pool for workflow in workflows if workflow.limit_pool is not None]
    shared = planner_pools(pools, request.start) if pools is not None else ()
    problem = PlanningProblem(
        tasks=tuple(tasks),
        precedence=tuple(arcs),
        pools=(*_used(shared, tasks), *limits),
        budgets=_budgets(request, workflows),
        objective=request.objective,
        origin=request.start,
        horizon=horizon,
    )
    return Case(request, problem, steps, pools, tuple(_notes(request, workflows, pools)))


def _workflows(request: Request, checked: Sequence[Definition] | None, pools: frozenset[str]) -> list[WorkflowTasks]:
    several = len(request.workflows) > 1
    found: list[WorkflowTasks] = []
    names: set[str] = set()
    for number, document in enumerate(request.workflows):
        path = f"workflows[{number}]." if several else ""
        definition = _load(document, path) if checked is None else checked[number]
        name, count = definition.name, 1
        while name in names:
            count += 1
            name = f"{definition.name} ({count})"
        names.add(name)
        found.append(
            WorkflowTasks(
                definition,
                name,
                path=path,
                start=request.start,
                pools=pools,
                default_duration=request.default_duration,
                qualified=several,
            )
        )
    return found


def _load(document: Mapping[str, Any], path: str) -> Definition:
    try:
        return validation.load(document)
    except DefinitionInvalid as error:
        if not path:
            raise
        found = [Problem(each.code, f"{path}{each.path}", each.message, each.remedy) for each in error.problems]
        raise DefinitionInvalid(found) from None


def _used(pools: Iterable[Pool], tasks: list[Task]) -> Iterable[Pool]:
    """Pools that nobody asks for would only make the search larger."""
    asked = {demand.pool for task in tasks for mode in task.modes for demand in mode.demands}
    return (pool for pool in pools if pool.id in asked)


def _budgets(request: Request, workflows: list[WorkflowTasks]) -> tuple[Budget, ...]:
    own = [workflow.budget for workflow in workflows if workflow.budget is not None]
    return (*own, *([] if request.budget is None else [Budget(request.budget)]))


def _notes(request: Request, workflows: list[WorkflowTasks], pools: PoolsDocument | None) -> Iterable[Note]:
    planned = [each for workflow in workflows for each in workflow.steps]
    assumed = [each.task for each in planned if each.assumed]
    if assumed:
        message = f"no estimated_duration: planned with {request.default_duration:g} s each"
        yield _about("assumed_duration", message, assumed)
    conditional = [each.task for each in planned if each.step.condition is not None]
    if conditional:
        yield _about("conditional", "have a condition, and are planned as if they ran", conditional)
    handlers = [id_ for workflow in workflows for id_ in workflow.error_handlers]
    if handlers:
        yield _about("error_handlers", "run only when another step has failed, and are not planned", handlers)
    asked = dict.fromkeys(name for each in planned for name, amount in each.step.resources.items() if amount)
    if pools is None:
        if asked:
            yield Note("no_pools", f"no pools are given: there is enough of {', '.join(asked)}, and it costs nothing")
        return
    for name in asked:
        if name not in pools.pools:
            near = did_you_mean(name, pools.pools)
            yield Note("unknown_pool", f"`{name}` is no pool: it is not limited and costs nothing" + _aside(near))
    objective = request.objective
    priced = any(
        pools.pools[name].price.per_hour or pools.pools[name].price.rules for name in asked if name in pools.pools
    )
    if not priced and ("cost" in objective.lexicographic or objective.cost):
        yield Note("no_prices", "nothing that is used has a price: the cost plays no role")


def _about(code: str, message: str, steps: list[str]) -> Note:
    shown = ", ".join(steps[:_NAMED]) + (f" and {len(steps) - _NAMED} more" if len(steps) > _NAMED else "")
    return Note(code, f"{shown}: {message}", tuple(steps))


def _aside(text: str) -> str:
    return f" ({text})" if text else ""
