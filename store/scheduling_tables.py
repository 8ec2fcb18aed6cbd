"""The tables of scheduling: pools, workflows with their plans, reservations. Named as those of access are."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Uuid
from sqlmodel import Field

from definitions.ids import execution_id, workflow_id
from store.columns import Json, StorableText, UtcDateTime, now
from store.tables import Row


class PoolChange(Row, table=True):
    """What an operator has said of a pool, over what the pools file says. `spec` null: there is no such pool."""

    __tablename__ = "longpole_pools"

    name: str = Field(sa_type=StorableText, primary_key=True)
    spec: dict[str, Any] | None = Field(default=None, sa_type=Json, nullable=True)
    changed_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    changed_by: str = Field(sa_type=StorableText)


class ReservationBook(Row, table=True):
    """One row: whoever wants to change reservations or pools counts it up first, and so has them alone."""

    __tablename__ = "longpole_reservation_book"

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    edition: int = Field(sa_type=BigInteger)


class ScheduledWorkflow(Row, table=True):
    """A workflow that is planned for a time, and the plan in force. How its run goes is in `workflow_instances`."""

    __tablename__ = "longpole_scheduled_workflows"
    __table_args__ = (
        Index(None, "owner", "created_at"),
        Index("uq_longpole_scheduled_workflows_run", "instance_id", unique=True),
        Index(None, "created_at"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    instance_id: UUID = Field(
        sa_column=Column("instance_id", Uuid, ForeignKey("workflow_instances.id", ondelete="CASCADE"), nullable=False)
    )
    owner: str = Field(sa_type=StorableText)
    name: str = Field(sa_type=StorableText)
    description: str = Field(sa_type=StorableText)
    priority: str = Field(sa_type=StorableText)
    """`critical`, `high`, `normal` or `low`."""
    cost_optimization: bool
    may_preempt: bool
    """It may move others of a lower priority."""
    preemptible: bool
    """Others of a higher priority may move it."""
    step_count: int
    planned_start: datetime = Field(sa_type=UtcDateTime)
    planned_end: datetime = Field(sa_type=UtcDateTime)
    announced_start: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """The start that the run in Temporal was told last; another than planned: it has to be told."""
    plan: dict[str, Any] = Field(sa_type=Json)
    """The plan in force (`engine.scheduling.plan_record`)."""
    critical_seconds: float
    estimated_cost: float
    cost_savings: float
    efficiency: float
    actual_cost: float | None = None
    """What it has cost, once it is over and settled."""
    conflicts_resolved: int = 0
    times_moved: int = 0
    """How often others moved it."""
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)

    @property
    def workflow_id(self) -> str:
        """`wf_<32 hex>`."""
        return workflow_id(self.id)

    @property
    def execution_id(self) -> str:
        """`exec_<32 hex>` of its run."""
        return execution_id(self.instance_id)


class StepReservation(Row, table=True):
    """Units of a pool that a step holds by plan."""

    __tablename__ = "longpole_reservations"
    __table_args__ = (Index(None, "workflow_id"), Index(None, "ends_at"))

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    workflow_id: UUID = Field(
        sa_column=Column(
            "workflow_id", Uuid, ForeignKey("longpole_scheduled_workflows.id", ondelete="CASCADE"), nullable=False
        )
    )
    step_id: str = Field(sa_type=StorableText)
    pool: str = Field(sa_type=StorableText)
    begins_at: datetime = Field(sa_type=UtcDateTime)
    ends_at: datetime = Field(sa_type=UtcDateTime)
    amount: float


class StepDuration(Row, table=True):
    """How long a step of a scheduled workflow took, and what it was planned with; both at the amounts as demanded."""

    __tablename__ = "longpole_step_durations"
    __table_args__ = (
        Index(None, "workflow_id"),
        Index("ix_longpole_step_durations_step", "owner", "definition", "ended_at"),
        Index("ix_longpole_step_durations_agent", "owner", "agent_type", "size_class", "ended_at"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    workflow_id: UUID = Field(
        sa_column=Column(
            "workflow_id", Uuid, ForeignKey("longpole_scheduled_workflows.id", ondelete="CASCADE"), nullable=False
        )
    )
    owner: str = Field(sa_type=StorableText)
    definition: str = Field(sa_type=StorableText)
    """The workflow's name."""
    step_id: str = Field(sa_type=StorableText)
    agent_type: str = Field(sa_type=StorableText)
    size_class: int
    """Of its parameters (`engine.scheduling.estimates.size_class`)."""
    source: str = Field(sa_type=StorableText)
    """What the estimate came from (`engine.scheduling.estimates.Source`)."""
    p50: float
    p90: float
    seconds: float
    ended_at: datetime = Field(sa_type=UtcDateTime)


POOLS = Row.metadata.tables["longpole_pools"]
BOOK = Row.metadata.tables["longpole_reservation_book"]
SCHEDULED = Row.metadata.tables["longpole_scheduled_workflows"]
RESERVATIONS = Row.metadata.tables["longpole_reservations"]
DURATIONS = Row.metadata.tables["longpole_step_durations"]
