"""Definitions by name, and their revisions."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from definitions.errors import Conflict, DefinitionNotFound
from definitions.ids import new_workflow_id, to_uuid
from store import schedules
from store.columns import now
from store.dialects import has_tags, is_postgres
from store.tables import INSTANCES, TEMPLATES, VERSIONS, WorkflowTemplate, WorkflowVersion


def create_template(
    session: Session,
    *,
    name: str,
    definition: dict[str, Any],
    source: dict[str, Any],
    digest: str,
    owner: str = "",
    surface: str = "",
    description: str = "",
    tags: list[str] | None = None,
    is_active: bool = True,
    workflow_id: str | None = None,
) -> WorkflowTemplate:
    """A new template with revision 1; its version is one more than the last of that owner and name. Again with the same
    `workflow_id` and digest it is the template that is there.

    Raises `Conflict` (`workflow_exists`) when the id is another template's."""
    uuid = to_uuid(workflow_id or new_workflow_id())
    existing = session.get(WorkflowTemplate, uuid)
    if existing is not None:
        if (existing.owner, existing.digest) == (owner, digest):
            return existing
        raise Conflict(
            f"{workflow_id} is the id of another workflow", code="workflow_exists", remedy="leave the id to Longpole"
        )
    template = WorkflowTemplate(
        id=uuid,
        name=name,
        version=_next_version(session, owner, name),
        definition=definition,
        is_active=is_active,
        description=description,
        tags=tags or [],
        owner=owner,
        surface=surface,
        revision=1,
        digest=digest,
    )
    session.add(template)
    session.flush()
    _store_revision(session, template, source, created_by=owner)
    return template


_FIRST_LABEL = "1"
"""What a definition is called that says nothing about it (`definitions.model.Definition.version`)."""


def lock_name(session: Session, owner: str, name: str) -> None:
    """Until the transaction ends, nobody else stores a template of that name. SQLite has one writer anyway."""
    if is_postgres(session):
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"{owner}/{name}", 0))))


def _next_version(session: Session, owner: str, name: str) -> int:
    lock_name(session, owner, name)
    last = session.scalar(
        select(func.max(TEMPLATES.c.version)).where(TEMPLATES.c.owner == owner, TEMPLATES.c.name == name)
    )
    return (last or 0) + 1


def add_revision(
    session: Session,
    workflow_id: str,
    *,
    definition: dict[str, Any],
    source: dict[str, Any],
    digest: str,
    name: str | None = None,
    surface: str | None = None,
    description: str | None = None,
    tags: list[str] | None = None,
    created_by: str = "",
) -> WorkflowTemplate:
    """The template with a next revision as its head; the revisions before stay as they are. None leaves a field alone;
    another name gives it that name's next version.

    Raises `DefinitionNotFound`."""
    template = _get(session, to_uuid(workflow_id), workflow_id, lock=True)
    template.definition = definition
    template.digest = digest
    template.revision += 1
    template.updated_at = now()
    if name is not None and name != template.name:
        template.version = _next_version(session, template.owner, name)
    changes = {"name": name, "surface": surface, "description": description, "tags": tags}
    for field, value in changes.items():
        if value is not None:
            setattr(template, field, value)
    session.flush()
    _store_revision(session, template, source, created_by=created_by)
    return template


def _store_revision(
    session: Session, template: WorkflowTemplate, source: dict[str, Any], *, created_by: str
) -> WorkflowVersion:
    version = WorkflowVersion(
        template_id=template.id,
        revision=template.revision,
        digest=template.digest,
        definition=template.definition,
        source=source,
        surface=template.surface,
        created_at=template.updated_at,
        created_by=created_by,
    )
    session.add(version)
    session.flush()
    return version


def set_active(session: Session, workflow_id: str, is_active: bool, *, owner: str | None = None) -> WorkflowTemplate:
    """Another owner's is not found. Raises `DefinitionNotFound`."""
    get_template(session, workflow_id, owner=owner)
    template = _get(session, to_uuid(workflow_id), workflow_id, lock=True)
    if is_active != template.is_active:
        # One that was active from the beginning has been so since then.
        template.activated_at = now() if is_active else template.activated_at or template.created_at
    template.is_active = is_active
    template.updated_at = now()
    session.flush()
    return template


def delete_template(session: Session, workflow_id: str, *, owner: str | None = None) -> None:
    """From now on it is not found, nor has it a schedule; runs of it, and their records, stay.

    Raises `DefinitionNotFound`, and `Conflict` (`workflow_in_use`) while runs of it are open."""
    get_template(session, workflow_id, owner=owner)
    template = _get(session, to_uuid(workflow_id), workflow_id, lock=True)
    running = session.scalar(
        select(func.count()).where(INSTANCES.c.template_id == template.id, INSTANCES.c.closed_at.is_(None))
    )
    if running:
        said = "an execution of it is" if running == 1 else f"{running} executions of it are"
        raise Conflict(f"{said} not over", code="workflow_in_use", remedy="stop them, or wait for their end")
    template.is_active = False
    template.deleted_at = now()
    session.flush()
    schedules.delete_schedule(session, template.id)


def get_template(session: Session, workflow_id: str, *, owner: str | None = None) -> WorkflowTemplate:
    """By `wf_...`; another owner's is not found. Raises `DefinitionNotFound`."""
    template = _get(session, to_uuid(workflow_id), workflow_id)
    if template.deleted_at is not None:
        raise _not_found(workflow_id)
    if owner is not None and template.owner != owner:
        raise _not_found(workflow_id, foreign=True)
    return template


def _get(session: Session, uuid: UUID, workflow_id: str, *, lock: bool = False) -> WorkflowTemplate:
    template = session.get(WorkflowTemplate, uuid, with_for_update={"key_share": True} if lock else None)
    if template is None:
        raise _not_found(workflow_id)
    return template


def _is_there() -> ColumnElement[bool]:
    return col(WorkflowTemplate.deleted_at).is_(None)


def _not_found(what: str, *, foreign: bool = False) -> DefinitionNotFound:
    remedy = "list the stored workflows to see their ids and names"
    return DefinitionNotFound(f"there is no workflow {what}", remedy=remedy, foreign=foreign)


def find_template(
    session: Session,
    name: str,
    *,
    version: int | None = None,
    owner: str | None = None,
    is_active: bool | None = None,
) -> WorkflowTemplate | None:
    """By name, the latest version unless one is asked for; `owner` None: anyone's; `is_active`: among those that are
    (not). None when there is none."""
    statement = select(WorkflowTemplate).where(col(WorkflowTemplate.name) == name, _is_there())
    if version is not None:
        statement = statement.where(col(WorkflowTemplate.version) == version)
    if owner is not None:
        statement = statement.where(col(WorkflowTemplate.owner) == owner)
    if is_active is not None:
        statement = statement.where(col(WorkflowTemplate.is_active) == is_active)
    newest_first = (col(WorkflowTemplate.version).desc(), col(WorkflowTemplate.created_at).desc())
    return session.scalars(statement.order_by(*newest_first).limit(1)).first()


def find_labelled(session: Session, name: str, label: str, *, owner: str) -> WorkflowVersion | None:
    """The newest revision of an active definition of that name that its author called so. None when there is none."""
    labelled = func.coalesce(VERSIONS.c.definition["version"].as_string(), _FIRST_LABEL) == label
    statement = (
        select(WorkflowVersion)
        .join(WorkflowTemplate, col(WorkflowTemplate.id) == col(WorkflowVersion.template_id))
        .where(
            col(WorkflowTemplate.name) == name,
            col(WorkflowTemplate.owner) == owner,
            col(WorkflowTemplate.is_active).is_(True),
            _is_there(),
            labelled,
        )
    )
    newest_first = (col(WorkflowTemplate.version).desc(), col(WorkflowVersion.revision).desc())
    return session.scalars(statement.order_by(*newest_first).limit(1)).first()


def list_templates(
    session: Session,
    *,
    owner: str | None = None,
    name: str | None = None,
    is_active: bool | None = None,
    tags: list[str] | None = None,
    limit: int = 50,
    offset: int = 0,
) -> tuple[list[WorkflowTemplate], int]:
    """One page, newest first, and how many there are in all; `tags`: all of them."""
    statement = select(WorkflowTemplate).where(_is_there())
    if owner is not None:
        statement = statement.where(col(WorkflowTemplate.owner) == owner)
    if name is not None:
        statement = statement.where(col(WorkflowTemplate.name) == name)
    if is_active is not None:
        statement = statement.where(col(WorkflowTemplate.is_active) == is_active)
    if tags:
        statement = statement.where(has_tags(session, TEMPLATES.c.tags, tags))
    total = session.scalar(select(func.count()).select_from(statement.with_only_columns(TEMPLATES.c.id).subquery()))
    newest_first = (col(WorkflowTemplate.created_at).desc(), col(WorkflowTemplate.id).desc())
    return list(session.scalars(statement.order_by(*newest_first).limit(limit).offset(offset))), total or 0


def get_revision(session: Session, workflow_id: str, revision: int) -> WorkflowVersion:
    """One revision as it was stored. Raises `DefinitionNotFound`."""
    found = session.scalars(
        select(WorkflowVersion).where(
            col(WorkflowVersion.template_id) == to_uuid(workflow_id), col(WorkflowVersion.revision) == revision
        )
    ).first()
    if found is None:
        raise _not_found(f"{workflow_id} with revision {revision}")
    return found


def list_revisions(session: Session, workflow_id: str) -> list[WorkflowVersion]:
    """All revisions, oldest first; none for an unknown workflow."""
    return list(
        session.scalars(
            select(WorkflowVersion)
            .where(col(WorkflowVersion.template_id) == to_uuid(workflow_id))
            .order_by(VERSIONS.c.revision)
        )
    )
