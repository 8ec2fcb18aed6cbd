"""Versions of a definition: which one is meant, and how two differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from definitions.errors import DefinitionNotFound
from definitions.ids import WORKFLOW_PREFIX, workflow_id
from definitions.model import Definition, Step
from engine.views import StepDifference
from store import templates
from store.database import Session
from store.run_definitions import RunsDefinition, definition_of
from store.tables import WorkflowInstance, WorkflowTemplate

_PAGE = 100


@dataclass(frozen=True)
class Version:
    """What a run goes by: a stored revision, or that as it was changed for the run or while it went on."""

    workflow_id: str
    revision: int
    stored_digest: str
    document: dict[str, Any]
    changed: RunsDefinition | None = None
    """Where it is no stored revision."""

    @property
    def digest(self) -> str:
        """Of the document."""
        return self.changed.digest if self.changed is not None else self.stored_digest

    @property
    def label(self) -> str:
        """The author's."""
        return str(self.document.get("version", "1"))


def version_of(session: Session, row: WorkflowInstance, wanted: str | int | None) -> Version:
    """The version that the run went by (None), or another: the number of a version of the same name and owner, its
    author's label (the newest that has it), `latest`, or a `wf_...` id. Raises `DefinitionNotFound`."""
    if wanted is None:
        own = definition_of(session, row)
        changed = own if own.digest != row.digest else None
        return Version(workflow_id(row.template_id), row.revision, row.digest, own.document, changed)
    found = _find(session, row, str(wanted))
    if found is None:
        raise DefinitionNotFound(
            f"{row.name!r} has no version {str(wanted)[:80]!r}",
            remedy="name its number, its author's label, `latest`, or a workflow id (wf_...)",
        )
    return Version(found.workflow_id, found.revision, found.digest, found.definition)


def _find(session: Session, row: WorkflowInstance, wanted: str) -> WorkflowTemplate | None:
    if wanted.startswith(WORKFLOW_PREFIX):
        return templates.get_template(session, wanted, owner=row.owner)
    if wanted == "latest":
        return templates.find_template(session, row.name, owner=row.owner)
    labelled = next(
        (each for each in _newest_first(session, row) if str(each.definition.get("version", "1")) == wanted), None
    )
    if wanted.isascii() and wanted.isdigit() and len(wanted) < 10:
        return templates.find_template(session, row.name, version=int(wanted), owner=row.owner) or labelled
    return labelled


def _newest_first(session: Session, row: WorkflowInstance) -> Iterator[WorkflowTemplate]:
    offset, total = 0, 1
    while offset < total:
        page, total = templates.list_templates(session, owner=row.owner, name=row.name, limit=_PAGE, offset=offset)
        yield from page
        offset += _PAGE


def differences(one: Definition, other: Definition) -> Iterator[StepDifference]:
    """Step by step, in the order of the other and then of the one."""
    before, after = ({step.id: step for step in each.steps} for each in (one, other))
    for step_id, step in after.items():
        if step_id not in before:
            yield StepDifference(step_id, "added")
        elif fields := _changed_fields(before[step_id], step):
            yield StepDifference(step_id, "changed", fields)
    for step_id in before:
        if step_id not in after:
            yield StepDifference(step_id, "removed")


def _changed_fields(one: Step, other: Step) -> tuple[str, ...]:
    if one == other:
        return ()
    return tuple(name for name in Step.model_fields if getattr(one, name) != getattr(other, name))
