"""From a document to a stored workflow: what endpoints share that take one."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from api.orchestration import translate, wire
from api.orchestration.document import Reader
from api.orchestration.document_wire import Resources
from definitions.errors import DefinitionInvalid, Problem
from definitions.ids import workflow_id as identifier
from engine.access.identity import Identity
from engine.core import Engine
from engine.orchestration.workflows import Workflows
from engine.views import StoredDefinition


async def read(engine: Engine, caller: Identity, document: dict[str, Any]) -> dict[str, Any]:
    """The core definition of a document. Raises `DefinitionInvalid` with every problem."""
    workflows = Workflows(engine, caller)
    reader = Reader(engine.registry.check, workflows.plugins)
    core, problems = await asyncio.to_thread(reader.checked, document)
    problems += [_at_workers(each) for each in await workflows.estimating.problems(core)]
    notifications = document.get("notifications")
    if isinstance(notifications, dict) and not any(each.path.startswith("notifications") for each in problems):
        problems += workflows.notifications.check(notifications)
    if problems:
        raise DefinitionInvalid(problems)
    return core


async def created(engine: Engine, caller: Identity, document: dict[str, Any], uuid: UUID) -> wire.CreatedWorkflow:
    """A document checked and stored as a draft under that id. Raises `DefinitionInvalid` with every problem."""
    core = await read(engine, caller, document)
    stored = await Workflows(engine, caller).create(core, document, workflow_id=identifier(uuid))
    return await told(engine, caller, stored)


async def updated(engine: Engine, caller: Identity, workflow_id: str, document: dict[str, Any]) -> wire.CreatedWorkflow:
    """A document checked and stored as a workflow's next revision. Raises as `created`, and `DefinitionNotFound`."""
    await engine.definitions.get(workflow_id)
    core = await read(engine, caller, document)
    return await told(engine, caller, await Workflows(engine, caller).update(workflow_id, core, document))


async def told(engine: Engine, caller: Identity, stored: StoredDefinition) -> wire.CreatedWorkflow:
    """What became of a document that was stored."""
    workflows = Workflows(engine, caller)
    estimating, clashes = workflows.estimating, await workflows.schedule_clashes(stored)
    expected, usd = await estimating.estimate(stored.document, stored.workflow_id), await estimating.usd()
    return translate.created(stored, expected, usd, scheduled=bool(stored.schedule), warnings=clashes)


def _at_workers(problem: Problem) -> Problem:
    """A demand of the core's, where the document has it."""
    place, _, pool = problem.path.partition(".resources.")
    workers = "node_type" if problem.code == "unknown_node_type" else "min_workers"
    field = pool if pool in Resources.model_fields else workers
    return Problem(problem.code, f"{place}.resources.{field}", problem.message, problem.remedy)
