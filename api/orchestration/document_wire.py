"""A workflow document as the Orchestration API has it."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from api.orchestration.envelope import Body
from api.told_as import ToldAs
from definitions.errors import FieldsInvalid
from definitions.model import STEP_ID_PATTERN, Duration

Tag = Annotated[str, Field(min_length=1, max_length=100)]
Address = Annotated[str, Field(min_length=1, max_length=2000)]


class RetryPolicy(Body):
    """When a failed attempt is followed by another. Before attempt n the step waits `initial_interval *
    backoff_coefficient ** (n - 2)`; `max_attempts` counts all."""

    max_attempts: Annotated[int, Field(ge=1, le=100)] = 1
    backoff_coefficient: Annotated[float, Field(ge=1, le=100)] = 2.0
    initial_interval: Annotated[Duration, Field(gt=0)] = 1.0
    max_interval: Annotated[Duration, Field(gt=0)] = 300.0
    retry_on_timeout: bool = True
    retry_on_errors: list[str] | None = None


class Resources(Body):
    """Workers of a type: a range of demand on the pool of that name. `cpu_cores`, `memory_gb`: beside these."""

    node_type: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    min_workers: Annotated[int, Field(ge=1, le=100_000)] = 1
    max_workers: Annotated[int, Field(ge=1, le=100_000)] | None = None
    cpu_cores: Annotated[float, Field(gt=0)] | None = None
    memory_gb: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.max_workers is not None and self.max_workers < self.min_workers:
            message = f"`max_workers` {self.max_workers} is less than `min_workers` {self.min_workers}"
            raise FieldsInvalid(message, code="bad_amounts", remedy="let it be no less")
        if self.node_type is None and {"min_workers", "max_workers"} & self.model_fields_set:
            raise FieldsInvalid("`min_workers` and `max_workers` need a `node_type`", remedy="add it")
        return self


class Step(Body):
    """A step: an operation of a plugin, or, beyond the document, one of the core's control steps, whose blocks hold
    steps of this shape."""

    id: Annotated[str, Field(pattern=STEP_ID_PATTERN)]
    name: Annotated[str, Field(max_length=200)] | None = None
    description: Annotated[str, Field(max_length=10_000)] = ""
    plugin: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    operation: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    depends_on: list[str] = Field(default_factory=list)
    config: dict[str, Any] = Field(default_factory=dict)
    retry_policy: RetryPolicy | None = None
    timeout: Annotated[Duration, Field(gt=0)] | None = None
    resources: Resources | None = None
    estimated_duration: Annotated[Duration, Field(ge=0)] | None = None
    condition: str | None = None
    at_most_once: bool = False
    branch: dict[str, Any] | None = None
    loop: dict[str, Any] | None = None
    parallel: dict[str, Any] | None = None
    workflow: dict[str, Any] | None = None
    wait: dict[str, Any] | str | float | None = None
    approval: dict[str, Any] | None = None
    tags: list[Tag] = Field(default_factory=list)


class Notifications(Body):
    """Who is told how an execution ended: mail addresses, or URLs."""

    on_success: Annotated[list[Address], Field(max_length=50)] = Field(default_factory=list)
    on_failure: Annotated[list[Address], Field(max_length=50)] = Field(default_factory=list)


class WorkflowDocument(Body):
    """A workflow."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    version: Annotated[str, Field(min_length=1, max_length=64)] = "1"
    description: Annotated[str, Field(max_length=10_000)] = ""
    steps: Annotated[list[Step], Field(min_length=1, max_length=100_000)]
    schedule: dict[str, Any] | None = None
    """As `definitions.schedules.ScheduleSpec`, which checks it."""
    notifications: Notifications | None = None
    tags: Annotated[list[Tag], Field(max_length=100)] = Field(default_factory=list)
    input_schema: dict[str, Any] | None = None
    context: dict[str, Any] = Field(default_factory=dict)
    error_handlers: dict[str, str] = Field(default_factory=dict)
    timeout: Annotated[Duration, Field(gt=0)] | None = None
    max_parallel_steps: Annotated[int, Field(ge=1, le=500)] | None = None
    fail_fast: bool = False


Document = Annotated[dict[str, Any], ToldAs(WorkflowDocument)]
"""The body of a request; `api.orchestration.document` reads it."""
