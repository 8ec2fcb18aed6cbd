"""Shapes of what the Orchestration API can do with executions beyond its document."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, model_validator

from api.orchestration.envelope import Body, Moment, Optional
from api.orchestration.wire import ExecutionWord, Name
from definitions.errors import FieldsInvalid

StepPath = Annotated[str, Field(min_length=1, max_length=2000)]


class Told(BaseModel):
    """An execution that was told something."""

    execution_id: str
    status: Literal["pausing", "resuming"]


class RerunRequest(Body):
    """What is to run again of an execution that is over. `from_step`, or several; none: what has not completed, or is
    another in `version`. `parameters` replace those of the execution, key by key."""

    from_step: StepPath | None = None
    from_steps: Annotated[list[StepPath], Field(max_length=10_000)] = Field(default_factory=list)
    parameters: dict[str, Any] | None = None
    version: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    repeat: Annotated[list[StepPath], Field(max_length=10_000)] = Field(default_factory=list)
    dry_run: bool = False

    @property
    def chosen(self) -> list[str]:
        """The steps that are named."""
        return [*([self.from_step] if self.from_step else []), *self.from_steps]


class Rerun(BaseModel):
    """What a rerun reuses and runs, and why. Without `execution_id` nothing was started."""

    execution_id: Optional[str] = None
    forked_from: str
    workflow_id: str
    version: str
    reused: list[str]
    runs: dict[str, str]
    decided_again: list[str]
    must_be_allowed: list[str]


class ApproveRequest(Body):
    """An answer to an approval. `values`: what is changed of the values that it shows."""

    step_id: StepPath
    approved: bool = True
    comment: Annotated[str, Field(max_length=10_000)] = ""
    values: dict[str, Any] | None = None


class Approval(BaseModel):
    """An approval that waits for an answer."""

    step_id: str
    message: str
    approvers: list[str]
    values: Any
    form: Optional[dict[str, Any]] = None
    requested_at: Moment
    expires_at: Optional[Moment] = None


class Decided(BaseModel):
    """An answer that counts."""

    execution_id: str
    step_id: str
    approved: bool


class EventRequest(Body):
    """An event for steps that wait for it. The same `id` again changes nothing."""

    name: Name
    data: Any = None
    id: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class EventTaken(BaseModel):
    """An event that counts."""

    execution_id: str
    name: str


class InjectRequest(Body):
    """Steps that an execution is to have beside its own, from now on; or changes of what has not started."""

    steps: Annotated[list[dict[str, Any]], Field(max_length=1000)] = Field(default_factory=list)
    skip: Annotated[list[StepPath], Field(max_length=1000)] = Field(default_factory=list)
    priority: Annotated[int, Field(ge=0, le=100)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> InjectRequest:
        if not self.steps and not self.skip and self.priority is None:
            raise FieldsInvalid("nothing is to be changed", remedy="give `steps`, `skip` or `priority`")
        return self


class Changed(BaseModel):
    """An execution that was changed. `changes`: how often its definition was."""

    execution_id: str
    changes: int


class ExecutionSummary(BaseModel):
    """An execution in a list."""

    execution_id: str
    status: ExecutionWord
    created_at: Moment
    started_at: Optional[Moment] = None
    completed_at: Optional[Moment] = None
    duration_seconds: Optional[float] = None
    tags: list[str]


class Node(BaseModel):
    """A step in a graph. `critical`: it is on the longest path; `status`: in an execution."""

    id: str
    name: str
    plugin: Optional[str] = None
    operation: Optional[str] = None
    control: Optional[str] = None
    critical: bool
    status: Optional[str] = None


class Edge(BaseModel):
    """`target` waits for `source`."""

    source: str
    target: str


class Graph(BaseModel):
    """The steps of a workflow, or an execution, and what waits for what."""

    nodes: list[Node]
    edges: list[Edge]
    critical_path: list[str]
    estimated_seconds: float
