"""The tables. Rows are read by the engine, never shown as they are: surfaces have shapes of their own."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, MetaData, UniqueConstraint, Uuid, text
from sqlmodel import Field, SQLModel

from definitions.ids import execution_id, workflow_id
from store.columns import Json, StorableText, Tags, UtcDateTime, now

OPEN = text("closed_at IS NULL")
UNDISPATCHED = text("dispatched_at IS NULL AND closed_at IS NULL")
KEYED = text("key IS NOT NULL")
CHILDREN = text("parent_id IS NOT NULL")


class Row(SQLModel):
    """The base of all tables; constraint names are fixed, so that migrations can name them."""

    metadata: ClassVar[MetaData] = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def _text(**options: Any) -> Any:
    return Field(sa_type=StorableText, **options)


def _time(default: datetime | None = None) -> Any:
    return Field(default=default, sa_type=UtcDateTime)


def _now() -> Any:
    return Field(default_factory=now, sa_type=UtcDateTime)


def _json() -> Any:
    return Field(default=None, sa_type=Json, nullable=True)


def _list() -> Any:
    return Field(default_factory=list, sa_type=Json)


def _tags() -> Any:
    return Field(default_factory=list, sa_type=Tags)


def _instance(column: str, *, primary_key: bool = False) -> Any:
    target = ForeignKey("workflow_instances.id", ondelete="CASCADE")
    return Field(sa_column=Column(column, Uuid, target, primary_key=primary_key, nullable=False))


class WorkflowTemplate(Row, table=True):
    """A definition by name. `version` counts the templates of a name and owner, `revision` the changes of this one."""

    __tablename__ = "workflow_templates"
    __table_args__ = (UniqueConstraint("owner", "name", "version"), Index(None, "owner", "created_at"))

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    name: str = _text()
    version: int
    definition: dict[str, Any] = Field(sa_type=Json)
    """The core definition of the head revision."""
    is_active: bool = True
    created_at: datetime = _now()
    updated_at: datetime = _now()
    description: str = _text(default="")
    tags: list[str] = _tags()
    owner: str = _text(default="")
    surface: str = _text(default="")
    revision: int = 1
    digest: str = _text()
    activated_at: datetime | None = _time()
    """When it was activated last; null for one that is not active: it never was, and is a draft."""
    deleted_at: datetime | None = _time()
    """Since then it is not found any more; its runs are."""

    @property
    def workflow_id(self) -> str:
        """`wf_<32 hex>`."""
        return workflow_id(self.id)


class WorkflowVersion(Row, table=True):
    """One revision of a template; never changed."""

    __tablename__ = "workflow_versions"
    __table_args__ = (UniqueConstraint("template_id", "revision"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    template_id: UUID = Field(
        sa_column=Column(Uuid, ForeignKey("workflow_templates.id", ondelete="CASCADE"), nullable=False)
    )
    revision: int
    digest: str = _text()
    definition: dict[str, Any] = Field(sa_type=Json)
    source: dict[str, Any] = Field(sa_type=Json)
    """The document as it was POSTed."""
    surface: str = _text(default="")
    created_at: datetime = _now()
    created_by: str = _text(default="")


class WorkflowInstance(Row, table=True):
    """One run. `status` is a core status (`definitions.calls.RunStatus`)."""

    __tablename__ = "workflow_instances"
    __table_args__ = (
        Index(None, "status"),
        Index(None, "owner", "created_at"),
        Index(None, "created_at"),
        Index(None, "template_id"),
        Index(None, "forked_from"),
        Index("ix_workflow_instances_open", "id", sqlite_where=OPEN, postgresql_where=OPEN),
        Index(
            "ix_workflow_instances_undispatched",
            "created_at",
            sqlite_where=UNDISPATCHED,
            postgresql_where=UNDISPATCHED,
        ),
        Index(
            "ix_workflow_instances_children",
            "parent_id",
            "created_at",
            sqlite_where=CHILDREN,
            postgresql_where=CHILDREN,
        ),
    )

    id: UUID = Field(primary_key=True)
    template_id: UUID = Field(foreign_key="workflow_templates.id")
    status: str = _text(default="pending")
    input_data: Any = _json()
    output_data: Any = _json()
    output_slots: list[Any] | None = _json()
    """What `definitions.values.pack` took out of `output_data`; null: nothing."""
    execution_state: Any = _json()
    started_at: datetime | None = _time()
    completed_at: datetime | None = _time()
    """When the run ended, by the workflow's clock."""
    duration_seconds: float | None = None
    timeout_at: datetime | None = _time()
    priority: int = 50
    name: str = _text()
    revision: int
    digest: str = _text()
    owner: str = _text(default="")
    created_at: datetime = _now()
    updated_at: datetime = _now()
    scheduled_start: datetime | None = _time()
    error: dict[str, Any] | None = _json()
    event_sequence: int = Field(default=0, sa_type=BigInteger)
    """The sequence number of the run's last event."""
    dispatched_at: datetime | None = _time()
    """When Temporal took the run; null: the relay still has to bring it there."""
    temporal_run_id: str | None = _text(default=None)
    tags: list[str] = _tags()
    closed_at: datetime | None = _time()
    """When this row got its final status; null as long as the run is open."""
    parent_id: UUID | None = None
    """The run that this one is a step of; null: it was started by itself."""
    parent_step: str | None = _text(default=None)
    """The path of that step, e.g. `docs[3].analyse`."""
    forked_from: UUID | None = Field(default=None, sa_type=Uuid)
    """The run whose outputs it was begun with (`store.forking`)."""

    @property
    def forked_from_id(self) -> str | None:
        """`exec_<32 hex>` of the run that it is a rerun of."""
        return execution_id(self.forked_from) if self.forked_from is not None else None

    @property
    def execution_id(self) -> str:
        """`exec_<32 hex>`."""
        return execution_id(self.id)

    @property
    def parent_execution_id(self) -> str | None:
        """`exec_<32 hex>` of the run that this one is a step of."""
        return execution_id(self.parent_id) if self.parent_id is not None else None


class WorkflowStepExecution(Row, table=True):
    """One attempt of a step; attempt 0 stands for a step that never ran (skipped, cancelled before it started)."""

    __tablename__ = "workflow_step_executions"
    __table_args__ = (
        UniqueConstraint(
            "workflow_instance_id", "step_id", "start", "attempt_number", name="uq_workflow_step_executions_attempt"
        ),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    workflow_instance_id: UUID = _instance("workflow_instance_id")
    step_id: str = _text()
    status: str = _text()
    attempt_number: int
    max_attempts: int
    input_data: Any = _json()
    input_slots: list[Any] | None = _json()
    output_data: Any = _json()
    output_slots: list[Any] | None = _json()
    context_data: dict[str, Any] | None = _json()
    """What the step added to the run's shared context; null: nothing, as far as is recorded."""
    error_message: str | None = _text(default=None)
    error_traceback: str | None = _text(default=None)
    started_at: datetime | None = _time()
    completed_at: datetime | None = _time()
    duration_seconds: float | None = None
    start: int = 1
    """1 for the step's first activity, n for the n-th time that the runner started it."""
    will_retry: bool = False
    error_class: str | None = _text(default=None)
    usage: dict[str, float] = Field(default_factory=dict, sa_type=Json)
    measured: dict[str, float] | None = _json()
    """What the worker saw it use; null: it was too short to be looked at, or did its work elsewhere."""
    artifacts: list[dict[str, Any]] = _list()
    progress: float | None = None
    progress_label: str = _text(default="")
    reason: str = _text(default="")
    worker: str = _text(default="")
    settled: bool = False
    """The workflow itself has said how this ended: late records only fill in what is missing."""


class WorkflowEvent(Row, table=True):
    """One event of a run; sequence numbers start at 1 and have no gaps."""

    __tablename__ = "workflow_events"
    __table_args__ = (
        Index("uq_workflow_events_key", "instance_id", "key", unique=True, sqlite_where=KEYED, postgresql_where=KEYED),
    )

    instance_id: UUID = _instance("instance_id", primary_key=True)
    sequence: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    type: str = _text()
    at: datetime = Field(sa_type=UtcDateTime)
    step_id: str | None = _text(default=None)
    data: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    key: str | None = _text(default=None)


class WorkflowLogLine(Row, table=True):
    """One line that a step logged."""

    __tablename__ = "workflow_log_lines"
    __table_args__ = (Index(None, "instance_id", "id"),)

    id: int | None = Field(
        default=None,
        # SQLite numbers rows by itself only where the type is INTEGER to the letter.
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    )
    instance_id: UUID = _instance("instance_id")
    step_id: str | None = _text(default=None)
    attempt: int | None = None
    at: datetime = Field(sa_type=UtcDateTime)
    level: str = _text()
    message: str = _text()
    details: dict[str, Any] = Field(default_factory=dict, sa_column=Column("metadata", Json, nullable=False))


class RunDefinition(Row, table=True):
    """The definition that a run goes by which was begun with another than the revision it names, or changed while it
    ran."""

    __tablename__ = "workflow_run_definitions"

    instance_id: UUID = _instance("instance_id", primary_key=True)
    definition: dict[str, Any] = Field(sa_type=Json)
    digest: str = _text()
    changes: int
    """How often it was changed: what is recorded late of an earlier change must not undo a later one."""


TEMPLATES = Row.metadata.tables["workflow_templates"]
VERSIONS = Row.metadata.tables["workflow_versions"]
INSTANCES = Row.metadata.tables["workflow_instances"]
STEPS = Row.metadata.tables["workflow_step_executions"]
EVENTS = Row.metadata.tables["workflow_events"]
RUN_DEFINITIONS = Row.metadata.tables["workflow_run_definitions"]
LOG_LINES = Row.metadata.tables["workflow_log_lines"]
