"""The tables of schedules and of the times at which they were due. Named as those of scheduling are."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Uuid, text
from sqlmodel import Field

from definitions.ids import execution_id, workflow_id
from store.columns import Json, StorableText, UtcDateTime, now
from store.tables import Row

UNAPPLIED = text("applied_edition <> edition")


class WorkflowSchedule(Row, table=True):
    """The schedule of a workflow. `edition` counts its changes, `applied_edition` is the one that Temporal has."""

    __tablename__ = "longpole_schedules"
    __table_args__ = (
        Index(None, "owner", "created_at"),
        Index(None, "checked_at"),
        Index("ix_longpole_schedules_unapplied", "id", sqlite_where=UNAPPLIED, postgresql_where=UNAPPLIED),
    )

    id: UUID = Field(
        sa_column=Column(
            Uuid, ForeignKey("workflow_templates.id", ondelete="CASCADE"), primary_key=True, nullable=False
        )
    )
    owner: str = Field(sa_type=StorableText)
    document: dict[str, Any] = Field(sa_type=Json)
    """A `definitions.schedules.Schedule`."""
    paused: bool = False
    note: str = Field(default="", sa_type=StorableText)
    """Why it is paused, or was resumed."""
    deleted: bool = False
    """Temporal has still to be told."""
    edition: int = Field(default=1, sa_type=BigInteger)
    applied_edition: int = Field(default=0, sa_type=BigInteger)
    missed_seen: int = Field(default=0, sa_type=BigInteger)
    """How many starts Temporal had given up, by its own count, when that was last looked at."""
    due_since: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    """Times before are accounted for: they belong to what the schedule was before, or are recorded."""
    checked_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    updated_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)

    @property
    def workflow_id(self) -> str:
        """`wf_<32 hex>`."""
        return workflow_id(self.id)


class ScheduleOccurrence(Row, table=True):
    """One time at which a schedule was due, or several that were missed in a row."""

    __tablename__ = "longpole_schedule_occurrences"
    __table_args__ = (
        Index(None, "schedule_id", "due_at"),
        Index("ix_longpole_schedule_occurrences_state", "schedule_id", "state"),
    )

    id: UUID = Field(primary_key=True)
    """That of its run."""
    schedule_id: UUID = Field(
        sa_column=Column("schedule_id", Uuid, ForeignKey("longpole_schedules.id", ondelete="CASCADE"), nullable=False)
    )
    due_at: datetime = Field(sa_type=UtcDateTime)
    kind: str = Field(sa_type=StorableText)
    """`definitions.launching.OccurrenceKind`."""
    state: str = Field(sa_type=StorableText)
    """`definitions.launching.OccurrenceState`."""
    reason: str = Field(default="", sa_type=StorableText)
    """Why it was skipped, or started late."""
    message: str = Field(default="", sa_type=StorableText)
    overlap: str | None = Field(default=None, sa_type=StorableText, nullable=True)
    """The overlap policy, where that is another than the schedule's."""
    launcher_id: str = Field(default="", sa_type=StorableText)
    launcher_run: str = Field(default="", sa_type=StorableText)
    launched_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When the run was started, or it was clear that there is none."""
    count: int = 1
    """How many times it stands for: itself, and so many before it."""

    @property
    def execution_id(self) -> str:
        """`exec_<32 hex>` of its run, if it has one."""
        return execution_id(self.id)


SCHEDULES = Row.metadata.tables["longpole_schedules"]
OCCURRENCES = Row.metadata.tables["longpole_schedule_occurrences"]
