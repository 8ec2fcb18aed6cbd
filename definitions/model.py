"""The core definition of a workflow: what every surface translates to, and what the runner interprets.

Times are seconds once parsed; documents may write them as "30m", "2 hours", "01:15:00" or ISO 8601
(`definitions.durations`). The meaning of each field is in `docs/definitions.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from definitions.durations import parse_duration

STEP_ID_PATTERN = r"^[A-Za-z_][A-Za-z0-9_-]{0,127}$"
RESERVED_STEP_IDS = frozenset({"workflow", "template", "loop", "context", "input_data", "step_outputs", "secrets"})
MAX_STEPS = 100_000

Duration = Annotated[float, BeforeValidator(parse_duration, json_schema_input_type=float | str)]
"""Seconds; accepts every spelling that `definitions.durations.parse_duration` reads."""

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
    tags: tuple[str, ...] = ()

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
    fail_fast: bool = False
    """Cancel what still runs as soon as one step has failed for good."""
    priority: Annotated[int, Field(ge=0, le=100)] = 50
    tags: tuple[str, ...] = ()
