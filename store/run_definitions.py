"""Which definition a run goes by: the revision that it names, unless it was begun with another, or changed since."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from definitions.ids import workflow_id
from store import templates
from store.dialects import insert_into
from store.locks import LockedRun
from store.tables import RUN_DEFINITIONS, WorkflowInstance


class RunsDefinition(NamedTuple):
    """A core definition document and its content digest."""

    document: dict[str, Any]
    digest: str
    changes: int
    """How often it was changed while the run went on."""


def definition_of(session: Session, row: WorkflowInstance) -> RunsDefinition:
    """What the run goes by now. Raises `DefinitionNotFound`."""
    columns = RUN_DEFINITIONS.c
    changed = session.execute(
        select(columns.definition, columns.digest, columns.changes).where(columns.instance_id == row.id)
    ).first()
    if changed is not None:
        return RunsDefinition(*changed)
    return RunsDefinition(
        templates.get_revision(session, workflow_id(row.template_id), row.revision).definition, row.digest, 0
    )


def begin_with(session: Session, row: WorkflowInstance, document: dict[str, Any], digest: str) -> None:
    """A run that is new goes by this one instead of the revision that it names; the first time counts."""
    insert = insert_into(session, RUN_DEFINITIONS)
    values = {"instance_id": row.id, "definition": document, "digest": digest, "changes": 0}
    session.execute(insert.values(**values).on_conflict_do_nothing(index_elements=[RUN_DEFINITIONS.c.instance_id]))


def change_definition(session: Session, run: LockedRun, changed: RunsDefinition) -> None:
    """From now on the run goes by this one, unless a later change is recorded already."""
    columns = RUN_DEFINITIONS.c
    insert = insert_into(session, RUN_DEFINITIONS)
    values = {"definition": changed.document, "digest": changed.digest, "changes": changed.changes}
    session.execute(
        insert.values(instance_id=run.id, **values).on_conflict_do_update(
            index_elements=[columns.instance_id], set_=values, where=columns.changes < changed.changes
        )
    )
