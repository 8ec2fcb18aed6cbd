"""What is to be planned. A problem that makes no sense can't be made: construction raises `ProblemInvalid`.

Times are seconds from `Problem.origin`; durations are seconds; prices are money per unit and hour. Nothing is converted
here: `planner.compiled` says how times are rounded to the grid that searches work on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from planner.calendars import CapacityBand, CapacityPeriod
from planner.graph import Graph
from planner.objective import SHORTEST, Objective
from planner.prices import Tariff
from planner.validation import ProblemInvalid, check

if TYPE_CHECKING:
    from planner.plan import Plan

__all__ = [
    "Budget",
    "Burst",
    "CapacityBand",
    "CapacityPeriod",
    "Demand",
    "MaxDuration",
    "Mode",
    "Objective",
    "Pool",
    "Precedence",
    "Problem",
    "ProblemInvalid",
    "Reservation",
    "Tariff",
    "Task",
]


@dataclass(frozen=True, slots=True)
class Demand:
    """How much of a pool a task holds while it runs.

    With `min_amount` or `max_amount` the demand is malleable: the planner chooses an amount in the range and the
    duration, which is that at `amount`, is multiplied by `(amount / chosen) ** speedup`. 1: twice as much, half as
    long; 0: as long as ever.
    """

    pool: str
    amount: float
    min_amount: float | None = None
    max_amount: float | None = None
    speedup: float = 1.0


@dataclass(frozen=True, slots=True)
class Mode:
    """One way to do a task. `cost` is money once, beside what pools charge; `quality` is compared with other modes."""

    duration: float
    demands: tuple[Demand, ...] = ()
    cost: float = 0.0
    quality: float = 1.0


@dataclass(frozen=True, slots=True)
class Task:
    """Something to be done once, in one of its modes."""

    id: str
    modes: tuple[Mode, ...]
    release: float = 0.0
    """It can't start before."""
    due: float | None = None
    """It should end by then; later counts as lateness."""
    deadline: float | None = None
    """It must end by then."""
    window: tuple[float, float] | None = None
    """The earliest and the latest start."""
    preferred_start: float | None = None
    splittable: bool = False
    """It may be interrupted and go on later, without loss; it holds nothing in between."""
    max_parts: int = 4
    """Of a splittable task, how many parts at most."""
    min_part: float = 1.0
    """Of a splittable task, how many seconds each part must have at least."""
    priority: int = 50
    """0 to 100; higher goes first where tasks compete and nothing else decides."""
    group: str | None = None
    """The workflow it belongs to."""
    weight: float | None = None
    """How much its lateness and its group's completion count; None: 1 at priority 50, doubled with every 25 points."""

    @property
    def importance(self) -> float:
        """The weight, or what stands for it."""
        return 2.0 ** ((self.priority - 50) / 25) if self.weight is None else self.weight


@dataclass(frozen=True, slots=True)
class Precedence:
    """`after` starts at least `lag` seconds after `before` has ended. A negative lag lets them overlap."""

    before: str
    after: str
    lag: float = 0.0


@dataclass(frozen=True, slots=True)
class Burst:
    """A pool may be used above its capacity: by at most `share` of it, for at most `longest` seconds in a row.

    What is above costs `price_factor` times the pool's price at that moment.
    """

    share: float
    longest: float
    price_factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Pool:
    """Units that tasks hold while they run and give back. `calendar` changes the capacity over time."""

    id: str
    capacity: float
    calendar: tuple[CapacityPeriod | CapacityBand, ...] = ()
    burst: Burst | None = None
    price: Tariff | None = None
    zone: str = "UTC"
    """The IANA time zone whose clock bands of the calendar and of the price are read by."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """Units of a pool that are promised already. A movable one may be given other hours for `penalty` money."""

    pool: str
    start: float
    end: float
    amount: float
    movable: bool = False
    penalty: float = 0.0
    task: str | None = None
    """Whose it is, for explanations."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The money that the tasks of a group may cost together; without a group, the whole plan."""

    amount: float
    group: str | None = None


@dataclass(frozen=True, slots=True)
class MaxDuration:
    """Seconds within which the tasks of a group must all be done, from the first start to the last end among them;
    without a group, all tasks."""

    seconds: float
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Tasks, what orders and limits them, and what a plan is judged by.

    Raises `ProblemInvalid` that names everything that is wrong, each with the field, the number and what to do.
    """

    tasks: tuple[Task, ...]
    precedence: tuple[Precedence, ...] = ()
    pools: tuple[Pool, ...] = ()
    reservations: tuple[Reservation, ...] = ()
    budgets: tuple[Budget, ...] = ()
    objective: Objective = SHORTEST
    origin: datetime | None = None
    """Moment 0, with its time zone; needed where hours of a clock matter."""
    horizon: float | None = None
    """Nothing may end later; None: as late as need be."""
    current: Plan | None = None
    """The plan in force: searches start from it, and `churn` is measured against it."""
    max_durations: tuple[MaxDuration, ...] = ()
    index: Mapping[str, int] = field(init=False, repr=False, compare=False)
    """Task id -> position in `tasks`."""
    pool_index: Mapping[str, int] = field(init=False, repr=False, compare=False)
    """Pool id -> position in `pools`."""
    graph: Graph[float] = field(init=False, repr=False, compare=False)
    plain: bool = field(init=False, repr=False, compare=False)
    """Rigid, and no task has a due time, deadline, window or preferred start."""
    rigid: bool = field(init=False, repr=False, compare=False)
    """No task may be split or has a malleable demand."""

    def __post_init__(self) -> None:
        for name in ("tasks", "precedence", "pools", "reservations", "budgets", "max_durations"):
            given = getattr(self, name)
            if type(given) is not tuple:
                object.__setattr__(self, name, tuple(given))
        index, pool_index, graph, plain, rigid = check(self)
        object.__setattr__(self, "index", index)
        object.__setattr__(self, "pool_index", pool_index)
        object.__setattr__(self, "graph", graph)
        object.__setattr__(self, "plain", plain)
        object.__setattr__(self, "rigid", rigid)
