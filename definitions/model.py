"""The core definition of a workflow: what every surface translates to, and what the runner interprets.

Times are seconds once parsed; documents may write them as "30m", "2 hours", "01:15:00" or ISO 8601
(`definitions.durations`). The meaning of each field is in `docs/definitions.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from definitions.durations import parse_duration
from definitions.errors import FieldsInvalid, QuantityInvalid
from definitions.moments import parse_moment
from definitions.values import Path

STEP_ID_PATTERN = r"^[A-Za-z_][A-Za-z0-9_-]{0,127}$"
RESERVED_STEP_IDS = frozenset({"workflow", "template", "loop", "context", "input_data", "step_outputs", "secrets"})
MAX_STEPS = 100_000
"""Of a whole definition, those in blocks included."""
MAX_NESTING = 8
"""How many blocks may be inside each other."""
MAX_ITERATIONS = 100_000

Duration = Annotated[float, BeforeValidator(parse_duration, json_schema_input_type=float | str)]
"""Seconds; accepts every spelling that `definitions.durations.parse_duration` reads."""


def _offset_or_moment(value: object) -> float | datetime:
    """Seconds after the start of the plan, or an aware moment."""
    try:
        return parse_duration(value)
    except QuantityInvalid:
        return zoned_moment(value, remedy="or write a duration after the start")


def zoned_moment(value: object, *, remedy: str = "") -> datetime:
    """An aware date and time. Raises `QuantityInvalid`."""
    moment = parse_moment(value)
    if moment.tzinfo is None:
        said = ", ".join(['add its offset, as in "2025-07-02T22:00:00+02:00"', *([remedy] if remedy else [])])
        raise QuantityInvalid(f"{str(value)!r} has no time zone", remedy=said)
    return moment


PlanMoment = Annotated[float | datetime, BeforeValidator(_offset_or_moment, json_schema_input_type=float | str)]
"""When something should be, for planning: a duration after the start of the plan ("2h"), or a date and time."""

StepId = Annotated[str, Field(pattern=STEP_ID_PATTERN)]


class Frozen(BaseModel):
    """A value that can't change once it is checked, and refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, serialize_by_alias=True)


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


def _list_or_text(value: object) -> object:
    """A list stays one; what is neither list nor text can't be gone through."""
    if value is None or isinstance(value, str | list | tuple):
        return value
    raise FieldsInvalid(
        "`iterate_over` is neither a list nor a text", remedy='write [a, b], "${step.result.items}" or an expression'
    )


def _not_empty(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    if not steps:
        raise FieldsInvalid("there are no steps", code="missing_field", remedy="list at least one step")
    return steps


# Pydantic's own `min_length` complains of broken steps a second time: it counts those that are whole.
Steps = Annotated[tuple["Step", ...], AfterValidator(_not_empty), Field(json_schema_extra={"minItems": 1})]
"""A block: steps with a graph of their own."""
ParallelLimit = Annotated[int, Field(ge=1, le=500)]


class Branch(Frozen):
    """One of two blocks."""

    test: Annotated[str, Field(alias="if")]
    """An `expr_v1` expression."""
    then: Steps
    otherwise: Annotated[tuple[Step, ...], Field(alias="else")] = ()


class Loop(Frozen):
    """A block, once for each item of a list, or as long as an expression holds."""

    iterate_over: Annotated[Any, BeforeValidator(_list_or_text, json_schema_input_type=str | list[Any] | None)] = None
    """A list, one `${...}` reference to a list, or an `expr_v1` expression that gives one."""
    test: Annotated[str | None, Field(alias="while")] = None
    """An `expr_v1` expression, asked before each iteration; may read `loop.index` and `loop.previous`."""
    max_iterations: Annotated[int, Field(ge=1, le=MAX_ITERATIONS)] | None = None
    """The step fails when there are more; None: `MAX_ITERATIONS`."""
    parallel: bool = False
    max_parallel: ParallelLimit | None = None
    on_failure: Literal["fail", "continue"] = "fail"
    """`continue`: the result of an iteration that failed is null, and the others go on."""
    steps: Steps

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.iterate_over is None) == (self.test is None):
            said = "both `iterate_over` and `while`" if self.test is not None else "neither `iterate_over` nor `while`"
            raise FieldsInvalid(f"a loop has {said}", remedy="give it one of them")
        if self.test is not None and self.max_iterations is None:
            raise FieldsInvalid("a loop with `while` needs `max_iterations`", remedy="say after how many it has failed")
        if self.test is not None and self.parallel:
            raise FieldsInvalid("a loop with `while` can't be parallel", remedy="remove `parallel`")
        if self.max_parallel is not None and not self.parallel:
            raise FieldsInvalid("`max_parallel` goes with `parallel: true`", remedy="add it, or remove `max_parallel`")
        return self


class Parallel(Frozen):
    """A block whose members have a limit of their own on how many run at once."""

    max_parallel: ParallelLimit | None = None
    steps: Steps


class SubWorkflow(Frozen):
    """Another stored workflow, run as a step."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    version: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """The author's label; None: the newest active version when the step starts."""


class Wait(Frozen):
    """A time, or an event that somebody sends to the run. A document may write only the time: `wait: 10m`."""

    seconds: Annotated[Annotated[Duration, Field(gt=0)] | None, Field(alias="for")] = None
    until: str | None = None
    """A date and time with its offset, or references that give one."""
    event: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    timeout: Annotated[Duration, Field(gt=0)] | None = None
    """Seconds that an event may take to come; None: for ever."""
    on_timeout: Literal["fail", "continue"] = "fail"

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = {"for": self.seconds, "until": self.until, "event": self.event}
        given = [f"`{kind}`" for kind, value in kinds.items() if value is not None]
        if len(given) != 1:
            said = " and ".join(given) if given else "nothing to wait for"
            raise FieldsInvalid(f"a wait has {said}", remedy="give it one of `for`, `until` and `event`")
        if self.event is None and {"timeout", "on_timeout"} & self.model_fields_set:
            raise FieldsInvalid("`timeout` and `on_timeout` go with `event`", remedy="remove them")
        if self.until is not None and "${" not in self.until:
            zoned_moment(self.until)
        return self


def _only_a_time(value: Any) -> Any:
    return {"for": value} if isinstance(value, str | int | float) else value


class Approval(Frozen):
    """A question to people; the run goes on with their answer."""

    message: Annotated[str, Field(min_length=1, max_length=10_000)]
    """What is asked; may hold references."""
    approvers: tuple[Annotated[str, Field(min_length=1, max_length=200)], ...] = ()
    """Who may answer; empty: anybody."""
    values: Mapping[str, Any] = Field(default_factory=dict)
    """What is shown and can be changed by who answers; may hold references."""
    form: Mapping[str, Any] | None = None
    """A JSON Schema (2020-12) that the values must meet when they come back."""
    timeout: Annotated[Duration, Field(gt=0)] | None = None
    on_timeout: Literal["fail", "approve", "reject"] = "fail"
    on_reject: Literal["fail", "continue"] = "fail"

    @model_validator(mode="after")
    def _timeout_first(self) -> Self:
        if self.timeout is None and "on_timeout" in self.model_fields_set:
            raise FieldsInvalid("`on_timeout` goes with `timeout`", remedy="add `timeout`, or remove `on_timeout`")
        return self


CONTROL_KEYS = ("branch", "loop", "parallel", "workflow", "wait", "approval")
"""What a step may be instead of a handler or a milestone."""


class Step(Frozen):
    """One node of the graph: a handler, a milestone, or one of `CONTROL_KEYS`."""

    id: StepId
    name: str | None = None
    description: str = ""
    handler: str | None = None
    """A registered handler's name or a dotted path (`package.module.function`); None: a milestone of no duration."""
    branch: Branch | None = None
    loop: Loop | None = None
    parallel: Parallel | None = None
    workflow: SubWorkflow | None = None
    wait: Annotated[Wait | None, BeforeValidator(_only_a_time, json_schema_input_type=Wait | float | str | None)] = None
    approval: Approval | None = None
    depends_on: tuple[str, ...] = ()
    condition: str | None = None
    """An `expr_v1` expression; the step is skipped when it is false."""
    execution_mode: Literal["parallel", "sequential"] = "parallel"
    """`sequential`: steps with the same declared dependencies that say so run one at a time, in listed order."""
    input: Mapping[str, Any] | None = None
    """What the handler gets, with `${...}` references resolved; None: the run's whole input."""
    retry: RetryPolicy = NO_RETRY
    timeout: Annotated[Duration, Field(gt=0)] | None = None
    """Seconds that one attempt may take; None: `DEFAULT_STEP_TIMEOUT`, of a local step `MAX_LOCAL_TIMEOUT`. Of a
    control step: seconds that all of it may take; None: no limit."""
    at_most_once: bool = False
    """Never start it again, not even when its worker was lost."""
    local: bool = False
    """Run it within the workflow task, without a word to the server: for the shortest of steps."""
    estimated_duration: Annotated[Duration, Field(ge=0)] | None = None
    resources: Mapping[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    """What it holds while it runs, e.g. `{"cpu_cores": 4, "memory_gb": 8}`."""
    planning: StepPlanning | None = None
    tags: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = [key for key in CONTROL_KEYS if getattr(self, key) is not None]
        if len(kinds) > 1:
            said = " and ".join(f"`{key}`" for key in kinds)
            raise FieldsInvalid(f"a step has {said}", code="bad_control", remedy="make a step of each")
        if kinds:
            given = {
                "handler": self.handler is not None,
                "retry": self.retry != NO_RETRY,
                "at_most_once": self.at_most_once,
                "local": self.local,
                "input": self.input is not None and self.workflow is None,
            }
            others = [key for key, is_given in given.items() if is_given]
            if others:
                said = ", ".join(f"`{key}`" for key in others)
                remedy = "they belong to the steps inside, or to a step of their own"
                raise FieldsInvalid(f"a step with `{kinds[0]}` has no {said}", code="bad_control", remedy=remedy)
        return self

    @model_validator(mode="after")
    def _local_fits(self) -> Self:
        if not self.local:
            return self
        if self.at_most_once:
            message = "a local step runs again when its worker is lost, which `at_most_once` forbids"
            raise FieldsInvalid(message, code="bad_local", remedy="remove `local`, or `at_most_once`")
        if self.timeout is not None and self.timeout > MAX_LOCAL_TIMEOUT:
            message = f"a local step may take {MAX_LOCAL_TIMEOUT:g} s an attempt, not {self.timeout:g} s"
            raise FieldsInvalid(message, code="bad_local", remedy="lower `timeout`, or remove `local`")
        return self

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
    def is_control(self) -> bool:
        """Whether it is one of `CONTROL_KEYS`."""
        return any(getattr(self, key) is not None for key in CONTROL_KEYS)

    @property
    def blocks(self) -> tuple[tuple[Path, tuple[Step, ...]], ...]:
        """The blocks in it: where each stands, from the step (`("branch", "then")`), and its steps."""
        if self.branch is not None:
            return (("branch", "then"), self.branch.then), (("branch", "else"), self.branch.otherwise)
        if self.loop is not None:
            return ((("loop", "steps"), self.loop.steps),)
        if self.parallel is not None:
            return ((("parallel", "steps"), self.parallel.steps),)
        return ()

    @property
    def title(self) -> str:
        """What a person sees."""
        return self.name or self.id

    @property
    def attempt_seconds(self) -> float:
        """How long one attempt of a step with a handler may take."""
        return self.timeout or (MAX_LOCAL_TIMEOUT if self.local else DEFAULT_STEP_TIMEOUT)


DEFAULT_STEP_TIMEOUT = 3600.0
MAX_LOCAL_TIMEOUT = 60.0
"""The workflow task of a local step goes on for as long, and tells the server of nothing else of the run meanwhile."""


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


for _block in (Branch, Loop, Parallel):
    _block.model_rebuild()  # their steps are steps, which were not known yet
