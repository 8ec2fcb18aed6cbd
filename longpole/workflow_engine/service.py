"""`WorkflowService`: workflows by the names of their templates."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from engine.settings import Settings
from longpole.workflow_engine import arguments
from longpole.workflow_engine.engine import WorkflowEngine
from longpole.workflow_engine.naming import Identifier
from longpole.workflow_engine.views import WorkflowInstance, WorkflowTemplate


class WorkflowService:
    """What most programs need, over a `WorkflowEngine` (`engine`), whose arguments it takes. All methods are plain
    ones, and work where an event loop is running as well."""

    def __init__(
        self, db: Any, *, settings: Settings | None = None, temporal_address: str | None = None, owner: str = "local"
    ) -> None:
        self.engine = WorkflowEngine(db, settings=settings, temporal_address=temporal_address, owner=owner)

    def start_workflow(
        self,
        template_name: str,
        input_data: Any = None,
        priority: int | None = None,
        async_execution: bool = True,
        version: int | None = None,
        tags: Iterable[str] | None = (),
    ) -> WorkflowInstance:
        """Start the latest active version of a template, or the one asked for. `async_execution`: return once it is
        started; otherwise once it has ended, however it did, which blocks the calling thread.

        Raises `DefinitionNotFound`, `InputInvalid`, `ServiceUnavailable`."""
        return self.engine.start(
            template_name, input_data, priority=priority, version=version, tags=tags, wait=not async_execution
        )

    def get_running_workflows(self) -> list[WorkflowInstance]:
        """All that are running, paused ones included, newest first."""
        found: list[WorkflowInstance] = []
        total = 1
        while len(found) < total:
            page, total = self.engine.query_instances(status="running", limit=arguments.MOST_ITEMS, offset=len(found))
            if not page:
                break
            found += page
        return list({each.id: each for each in found}.values())

    def get_workflow(self, instance_id: Identifier) -> WorkflowInstance:
        """An instance as it is now."""
        return self.engine.get_instance(instance_id)

    def get_statistics(self, template_name: str | None = None, template_id: Identifier | None = None) -> dict[str, Any]:
        """As the engine's: over all versions of a name, over one version, or over everything."""
        return self.engine.get_statistics(template_id=template_id, template_name=template_name)

    def pause_workflow(self, instance_id: Identifier) -> WorkflowInstance:
        """As the engine's."""
        return self.engine.pause_workflow(instance_id)

    def resume_workflow(self, instance_id: Identifier) -> WorkflowInstance:
        """As the engine's."""
        return self.engine.resume_workflow(instance_id)

    def cancel_workflow(self, instance_id: Identifier, reason: str = "cancelled") -> WorkflowInstance:
        """As the engine's."""
        return self.engine.cancel_workflow(instance_id, reason=reason)

    def create_schedule_generation_workflow(self) -> WorkflowTemplate:
        """Store the template `schedule_generation`, or give the latest version where it is the same: input validation,
        schedule generation, ACGME compliance, conflicts and resilience side by side, notification.

        Raises `DefinitionInvalid`, which says what to allow, where the handlers of examples/residency can't be loaded.
        """
        return self.engine.create_schedule_generation_template()

    def close(self) -> None:
        """As the engine's."""
        self.engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()
