"""Whether a problem makes sense. One pass; what is plain is let through at once: a microsecond or so a task."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from numbers import Real
from typing import TYPE_CHECKING, Any

from definitions import errors
from planner.graph import Arc, Graph, topological_order
from planner.mistakes import Mistakes
from planner.objective import PARTS
from planner.pool_validation import check_period, check_pools

if TYPE_CHECKING:
    from planner.problem import Problem

_CYCLES_NAMED = 10


class ProblemInvalid(errors.ProblemsError):
    """A planning problem that makes no sense; `problems` holds everything that is wrong."""

    default_code = "problem_invalid"
    subject = "the planning problem"


def check(problem: Problem) -> tuple[dict[str, int], dict[str, int], Graph[float], bool, bool]:
    """Positions of tasks and of pools by id, the precedence graph, and whether every task is plain, and is rigid.
    Raises `ProblemInvalid`."""
    found = Mistakes()
    pools = check_pools(problem, found)
    index, plain, rigid = _tasks(problem, pools, found)
    graph = _precedence(problem, index, found)
    if problem.reservations or problem.budgets or problem.max_durations or problem.horizon is not None:
        _limits(problem, pools, found)
    _objective(problem, found)
    if found.problems:
        raise ProblemInvalid(found.problems)
    return index, pools, graph, plain, rigid


def _tasks(problem: Problem, pools: Mapping[str, int], found: Mistakes) -> tuple[dict[str, int], bool, bool]:
    from planner.problem import Task

    index: dict[str, int] = {}
    plain = rigid = True
    for position, task in enumerate(problem.tasks):
        if type(task) is not Task:
            found.kind(f"tasks[{position}]", task, Task)
            continue
        first = index.setdefault(task.id, position) if isinstance(task.id, str) else position
        if first != position:
            remedy = f"tasks[{first}] has it; give each its own"
            found.add("duplicate_id", f"tasks[{position}].id", f"{task.id!r} is there twice", remedy)
        if not _sound(task, pools):
            _task(f"tasks[{position}]", task, pools, found)
            plain = rigid = False
        elif plain:
            plain = task.deadline is None and task.due is None and task.window is None and task.preferred_start is None
    if not problem.tasks:
        found.add("no_tasks", "tasks", "there is nothing to plan", "give at least one task")
    return index, plain, rigid


def _sound(task: Any, pools: Mapping[str, int]) -> bool:
    """Whether nothing about a task needs a closer look, as it does where it may be split or has a malleable demand.
    Cheap, and never true for what `_task` would refuse."""
    try:
        if not (
            type(task.id) is str
            and task.id
            and (task.group is None or (type(task.group) is str and task.group))
            and 0 <= task.release < inf
            and type(task.release) is not bool
            and (task.deadline is None or (0 <= task.deadline < inf and type(task.deadline) is not bool))
            and (task.due is None or (0 <= task.due < inf and type(task.due) is not bool))
            and (task.window is None or _opens(task.window))
            and (task.preferred_start is None or _counts(task.preferred_start))
            and (task.weight is None or _counts(task.weight))
            and type(task.priority) is int
            and 0 <= task.priority <= 100
            and not task.splittable
            and task.modes
        ):
            return False
        for mode in task.modes:
            if not (
                0 <= mode.duration < inf
                and 0 <= mode.cost < inf
                and 0 <= mode.quality < inf
                and type(mode.duration) is not bool
                and type(mode.cost) is not bool
                and type(mode.quality) is not bool
            ):
                return False
            demands = mode.demands
            for demand in demands:
                if not (
                    0 <= demand.amount < inf
                    and type(demand.amount) is not bool
                    and demand.pool in pools
                    and demand.min_amount is None
                    and demand.max_amount is None
                ):
                    return False
            count = len(demands)
            if count == 2:
                if demands[0].pool == demands[1].pool:
                    return False
            elif count > 2 and len({demand.pool for demand in demands}) < count:
                return False
    except (TypeError, AttributeError):
        return False
    return True


def _counts(value: Any) -> bool:
    return 0 <= value < inf and type(value) is not bool


def _opens(window: Any) -> bool:
    return type(window) is tuple and len(window) == 2 and window[0] <= window[1] and all(map(_counts, window))


def _task(path: str, task: Any, pools: Mapping[str, int], found: Mistakes) -> None:
    """Everything that is wrong with one task."""
    found.text(f"{path}.id", task.id)
    found.number(f"{path}.release", task.release)
    for name in ("due", "deadline", "preferred_start", "weight"):
        if (value := getattr(task, name)) is not None:
            found.number(f"{path}.{name}", value)
    found.number(f"{path}.priority", task.priority, 0, 100, whole=True)
    if task.group is not None:
        found.text(f"{path}.group", task.group)
    if task.splittable:
        found.number(f"{path}.max_parts", task.max_parts, 1, 64, whole=True)
        found.number(f"{path}.min_part", task.min_part, 0.001)
    if task.window is not None:
        _window(f"{path}.window", task, found)
    _modes(path, task, pools, found)


def _window(path: str, task: Any, found: Mistakes) -> None:
    if not isinstance(task.window, list | tuple) or len(task.window) != 2:
        remedy = "give (earliest start, latest start)"
        found.add("wrong_type", path, f"{task.window!r} is no window", remedy)
        return
    earliest, latest = task.window
    if found.number(f"{path}[0]", earliest) and found.number(f"{path}[1]", latest) and earliest > latest:
        message = f"{task.id!r} could start at {earliest:g} at the earliest and at {latest:g} at the latest"
        found.add("empty_window", path, message, "let the latest start be no earlier")


def _modes(path: str, task: Any, pools: Mapping[str, int], found: Mistakes) -> None:
    from planner.problem import Demand, Mode

    if not isinstance(task.modes, list | tuple) or not task.modes:
        found.add("no_modes", f"{path}.modes", f"{task.id!r} has no mode", "give at least one Mode(duration)")
        return
    for number, mode in enumerate(task.modes):
        where = f"{path}.modes[{number}]"
        if not found.kind(where, mode, Mode):
            continue
        found.number(f"{where}.duration", mode.duration)
        found.number(f"{where}.cost", mode.cost)
        found.number(f"{where}.quality", mode.quality)
        seen: set[str] = set()
        for place, demand in enumerate(mode.demands):
            spot = f"{where}.demands[{place}]"
            if not found.kind(spot, demand, Demand):
                continue
            if found.known(f"{spot}.pool", demand.pool, pools, "pool"):
                if demand.pool in seen:
                    found.add("duplicate_demand", f"{spot}.pool", f"{demand.pool!r} is demanded twice", "add them up")
                seen.add(demand.pool)
            _demand(spot, demand, found)


def _demand(path: str, demand: Any, found: Mistakes) -> None:
    if not found.number(f"{path}.amount", demand.amount):
        return
    if demand.min_amount is not None or demand.max_amount is not None:
        found.number(f"{path}.speedup", demand.speedup, 0, 1)
    if demand.min_amount is not None:
        found.number(f"{path}.min_amount", demand.min_amount, 0.001, demand.amount)
    if demand.max_amount is not None:
        found.number(f"{path}.max_amount", demand.max_amount, demand.amount)


def _precedence(problem: Problem, index: Mapping[str, int], found: Mistakes) -> Graph[float]:
    count = len(problem.tasks)
    successors: list[list[Arc]] = [[] for _ in range(count)]
    in_order = True
    for position, arc in enumerate(problem.precedence):
        try:
            before, after, lag = index[arc.before], index[arc.after], arc.lag
            sound = -inf < lag < inf
        except (KeyError, TypeError, AttributeError):
            sound = False
        if not sound:
            _arc(f"precedence[{position}]", arc, index, found)
            continue
        successors[before].append((after, lag))
        if before >= after:
            in_order = False
    if in_order:
        return Graph(range(count), successors)
    graph = Graph(topological_order(successors), successors)
    if len(graph.order) < count:
        _cycles(problem, graph.predecessors, found)
    return graph


def _arc(path: str, arc: Any, index: Mapping[str, int], found: Mistakes) -> None:
    from planner.problem import Precedence

    if found.kind(path, arc, Precedence):
        found.known(f"{path}.before", arc.before, index, "task")
        found.known(f"{path}.after", arc.after, index, "task")
        found.number(f"{path}.lag", arc.lag, -inf)


def _cycles(problem: Problem, predecessors: list[list[Arc]], found: Mistakes) -> None:
    from definitions.graph import find_cycles  # here, as it brings Pydantic, and only a mistake needs it

    names = [str(task.id) for task in problem.tasks]
    edges = {names[position]: tuple(names[before] for before, _ in arcs) for position, arcs in enumerate(predecessors)}
    for number, cycle in enumerate(find_cycles(edges)):
        if number == _CYCLES_NAMED:
            break
        message = f"tasks wait for each other: {' -> '.join(cycle)}"
        found.add("dependency_cycle", "precedence", message, "take one of these precedences away")


def _limits(problem: Problem, pools: Mapping[str, int], found: Mistakes) -> None:
    """Reservations, budgets, longest durations and the horizon."""
    from planner.problem import Budget, MaxDuration, Reservation

    for position, reservation in enumerate(problem.reservations):
        path = f"reservations[{position}]"
        if not found.kind(path, reservation, Reservation):
            continue
        found.known(f"{path}.pool", reservation.pool, pools, "pool")
        found.number(f"{path}.amount", reservation.amount)
        found.number(f"{path}.penalty", reservation.penalty)
        check_period(path, reservation, found)
        if reservation.movable and isinstance(reservation.start, Real) and float(reservation.start) < 0:
            message = f"it began at {reservation.start:g}, before moment 0, and can't be moved"
            found.add("started_reservation", f"{path}.movable", message, "set movable to False")
    groups = {str(group): 0 for task in problem.tasks if (group := getattr(task, "group", None)) is not None}
    for position, budget in enumerate(problem.budgets):
        path = f"budgets[{position}]"
        if found.kind(path, budget, Budget):
            found.number(f"{path}.amount", budget.amount)
            if budget.group is not None:
                found.known(f"{path}.group", budget.group, groups, "group")
    for position, limit in enumerate(problem.max_durations):
        path = f"max_durations[{position}]"
        if found.kind(path, limit, MaxDuration):
            found.number(f"{path}.seconds", limit.seconds)
            if limit.group is not None:
                found.known(f"{path}.group", limit.group, groups, "group")
    if problem.horizon is not None:
        found.number("horizon", problem.horizon)


def _objective(problem: Problem, found: Mistakes) -> None:
    for name in PARTS:
        weight = getattr(problem.objective, name)
        if weight:
            found.number(f"objective.{name}", weight)
    seen: set[str] = set()
    for position, name in enumerate(problem.objective.lexicographic):
        path = f"objective.lexicographic[{position}]"
        if found.known(path, name, dict.fromkeys(PARTS, 0), "part"):
            if name in seen:
                found.add("duplicate_part", path, f"{name!r} is there twice", "name each part once")
            seen.add(name)
