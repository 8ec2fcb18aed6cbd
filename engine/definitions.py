"""Definitions: checked against what this service can run, stored as immutable revisions, read back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from activities.registry import HandlerRegistry
from definitions import validation
from definitions.digest import digest
from definitions.errors import Problem
from definitions.model import Definition
from engine.access.identity import LOCAL, Identity
from engine.views import StoredDefinition
from store import templates
from store.database import Database, Session
from store.tables import WorkflowTemplate

Beside = Callable[[Session, str], None]
"""Something that is written in the transaction that stores the definition with that workflow id."""


class Definitions:
    """All that can be done with definitions. Blocking database work runs in threads."""

    def __init__(self, database: Database, registry: HandlerRegistry, viewer: Identity | None = None) -> None:
        """`viewer`: they see and touch only their own (admins all), and own what they store; None: the operator."""
        self._database = database
        self._registry = registry
        self._viewer = viewer
        self._owner = viewer.sees_owner if viewer is not None else None

    def seen_by(self, viewer: Identity) -> Definitions:
        """The same for a caller: what is another's is not found."""
        return Definitions(self._database, self._registry, viewer)

    def _new_owner(self, owner: str | None) -> str:
        return owner or (self._viewer.subject if self._viewer is not None else LOCAL)

    def check(self, document: dict[str, Any]) -> list[Problem]:
        """Everything that is wrong with a document, handlers included; empty when it can be stored."""
        return validation.check(document, check_handler=self._registry.check, check_config=self._registry.check_config)

    async def save(
        self,
        document: dict[str, Any],
        *,
        owner: str | None = None,
        surface: str = "cli",
        source: dict[str, Any] | None = None,
    ) -> StoredDefinition:
        """Store a definition under its name. Content that the name's latest version has already is not stored again.

        Raises `DefinitionInvalid` with all problems.
        """
        definition = validation.load(
            document, check_handler=self._registry.check, check_config=self._registry.check_config
        )
        return await asyncio.to_thread(self._save, definition, self._new_owner(owner), surface, source or document)

    def _save(self, definition: Definition, owner: str, surface: str, source: dict[str, Any]) -> StoredDefinition:
        core = core_document(definition)
        with self._database.write() as session:
            templates.lock_name(session, owner, definition.name)
            latest = templates.find_template(session, definition.name, owner=owner)
            if latest is not None and latest.digest == digest(core):
                return stored(latest)
            return self._insert(session, definition, core, owner=owner, surface=surface, source=source)

    async def add_version(
        self, document: dict[str, Any], *, owner: str | None = None, surface: str, source: dict[str, Any]
    ) -> StoredDefinition:
        """Store a definition as the next version of its name, which also is its label, whatever the latest one says.

        Raises `DefinitionInvalid` with all problems.
        """
        definition = validation.load(
            document, check_handler=self._registry.check, check_config=self._registry.check_config
        )
        new_owner = self._new_owner(owner)

        def write() -> StoredDefinition:
            with self._database.write() as session:
                templates.lock_name(session, new_owner, definition.name)
                latest = templates.find_template(session, definition.name, owner=new_owner)
                label = str(latest.version + 1 if latest is not None else 1)
                core = core_document(definition.model_copy(update={"version": label}))
                return self._insert(session, definition, core, owner=new_owner, surface=surface, source=source)

        return await asyncio.to_thread(write)

    async def create(
        self,
        document: dict[str, Any],
        *,
        workflow_id: str,
        surface: str,
        source: dict[str, Any],
        beside: Beside | None = None,
    ) -> StoredDefinition:
        """Store a definition as a draft under that id, whatever others of its name there are; again with the same id
        it is the same. `beside`: what is written with it, all or nothing.

        Raises `DefinitionInvalid` with all problems, and `Conflict` for the id of another workflow.
        """
        definition = validation.load(document, check_handler=self._registry.check)

        def write() -> StoredDefinition:
            core = core_document(definition)
            with self._database.write() as session:
                made = self._insert(
                    session,
                    definition,
                    core,
                    owner=self._new_owner(None),
                    surface=surface,
                    source=source,
                    is_active=False,
                    workflow_id=workflow_id,
                )
                if beside is not None:
                    beside(session, workflow_id)
                return made

        return await asyncio.to_thread(write)

    async def revise(
        self,
        workflow_id: str,
        document: dict[str, Any],
        *,
        surface: str,
        source: dict[str, Any],
        beside: Beside | None = None,
    ) -> StoredDefinition:
        """Store a definition as the next revision of a workflow. What is as the last one is not stored again. `beside`:
        as in `create`.

        Raises `DefinitionInvalid` with all problems, and `DefinitionNotFound`."""
        definition = validation.load(document, check_handler=self._registry.check)

        def write() -> StoredDefinition:
            core = core_document(definition)
            with self._database.write() as session:
                last = _with_source(session, templates.get_template(session, workflow_id, owner=self._owner))
                if beside is not None:
                    beside(session, workflow_id)
                if (last.digest, last.source, last.surface) == (digest(core), source, surface):
                    return last
                row = templates.add_revision(
                    session,
                    workflow_id,
                    definition=core,
                    source=source,
                    digest=digest(core),
                    name=definition.name,
                    surface=surface,
                    description=definition.description,
                    tags=list(definition.tags),
                    created_by=self._new_owner(None),
                )
                return stored(row, source)

        return await asyncio.to_thread(write)

    def _insert(
        self,
        session: Session,
        definition: Definition,
        core: dict[str, Any],
        *,
        owner: str,
        surface: str,
        source: dict[str, Any],
        is_active: bool = True,
        workflow_id: str | None = None,
    ) -> StoredDefinition:
        row = templates.create_template(
            session,
            name=definition.name,
            definition=core,
            digest=digest(core),
            source=source,
            description=definition.description,
            tags=list(definition.tags),
            owner=owner,
            surface=surface,
            is_active=is_active,
            workflow_id=workflow_id,
        )
        return stored(row, source)

    async def get(self, workflow_id: str) -> StoredDefinition:
        """The head revision of a definition, with its source. Raises `DefinitionNotFound`."""

        def read() -> StoredDefinition:
            with self._database.read() as session:
                return _with_source(session, templates.get_template(session, workflow_id, owner=self._owner))

        return await asyncio.to_thread(read)

    async def find(
        self, name: str, *, version: int | None = None, owner: str | None = None, is_active: bool | None = None
    ) -> StoredDefinition | None:
        """The latest version of a name, or that version, with its source. `is_active`: among those that are (not)."""
        owner = self._owner or owner

        def read() -> StoredDefinition | None:
            with self._database.read() as session:
                row = templates.find_template(session, name, version=version, owner=owner, is_active=is_active)
                return _with_source(session, row) if row is not None else None

        return await asyncio.to_thread(read)

    async def page(
        self,
        *,
        name: str | None = None,
        is_active: bool | None = None,
        tags: Sequence[str] = (),
        limit: int = 50,
        offset: int = 0,
    ) -> tuple[list[StoredDefinition], int]:
        """One page, newest first and with sources, and how many there are in all; `tags`: all of them."""

        def read() -> tuple[list[StoredDefinition], int]:
            with self._database.read() as session:
                rows, total = templates.list_templates(
                    session,
                    owner=self._owner,
                    name=name,
                    is_active=is_active,
                    tags=[*tags],
                    limit=limit,
                    offset=offset,
                )
                return [_with_source(session, row) for row in rows], total

        return await asyncio.to_thread(read)

    async def set_active(self, workflow_id: str, is_active: bool) -> StoredDefinition:
        """Whether new runs of it may be started. Raises `DefinitionNotFound`."""

        def write() -> StoredDefinition:
            with self._database.write() as session:
                return _with_source(session, templates.set_active(session, workflow_id, is_active, owner=self._owner))

        return await asyncio.to_thread(write)

    async def delete(self, workflow_id: str) -> None:
        """From now on it is not found; what was run of it is. Raises `DefinitionNotFound`, and `Conflict` while runs of
        it are open."""

        def write() -> None:
            with self._database.write() as session:
                templates.delete_template(session, workflow_id, owner=self._owner)

        await asyncio.to_thread(write)


def _with_source(session: Session, row: WorkflowTemplate) -> StoredDefinition:
    return stored(row, templates.get_revision(session, row.workflow_id, row.revision).source)


def core_document(definition: Definition) -> dict[str, Any]:
    """The definition as the JSON that is stored, hashed and run: what says nothing beyond a default is left out."""
    return definition.model_dump(mode="json", exclude_defaults=True)


def stored(row: WorkflowTemplate, source: dict[str, Any] | None = None) -> StoredDefinition:
    """A row in the core's words."""
    return StoredDefinition(
        workflow_id=row.workflow_id,
        name=row.name,
        version=row.version,
        revision=row.revision,
        digest=row.digest,
        document=row.definition,
        is_active=row.is_active,
        created_at=row.created_at,
        updated_at=row.updated_at,
        source=source,
        owner=row.owner,
        surface=row.surface,
        activation="active" if row.is_active else "draft" if row.activated_at is None else "paused",
    )
