"""The document that `create_template` takes, as Pydantic models: its fields, their types and their limits."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Seconds = Annotated[float, Field(gt=0)]


class Documented(BaseModel):
    """Refuses fields that the document does not have, and values of another type: "60" is no number."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class RetryPolicy(Documented):
    """Before attempt n the step waits `backoff_multiplier ** (n - 1)` seconds, at most `max_backoff_seconds`.

    What a policy leaves out is as the document shows it. A step without a policy gets one attempt."""

    max_attempts: Annotated[int, Field(ge=1, le=100)] = 3
    """All attempts, the first included."""
    backoff_multiplier: Annotated[float, Field(ge=1, le=100)] = 2.0
    max_backoff_seconds: Seconds = 300.0
    retry_on_timeout: bool = True


class Step(Documented):
    """One step. Without a handler it is a milestone: it takes no time and returns nothing."""

    id: str
    name: str | None = None
    handler: str | None = None
    execution_mode: Literal["sequential", "parallel"] = "parallel"
    depends_on: list[str] = Field(default_factory=list)
    condition: str | None = None
    retry_policy: RetryPolicy | None = None
    timeout_seconds: Seconds | None = None
    input_mapping: dict[str, Any] | None = None
    """None: the handler gets the instance's whole input."""


class WorkflowDefinition(Documented):
    """The whole document. Its steps are checked one by one, so that a broken one hides no problem of another."""

    steps: list[Any]
    error_handlers: dict[str, str] = Field(default_factory=dict)
    default_timeout_seconds: Seconds | None = None
    """How long a whole run may take; None: as long as it wants."""
