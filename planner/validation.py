"""Whether a problem makes sense. One pass; what is plain is let through at once: a microsecond or so a task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, time
from difflib import get_close_matches
from math import inf
from numbers import Real
from typing import TYPE_CHECKING, Any

from definitions import errors
from planner.calendars import CapacityBand, CapacityPeriod, load_zone, overlapping
from planner.graph import Arc, Graph, topological_order
from planner.objective import PARTS
from planner.prices import PriceBand, PricePeriod, Tariff

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
    found = _Mistakes()
    pools = _pools(problem, found)
    index, plain, rigid = _tasks(problem, pools, found)
    graph = _precedence(problem, index, found)
    if problem.reservations or problem.budgets or problem.horizon is not None:
        _limits(problem, pools, found)
    _objective(problem, found)
    if found.problems:
        raise ProblemInvalid(found.problems)
    return index, pools, graph, plain, rigid


class _Mistakes:
    """What is wrong so far."""

    def __init__(self) -> None:
        self.problems: list[errors.Problem] = []

    def add(self, code: str, path: str, message: str, remedy: str = "") -> None:
        self.problems.append(errors.Problem(code, path, message, remedy))

    def number(self, path: str, value: object, low: float = 0.0, high: float = inf, *, whole: bool = False) -> bool:
        """Whether a value is a finite number from `low` to `high`; noted if not."""
        if isinstance(value, bool) or not isinstance(value, Real) or (whole and not isinstance(value, int)):
            kind = "a whole number" if whole else "a number"
            self.add("not_a_number", path, f"{value!r} is not {kind}", f"give {_range(low, high)}")
            return False
        if not low <= float(value) <= high or abs(float(value)) == inf:
            self.add("out_of_range", path, f"{value} is out of range", f"give {_range(low, high)}")
            return False
        return True

    def text(self, path: str, value: object) -> bool:
        """Whether a value is a string that names something; noted if not."""
        if not isinstance(value, str) or not value:
            self.add("not_a_name", path, f"{value!r} is not a name", "give a string that is not empty")
            return False
        return True

    def known(self, path: str, value: object, names: Mapping[str, int], what: str) -> bool:
        """Whether a value is one of the names; noted, with the nearest, if not."""
        if isinstance(value, str) and value in names:
            return True
        near = get_close_matches(str(value), names, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"add the {what}, or name one that is there"
        self.add(f"unknown_{what}", path, f"there is no {what} {value!r}", remedy)
        return False

    def kind(self, path: str, value: object, kinds: type | tuple[type, ...]) -> bool:
        """Whether a value is of a class; noted if not."""
        if isinstance(value, kinds):
            return True
        names = " or ".join(kind.__name__ for kind in (kinds if isinstance(kinds, tuple) else (kinds,)))
        self.add("wrong_type", path, f"{type(value).__name__} is not {names}", f"give a {names}")
        return False


def _range(low: float, high: float) -> str:
    if high < inf:
        return f"a number from {low:g} to {high:g}"
    return "a finite number" if low == -inf else f"a finite number of at least {low:g}"


def _tasks(problem: Problem, pools: Mapping[str, int], found: _Mistakes) -> tuple[dict[str, int], bool, bool]:
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


def _task(path: str, task: Any, pools: Mapping[str, int], found: _Mistakes) -> None:
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


def _window(path: str, task: Any, found: _Mistakes) -> None:
    if not isinstance(task.window, list | tuple) or len(task.window) != 2:
        remedy = "give (earliest start, latest start)"
        found.add("wrong_type", path, f"{task.window!r} is no window", remedy)
        return
    earliest, latest = task.window
    if found.number(f"{path}[0]", earliest) and found.number(f"{path}[1]", latest) and earliest > latest:
        message = f"{task.id!r} could start at {earliest:g} at the earliest and at {latest:g} at the latest"
        found.add("empty_window", path, message, "let the latest start be no earlier")


def _modes(path: str, task: Any, pools: Mapping[str, int], found: _Mistakes) -> None:
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


def _demand(path: str, demand: Any, found: _Mistakes) -> None:
    if not found.number(f"{path}.amount", demand.amount):
        return
    if demand.min_amount is not None or demand.max_amount is not None:
        found.number(f"{path}.speedup", demand.speedup, 0, 1)
    if demand.min_amount is not None:
        found.number(f"{path}.min_amount", demand.min_amount, 0.001, demand.amount)
    if demand.max_amount is not None:
        found.number(f"{path}.max_amount", demand.max_amount, demand.amount)


def _precedence(problem: Problem, index: Mapping[str, int], found: _Mistakes) -> Graph[float]:
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


def _arc(path: str, arc: Any, index: Mapping[str, int], found: _Mistakes) -> None:
    from planner.problem import Precedence

    if found.kind(path, arc, Precedence):
        found.known(f"{path}.before", arc.before, index, "task")
        found.known(f"{path}.after", arc.after, index, "task")
        found.number(f"{path}.lag", arc.lag, -inf)


def _cycles(problem: Problem, predecessors: list[list[Arc]], found: _Mistakes) -> None:
    from definitions.graph import find_cycles  # here, as it brings Pydantic, and only a mistake needs it

    names = [str(task.id) for task in problem.tasks]
    edges = {names[position]: tuple(names[before] for before, _ in arcs) for position, arcs in enumerate(predecessors)}
    for number, cycle in enumerate(find_cycles(edges)):
        if number == _CYCLES_NAMED:
            break
        message = f"tasks wait for each other: {' -> '.join(cycle)}"
        found.add("dependency_cycle", "precedence", message, "take one of these precedences away")


def _pools(problem: Problem, found: _Mistakes) -> dict[str, int]:
    from planner.problem import Pool

    index: dict[str, int] = {}
    for position, pool in enumerate(problem.pools):
        path = f"pools[{position}]"
        if not found.kind(path, pool, Pool) or not found.text(f"{path}.id", pool.id):
            continue
        if index.setdefault(pool.id, position) != position:
            remedy = f"pools[{index[pool.id]}] has it; give each its own"
            found.add("duplicate_id", f"{path}.id", f"{pool.id!r} is there twice", remedy)
        found.number(f"{path}.capacity", pool.capacity)
        if pool.calendar or pool.price is not None or pool.burst is not None or pool.zone != "UTC":
            _pool(path, pool, problem.origin, found)
    if problem.origin is not None and (not isinstance(problem.origin, datetime) or problem.origin.tzinfo is None):
        message = f"{problem.origin!r} has no time zone"
        found.add("naive_origin", "origin", message, "give an aware datetime, such as datetime(..., tzinfo=UTC)")
    return index


def _pool(path: str, pool: Any, origin: datetime | None, found: _Mistakes) -> None:
    try:
        load_zone(pool.zone)
    except (ValueError, KeyError, OSError, TypeError):
        remedy = "give an IANA name such as 'Europe/Berlin'"
        found.add("unknown_zone", f"{path}.zone", f"there is no time zone {pool.zone!r}", remedy)
    banded = False
    periods: list[Any] = []
    for number, part in enumerate(pool.calendar):
        where = f"{path}.calendar[{number}]"
        if not found.kind(where, part, (CapacityPeriod, CapacityBand)):
            continue
        found.number(f"{where}.capacity", part.capacity)
        banded |= isinstance(part, CapacityBand)
        if isinstance(part, CapacityPeriod):
            periods.append(part)
    _periods(f"{path}.calendar", periods, found)
    bands = [(f"{path}.calendar", part) for part in pool.calendar if isinstance(part, CapacityBand)]
    if pool.price is not None and found.kind(f"{path}.price", pool.price, Tariff):
        found.number(f"{path}.price.price", pool.price.price, -inf)
        kinds = (("periods", pool.price.periods, PricePeriod), ("bands", pool.price.bands, PriceBand))
        for name, parts, kind in kinds:
            for number, part in enumerate(parts):
                if found.kind(f"{path}.price.{name}[{number}]", part, kind):
                    found.number(f"{path}.price.{name}[{number}].price", part.price, -inf)
        _periods(f"{path}.price.periods", pool.price.periods, found)
        bands += [(f"{path}.price.bands", part) for part in pool.price.bands]
    for where, band in bands:
        _band(where, band, found)
    if bands and origin is None:
        remedy = "give the aware datetime of moment 0"
        found.add("origin_missing", "origin", f"{path} has hours of a clock, and the problem has no origin", remedy)
    if pool.burst is not None:
        found.number(f"{path}.burst.share", pool.burst.share)
        found.number(f"{path}.burst.longest", pool.burst.longest)
        found.number(f"{path}.burst.price_factor", pool.burst.price_factor, 1)


def _periods(path: str, periods: Iterable[Any], found: _Mistakes) -> None:
    spans: list[tuple[float, float]] = []
    for number, part in enumerate(periods):
        if hasattr(part, "start") and hasattr(part, "end") and _period(f"{path}[{number}]", part, found):
            spans.append((part.start, part.end))
    if overlapping(spans):
        found.add("overlapping_periods", path, "two periods share a moment", "let each end before the next begins")


def _period(path: str, part: Any, found: _Mistakes) -> bool:
    if not found.number(f"{path}.start", part.start, -inf) or not found.number(f"{path}.end", part.end, -inf):
        return False
    if part.end <= part.start:
        message = f"it ends at {part.end:g}, not after its start {part.start:g}"
        found.add("empty_period", path, message, "let it end later")
        return False
    return True


def _band(path: str, band: Any, found: _Mistakes) -> None:
    for name in ("begins", "ends"):
        value = getattr(band, name, None)
        if not isinstance(value, time) or value.tzinfo is not None:
            remedy = "give a datetime.time without a zone; the pool has the zone"
            found.add("not_a_clock_time", f"{path}.{name}", f"{value!r} is no hour of the clock", remedy)
    days = getattr(band, "days", ())
    if not days or any(day not in range(7) for day in days):
        found.add("not_days", f"{path}.days", f"{days!r} are no days", "give numbers from 0 (Monday) to 6")


def _limits(problem: Problem, pools: Mapping[str, int], found: _Mistakes) -> None:
    """Reservations, budgets and the horizon."""
    from planner.problem import Budget, Reservation

    for position, reservation in enumerate(problem.reservations):
        path = f"reservations[{position}]"
        if not found.kind(path, reservation, Reservation):
            continue
        found.known(f"{path}.pool", reservation.pool, pools, "pool")
        found.number(f"{path}.amount", reservation.amount)
        found.number(f"{path}.penalty", reservation.penalty)
        _period(path, reservation, found)
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
    if problem.horizon is not None:
        found.number("horizon", problem.horizon)


def _objective(problem: Problem, found: _Mistakes) -> None:
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
