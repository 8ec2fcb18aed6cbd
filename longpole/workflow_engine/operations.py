"""What the engine does, as coroutines of its background loop; `engine.py` and `service.py` wait for them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from definitions.calls import FINAL_RUN_STATUSES
from definitions.errors import Conflict, DefinitionNotFound, ExecutionNotFound, ServiceUnavailable
from definitions.ids import to_uuid
from engine.views import StoredDefinition
from longpole.workflow_engine.described import SURFACE
from longpole.workflow_engine.naming import is_template_key, template_key
from longpole.workflow_engine.runtime import Runtime
from longpole.workflow_engine.statuses import RUNNING
from longpole.workflow_engine.translate import core_document
from longpole.workflow_engine.views import (
    WorkflowInstance,
    WorkflowStepExecution,
    WorkflowTemplate,
    instance_view,
    step_execution_view,
    template_view,
)

_RETRY_SECONDS = 0.5


class Operations:
    """Over one runtime, for one owner. Instances are named by the core's ids (`exec_...`)."""

    def __init__(self, runtime: Runtime, owner: str) -> None:
        self._runtime = runtime
        self._owner = owner

    # -- templates ------

    async def create_template(
        self, name: str, definition: Any, description: str, tags: Sequence[str], *, unless_same: bool = False
    ) -> WorkflowTemplate:
        """Store the next version. `unless_same`: the latest, where that has this very document already."""
        registry = self._runtime.registry
        document = core_document(
            name,
            definition,
            description=description,
            tags=tags,
            check_handler=registry.check,
            check_config=registry.check_config,
        )
        definitions = self._runtime.definitions
        latest = await definitions.find(name, owner=self._owner) if unless_same else None
        if latest is None or latest.source != definition:
            latest = await definitions.add_version(
                document, owner=self._owner, surface=SURFACE, source=dict(definition)
            )
        return template_view(latest)

    async def stored(
        self, template: Any, *, version: int | None = None, is_active: bool | None = None
    ) -> StoredDefinition:
        """By id, or by name the latest version, or the one asked for. Raises `DefinitionNotFound`."""
        if is_template_key(template):
            return await self._by_id(template_key(template), version)
        found = await self._runtime.definitions.find(
            str(template), version=version, owner=self._owner, is_active=is_active
        )
        if found is None:
            which = f" with version {version}" if version is not None else " that is active" if is_active else ""
            raise DefinitionNotFound(
                f"there is no template `{str(template)[:80]}`{which}", remedy="list_templates() shows them"
            )
        return found

    async def _by_id(self, key: str, version: int | None = None) -> StoredDefinition:
        try:
            found = await self._runtime.definitions.get(key)
        except DefinitionNotFound:
            message = f"there is no template {to_uuid(key)}"
            raise DefinitionNotFound(message, remedy="list_templates() shows them") from None
        if version not in (None, found.version):
            raise DefinitionNotFound(
                f"template {to_uuid(key)} is version {found.version} of `{found.name}`, not {version}",
                remedy="leave version out, or give the name instead of the id",
            )
        return found

    async def get_template(self, template: Any, version: int | None) -> WorkflowTemplate:
        """One template."""
        return template_view(await self.stored(template, version=version))

    async def list_templates(self, **wanted: Any) -> tuple[list[WorkflowTemplate], int]:
        """One page of templates."""
        found, total = await self._runtime.definitions.page(**wanted)
        return [template_view(each) for each in found], total

    async def set_active(self, template_id: Any, is_active: bool) -> WorkflowTemplate:
        """Allow new instances of a template, or refuse them."""
        stored = await self._by_id(template_key(template_id))
        return template_view(await self._runtime.definitions.set_active(stored.workflow_id, is_active))

    # -- instances ------

    async def create_instance(
        self, template_id: Any, input_data: Any, priority: int | None, tags: Sequence[str]
    ) -> WorkflowInstance:
        """Store an instance without executing it."""
        stored = await self._by_id(template_key(template_id))
        _require_active(stored)
        execution_id = await self._runtime.prepared.prepare(
            stored, input_data, owner=self._owner, priority=priority, tags=tags
        )
        return await self.get_instance(execution_id)

    async def execute(self, execution_id: str, *, wait: bool) -> WorkflowInstance:
        """Start an instance, and perhaps wait for its end."""
        await self._status(execution_id)
        engine = await self._runtime.serving.engine()
        if await self._runtime.prepared.release(execution_id):
            await engine.executions.bring(execution_id)
        return await self._followed(execution_id, wait=wait)

    async def start(
        self,
        name: str,
        input_data: Any,
        *,
        priority: int | None,
        version: int | None,
        tags: Sequence[str],
        wait: bool,
    ) -> WorkflowInstance:
        """Start a template by name, and perhaps wait for the end."""
        stored = await self.stored(name, version=version, is_active=True if version is None else None)
        _require_active(stored)
        engine = await self._runtime.serving.engine()
        execution_id = await engine.executions.start(
            stored, input_data, owner=self._owner, priority=priority, tags=tags
        )
        return await self._followed(execution_id, wait=wait)

    async def _followed(self, execution_id: str, *, wait: bool) -> WorkflowInstance:
        while wait and await self._runtime.records.status(execution_id) not in FINAL_RUN_STATUSES:
            try:
                engine = await self._runtime.serving.engine()
                await engine.executions.ended(execution_id)
            except ServiceUnavailable:
                # The instance goes on when there is a Temporal again, and so does waiting for it.
                await asyncio.sleep(_RETRY_SECONDS)
        return await self.get_instance(execution_id)

    async def get_instance(self, execution_id: str) -> WorkflowInstance:
        """An instance as it is now; while it goes on, with its live context if somebody can tell it."""
        with _told_in_its_words(execution_id):
            execution = await self._runtime.records.get(execution_id)
        engine = self._runtime.serving.current
        context = None
        if engine is not None and execution.status in RUNNING:
            context = await engine.executions.context(execution_id)
        return instance_view(execution, context=context)

    async def get_step_executions(self, execution_id: str) -> list[WorkflowStepExecution]:
        """Every attempt of every step that began, and the steps that never will."""
        with _told_in_its_words(execution_id):
            attempts = await self._runtime.records.attempts(execution_id)
        return [step_execution_view(execution_id, attempt) for attempt in attempts]

    async def query_instances(self, **wanted: Any) -> tuple[list[WorkflowInstance], int]:
        """One page of instances, newest first, and how many there are in all."""
        found, total = await self._runtime.records.find(**wanted, whole=True)
        return [instance_view(each) for each in found], total

    async def statistics(self, template_id: Any, template_name: str | None) -> dict[str, Any]:
        """The documented counts."""
        workflow_id = None
        if template_id is not None:
            workflow_id = (await self._by_id(template_key(template_id))).workflow_id
        if template_name is not None:
            await self.stored(template_name)
        return asdict(await self._runtime.records.statistics(workflow_id=workflow_id, name=template_name))

    # -- steering ------

    async def pause(self, execution_id: str) -> WorkflowInstance:
        """Let running steps end, and start nothing new."""
        await self._require_executed(execution_id, "pause")
        await (await self._runtime.serving.engine()).executions.pause(execution_id)
        return await self.get_instance(execution_id)

    async def cancel(self, execution_id: str, *, reason: str, grace_seconds: float) -> WorkflowInstance:
        """End an instance, executed or not."""
        if not await self._runtime.prepared.withdraw(execution_id, reason=reason):
            status = await self._status(execution_id)
            if status in FINAL_RUN_STATUSES:
                raise Conflict(f"the instance is {status}: there is nothing to cancel", code="invalid_status")
            engine = await self._runtime.serving.engine()
            await engine.executions.cancel(execution_id, reason=reason, grace_seconds=grace_seconds)
        return await self.get_instance(execution_id)

    async def resume(self, execution_id: str) -> WorkflowInstance:
        """Go on: after a pause, or from what is done after a failure. What was interrupted goes on by itself."""
        status = await self._require_executed(execution_id, "resume")
        if status == "completed":
            raise Conflict(
                "the instance is completed: there is nothing to resume",
                code="invalid_status",
                remedy="create another instance to run it again",
            )
        engine = await self._runtime.serving.engine()
        if status == "paused":
            await engine.executions.resume(execution_id)
        elif status in FINAL_RUN_STATUSES:
            await engine.executions.continue_run(execution_id)
        return await self.get_instance(execution_id)

    async def _require_executed(self, execution_id: str, wish: str) -> str:
        with _told_in_its_words(execution_id):
            execution = await self._runtime.records.get(execution_id)
        if execution.prepared:
            raise Conflict(
                f"the instance was not executed yet: there is nothing to {wish}",
                code="invalid_status",
                remedy="start it with execute_workflow",
            )
        return execution.status

    async def _status(self, execution_id: str) -> str:
        with _told_in_its_words(execution_id):
            return await self._runtime.records.status(execution_id)


@contextmanager
def _told_in_its_words(execution_id: str) -> Iterator[None]:
    """An id that leads nowhere is told as the caller knows it."""
    try:
        yield
    except ExecutionNotFound:
        message = f"there is no instance {to_uuid(execution_id)}"
        raise ExecutionNotFound(message, remedy="query_instances() shows them") from None


def _require_active(stored: StoredDefinition) -> None:
    if not stored.is_active:
        raise Conflict(
            f"version {stored.version} of template `{stored.name}` is not active",
            code="template_inactive",
            remedy="activate_template() it, or use another version",
        )
