"""Definitions: checked against what this service can run, stored as immutable revisions, read back."""

from __future__ import annotations

import asyncio
from typing import Any

from activities.registry import HandlerRegistry
from definitions import validation
from definitions.digest import digest
from definitions.errors import Problem
from definitions.model import Definition
from engine.views import StoredDefinition
from store import templates
from store.database import Database
from store.tables import WorkflowTemplate


class Definitions:
    """All that can be done with definitions. Blocking database work runs in threads."""

    def __init__(self, database: Database, registry: HandlerRegistry) -> None:
        self._database = database
        self._registry = registry

    def check(self, document: dict[str, Any]) -> list[Problem]:
        """Everything that is wrong with a document, handlers included; empty when it can be stored."""
        return validation.check(document, check_handler=self._registry.check)

    async def save(
        self,
        document: dict[str, Any],
        *,
        owner: str = "local",
        surface: str = "cli",
        source: dict[str, Any] | None = None,
    ) -> StoredDefinition:
        """Store a definition under its name. Content that the name's latest version has already is not stored again.

        Raises `DefinitionInvalid` with all problems.
        """
        definition = validation.load(document, check_handler=self._registry.check)
        return await asyncio.to_thread(self._save, definition, owner, surface, source or document)

    def _save(self, definition: Definition, owner: str, surface: str, source: dict[str, Any]) -> StoredDefinition:
        core = core_document(definition)
        content = digest(core)
        with self._database.write() as session:
            templates.lock_name(session, owner, definition.name)
            latest = templates.find_template(session, definition.name, owner=owner)
            if latest is not None and latest.digest == content:
                return stored(latest)
            row = templates.create_template(
                session,
                name=definition.name,
                definition=core,
                digest=content,
                source=source,
                description=definition.description,
                tags=list(definition.tags),
                owner=owner,
                surface=surface,
            )
            return stored(row)

    async def get(self, workflow_id: str) -> StoredDefinition:
        """The head revision of a definition. Raises `DefinitionNotFound`."""

        def read() -> StoredDefinition:
            with self._database.read() as session:
                return stored(templates.get_template(session, workflow_id))

        return await asyncio.to_thread(read)


def core_document(definition: Definition) -> dict[str, Any]:
    """The definition as the JSON that is stored, hashed and run: what says nothing beyond a default is left out."""
    return definition.model_dump(mode="json", exclude_defaults=True)


def stored(row: WorkflowTemplate) -> StoredDefinition:
    """A row in the core's words."""
    return StoredDefinition(
        workflow_id=row.workflow_id,
        name=row.name,
        version=row.version,
        revision=row.revision,
        digest=row.digest,
        document=row.definition,
    )
