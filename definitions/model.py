"""The core definition of a workflow: what every surface translates to, and what the runner interprets.

Times are seconds once parsed; documents may write them as "30m", "2 hours", "01:15:00" or ISO 8601
(`definitions.durations`). The meaning of each field is in `docs/definitions.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from definitions.durations import parse_duration
from definitions.errors import QuantityInvalid
from definitions.moments import parse_moment

STEP_ID_PATTERN = r"^[A-Za-z_][A-Za-z0-9_-]{0,127}$"
RESERVED_STEP_IDS = frozenset({"workflow", "template", "loop", "context", "input_data", "step_outputs", "secrets"})
MAX_STEPS = 100_000

Duration = Annotated[float, BeforeValidator(parse_duration, json_schema_input_type=float | str)]
"""Seconds; accepts every spelling that `definitions.durations.parse_duration` reads."""


def _offset_or_moment(value: object) -> float | datetime:
    """Seconds after the start of the plan, or an aware moment."""
    try:
        return parse_duration(value)
    except QuantityInvalid:
        moment = parse_moment(value)
    if moment.tzinfo is None:
        remedy = 'add its offset, as in "2025-07-02T22:00:00+02:00", or write a duration after the start'
        raise QuantityInvalid(f"{str(value)!r} has no time zone", remedy=remedy)
    return moment


PlanMoment = Annotated[float | datetime, BeforeValidator(_offset_or_moment, json_schema_input_type=float | str)]
"""When something should be, for planning: a duration after the start of the plan ("2h"), or a date and time."""

StepId = Annotated[str, Field(pattern=STEP_ID_PATTERN)]


class Frozen(BaseModel):
    """A value that can't change once it is checked, and refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class RetryPolicy(Frozen):
    """When a failed attempt is followed by another.

    Before attempt n (n >= 2) the run waits `initial_interval * backoff_coefficient ** (n - 2)` seconds, at most
    `max_interval`. Attempts lost with their worker are not counted here.
    """

    max_attempts: Annotated[int, Field(ge=1, le=100)] = 1
    initial_interval: Annotated[Duration, Field(gt=0)] = 1.0
    backoff_coefficient: Annotated[float, Field(ge=1, le=100)] = 2.0
    max_interval: Annotated[Duration, Field(gt=0)] = 300.0
    retry_on_timeout: bool = True
    retry_on_errors: tuple[str, ...] | None = None
    """Error classes worth another attempt (`activities.errors`); None means every class that is not permanent."""


NO_RETRY = RetryPolicy()


class Window(Frozen):
    """When something may be planned."""

    earliest_start: PlanMoment | None = None
    latest_start: PlanMoment | None = None
    preferred_start: PlanMoment | None = None
    """Counts only with an objective that weighs `preference`."""
    deadline: PlanMoment | None = None
    """It must have ended by then."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for name in ("latest_start", "deadline"):
            early, late = self.earliest_start, getattr(self, name)
            if isinstance(early, float) and isinstance(late, float) and late < early:
                message = f"`{name}` is {late:g} s, before `earliest_start` at {early:g} s"
                raise QuantityInvalid(message, code="empty_window", remedy=f"let `{name}` be no earlier")
        return self


class AmountRange(Frozen):
    """How far the amount of a resource may differ from what `resources` says; the duration changes with it."""

    min: Annotated[float, Field(ge=0.001)] | None = None
    max: Annotated[float, Field(ge=0.001)] | None = None
    speedup: Annotated[float, Field(ge=0, le=1)] = 1.0
    """The duration is multiplied by `(amount in resources / chosen) ** speedup`: 1 halves it with twice as much."""


class StepPlanning(Window):
    """What only planning looks at. A run is not held to it."""

    splittable: bool = False
    """The planner may interrupt it, e.g. while a pool is in maintenance, and let it go on later."""
    min_part: Annotated[Duration, Field(ge=0.001)] = 1.0
    """How long each part of a step that is split takes at least."""
    amounts: Mapping[str, AmountRange] = Field(default_factory=dict)


class WorkflowPlanning(Window):
    """What only planning looks at, for a whole run: its first steps' starts, its last steps' ends, its money."""

    budget: Annotated[float, Field(ge=0)] | None = None


class Step(Frozen):
    """One node of the graph."""

    id: StepId
    name: str | None = None
    description: str = ""
    handler: str | None = None
    """A registered handler's name or a dotted path (`package.module.function`); None: a milestone of no duration."""
    depends_on: tuple[str, ...] = ()
    condition: str | None = None
    """An `expr_v1` expression; the step is skipped when it is false."""
    execution_mode: Literal["parallel", "sequential"] = "parallel"
    """`sequential`: steps with the same declared dependencies that say so run one at a time, in listed order."""
    input: Mapping[str, Any] | None = None
    """What the handler gets, with `${...}` references resolved; None: the run's whole input."""
    retry: RetryPolicy = NO_RETRY
    timeout: Annotated[Duration, Field(gt=0)] | None = None
    """Seconds that one attempt may take; None: `DEFAULT_STEP_TIMEOUT`."""
    at_most_once: bool = False
    """Never start it again, not even when its worker was lost."""
    estimated_duration: Annotated[Duration, Field(ge=0)] | None = None
    resources: Mapping[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    """What it holds while it runs, e.g. `{"cpu_cores": 4, "memory_gb": 8}`."""
    planning: StepPlanning | None = None
    tags: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _amounts_fit(self) -> Self:
        for name, given in self.planning.amounts.items() if self.planning else ():
            remedy = f"`resources` says what `{name}` is planned with when nothing else pays"
            if name not in self.resources:
                message = f"`planning.amounts` has `{name}`, which `resources` does not"
                raise QuantityInvalid(message, code="unknown_resource", remedy=remedy)
            amount = self.resources[name]
            low, high = amount if given.min is None else given.min, amount if given.max is None else given.max
            if not low <= amount <= high:
                message = f"`{name}`: {amount:g} is not between `min` {low:g} and `max` {high:g}"
                raise QuantityInvalid(message, code="bad_amounts", remedy=remedy)
        return self

    @property
    def title(self) -> str:
        """What a person sees."""
        return self.name or self.id


DEFAULT_STEP_TIMEOUT = 3600.0


class Definition(Frozen):
    """A workflow as data."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    version: Annotated[str, Field(min_length=1, max_length=64)] = "1"
    """The author's label; Longpole's own revision number is kept beside it in the store."""
    description: str = ""
    expression_language: Literal["expr_v1"] = "expr_v1"
    input_schema: Mapping[str, Any] | None = None
    """A JSON Schema (2020-12) that a run's input must meet."""
    context: Mapping[str, Any] = Field(default_factory=dict)
    """What the run's shared context holds at the start."""
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=MAX_STEPS)]
    error_handlers: Mapping[str, str] = Field(default_factory=dict)
    """Step id -> the id of the step that runs only when that step has failed for good."""
    timeout: Annotated[Duration, Field(gt=0)] | None = None
    """Seconds that a whole run may take; time spent paused does not count."""
    max_parallel_steps: Annotated[int, Field(ge=1, le=500)] | None = None
    planning: WorkflowPlanning | None = None
    fail_fast: bool = False
    """Cancel what still runs as soon as one step has failed for good."""
    priority: Annotated[int, Field(ge=0, le=100)] = 50
    tags: tuple[str, ...] = ()
