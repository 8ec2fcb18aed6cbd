"""Shapes of templates."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from api.orchestration.document_wire import Document
from api.orchestration.envelope import Body, Optional
from api.orchestration.wire import Hours, Name, Number, Tag, Text

ParameterName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]


class ResourceRequirements(BaseModel):
    """What a run of the template takes, by its steps' durations and demands."""

    min_compute_hours: Hours
    min_memory_gb: Number


class Template(BaseModel):
    """A template in a list. `steps`: their ids; `estimated_duration`: as "45m", by the critical path."""

    id: str
    name: str
    description: str
    category: str
    steps: list[str]
    estimated_duration: str
    resource_requirements: ResourceRequirements
    compatible_plugins: list[str]


class WholeTemplate(Template):
    """A template. `workflow`: the document, with `${template.<name>}` where parameters go."""

    parameters: dict[str, Any]
    workflow: dict[str, Any]
    created_by: Optional[str] = None


class Parameter(Body):
    """A parameter: with a default, or an example where it must be given."""

    description: Text = ""
    default: Any = None
    example: Any = None

    def as_given(self) -> dict[str, Any]:
        """What was said of it."""
        return {name: getattr(self, name) for name in sorted(self.model_fields_set)}


class CreateTemplate(Body):
    """A template to be stored."""

    name: Name
    description: Text = ""
    category: Annotated[str, Field(min_length=1, max_length=100)] = "general"
    parameters: Annotated[dict[ParameterName, Parameter], Field(max_length=200)] = Field(default_factory=dict)
    workflow: Document


class InstantiateTemplate(Body):
    """What a workflow is to be that is made of a template; what is left out is as the template has it."""

    name: Name | None = None
    version: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    description: Text | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    schedule: dict[str, Any] | None = None
    notifications: dict[str, Any] | None = None
    tags: Annotated[list[Tag], Field(max_length=100)] | None = None

    def document(self, filled: dict[str, Any]) -> dict[str, Any]:
        """The document of the workflow."""
        said = {name: getattr(self, name) for name in self.model_fields_set - {"parameters"}}
        return {**filled, **{name: value for name, value in said.items() if value is not None}}


class RemovedTemplate(BaseModel):
    """A template that is no more."""

    id: str
    status: str = "deleted"
