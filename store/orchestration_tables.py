"""The tables of orchestration: how executions were begun, and what workflows can be made of."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Column, ForeignKey, Index, UniqueConstraint, Uuid
from sqlmodel import Field

from store.columns import Json, StorableText, UtcDateTime, now
from store.tables import Row


class ExecutionOrigin(Row, table=True):
    """What is known of how a run was begun, beside its row in `workflow_instances`."""

    __tablename__ = "longpole_execution_origins"
    __table_args__ = (UniqueConstraint("template_id", "name"),)

    instance_id: UUID = Field(
        sa_column=Column("instance_id", Uuid, ForeignKey("workflow_instances.id", ondelete="CASCADE"), primary_key=True)
    )
    template_id: UUID
    name: str | None = Field(default=None, sa_type=StorableText)
    """What its user calls it; once a workflow."""
    correlation_id: str = Field(sa_type=StorableText)
    """Of the request that began it."""
    trace_id: str = Field(sa_type=StorableText)
    """32 hexadecimal digits, as W3C Trace Context has them."""
    estimated_completion: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """As it was when it began."""


class Blueprint(Row, table=True):
    """A workflow document with parameters, which workflows are made of."""

    __tablename__ = "longpole_blueprints"
    __table_args__ = (Index(None, "owner", "created_at"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    owner: str = Field(sa_type=StorableText)
    name: str = Field(sa_type=StorableText)
    description: str = Field(sa_type=StorableText)
    category: str = Field(sa_type=StorableText)
    parameters: dict[str, Any] = Field(sa_type=Json)
    """Name -> `{"default", "description"}`; without a default it has to be given."""
    document: dict[str, Any] = Field(sa_type=Json)
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)


ORIGINS = Row.metadata.tables["longpole_execution_origins"]
BLUEPRINTS = Row.metadata.tables["longpole_blueprints"]
