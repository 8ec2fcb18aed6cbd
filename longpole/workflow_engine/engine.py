"""`WorkflowEngine`: templates and instances on the database that a session is bound to."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Self, TypeVar

from definitions.messages import DEFAULT_GRACE_SECONDS
from engine.settings import Settings
from longpole.workflow_engine import arguments, schedule_generation
from longpole.workflow_engine.naming import Identifier, instance_key, template_key
from longpole.workflow_engine.operations import Operations
from longpole.workflow_engine.runtime import Runtime, close_runtime, runtime_for
from longpole.workflow_engine.statuses import core_statuses
from longpole.workflow_engine.views import WorkflowInstance, WorkflowStepExecution, WorkflowTemplate
from store.database import StoreUnavailable
from store.sessions import session_url

T = TypeVar("T")


class WorkflowEngine:
    """Stores templates and runs their instances, durably.

    `db` is a SQLAlchemy or SQLModel session. It only says which database is meant: the engine has connections and
    transactions of its own, and never commits, or sees, what the session has not committed. Tables that are missing are
    made. What runs, runs in a background thread of this process, on the Temporal of `TEMPORAL_ADDRESS`, of a running
    `longpole up`, or one that is started here and stopped when the process ends.

    All methods but `execute_workflow` are plain ones, and work where an event loop is running as well. Ids may be UUIDs
    or their text. Raises, as all methods do, what `definitions.errors` lists: `DefinitionInvalid`, `NotFound`,
    `Conflict`, `InputInvalid`, `ServiceUnavailable`, ... all of them `LongpoleError`s.
    """

    def __init__(
        self,
        db: Any,
        *,
        settings: Settings | None = None,
        temporal_address: str | None = None,
        owner: str = "local",
    ) -> None:
        """`settings`: by default those of the environment and `longpole.toml`. `temporal_address`: "host:port" of a
        Temporal that runs already. `owner`: whom templates and instances made here belong to."""
        self.db = db
        self._url = session_url(db)
        self._settings = settings
        self._temporal_address = temporal_address
        self._owner = owner
        self._runtime()

    # -- templates ------

    def create_template(
        self, name: str, definition: dict[str, Any], description: str = "", tags: Iterable[str] | None = ()
    ) -> WorkflowTemplate:
        """Store a definition. Under a name that there is, it is the next version; those before stay as they are, and
        their instances go on with them.

        Raises `DefinitionInvalid` with everything that is wrong, by the document's own fields."""
        chosen = arguments.tag_list(tags)
        return self._run(lambda do: do.create_template(name, definition, description, chosen))

    def create_schedule_generation_template(self) -> WorkflowTemplate:
        """The template `schedule_generation`, stored where its latest version is another. Raises `DefinitionInvalid`
        where the handlers of examples/residency can't be loaded."""
        schedule_generation.require_handlers(self._runtime().registry)
        return self._run(
            lambda do: do.create_template(
                schedule_generation.NAME,
                schedule_generation.definition(),
                schedule_generation.DESCRIPTION,
                schedule_generation.TAGS,
                unless_same=True,
            )
        )

    def get_template(self, template: Identifier, version: int | None = None) -> WorkflowTemplate:
        """A template by its id, or by name its latest version, or the one asked for."""
        number = arguments.version_number(version)
        return self._run(lambda do: do.get_template(template, number))

    def list_templates(
        self,
        name: str | None = None,
        is_active: bool | None = None,
        tags: Iterable[str] | None = (),
        limit: int = 50,
        offset: int = 0,
        page: int | None = None,
    ) -> tuple[list[WorkflowTemplate], int]:
        """One page of templates, newest first, and how many there are in all. `tags`: all of them."""
        limit, offset = arguments.page_bounds(limit, offset, page)
        chosen = arguments.tag_list(tags)
        wanted = arguments.template_name(name, "name")
        return self._run(
            lambda do: do.list_templates(name=wanted, is_active=is_active, tags=chosen, limit=limit, offset=offset)
        )

    def deactivate_template(self, template_id: Identifier) -> WorkflowTemplate:
        """Refuse new instances of this version; those that there are go on."""
        return self._run(lambda do: do.set_active(template_id, False))

    def activate_template(self, template_id: Identifier) -> WorkflowTemplate:
        """Allow new instances again."""
        return self._run(lambda do: do.set_active(template_id, True))

    # -- instances ------

    def create_instance(
        self,
        template_id: Identifier,
        input_data: Any = None,
        priority: int | None = None,
        tags: Iterable[str] | None = (),
    ) -> WorkflowInstance:
        """Store an instance of a template; `execute_workflow` starts it. `priority`: 0 to 100, by default 50."""
        data = {} if input_data is None else input_data
        chosen = arguments.priority(priority)
        labels = arguments.tag_list(tags)
        return self._run(lambda do: do.create_instance(template_id, data, chosen, labels))

    async def execute_workflow(self, instance_id: Identifier, async_execution: bool = False) -> WorkflowInstance:
        """Start an instance and wait for its end, however it ends: `.status` tells. With `async_execution` it returns
        once the instance is started.

        Once it is started it goes on whatever happens to this process: in it, or in the next that has an engine on this
        database. An instance is executed once: again, this only waits for its end, and returns it."""
        key = instance_key(instance_id)
        with self._explained():
            return await self._runtime().awaited(self._operations().execute(key, wait=not async_execution))

    def start(
        self,
        template_name: str,
        input_data: Any = None,
        *,
        priority: int | None = None,
        version: int | None = None,
        tags: Iterable[str] | None = (),
        wait: bool = False,
    ) -> WorkflowInstance:
        """Create and start an instance in one go: of the latest active version, or the one asked for. `wait`: return
        once it has ended, however it did; blocks the calling thread."""
        data = {} if input_data is None else input_data
        chosen = arguments.priority(priority)
        labels = arguments.tag_list(tags)
        number = arguments.version_number(version)
        return self._run(
            lambda do: do.start(template_name, data, priority=chosen, version=number, tags=labels, wait=wait)
        )

    def get_instance(self, instance_id: Identifier) -> WorkflowInstance:
        """An instance as it is now."""
        return self._run(lambda do: do.get_instance(instance_key(instance_id)))

    def get_step_executions(self, instance_id: Identifier) -> list[WorkflowStepExecution]:
        """Every attempt of the instance's steps in the order they began; steps that never will come last."""
        return self._run(lambda do: do.get_step_executions(instance_key(instance_id)))

    def query_instances(
        self,
        status: str | None = None,
        template_id: Identifier | None = None,
        template_name: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        priority_min: int | None = None,
        priority_max: int | None = None,
        tags: Iterable[str] | None = (),
        limit: int = 50,
        offset: int = 0,
        page: int | None = None,
    ) -> tuple[list[WorkflowInstance], int]:
        """One page of instances, newest first, and how many meet the conditions in all.

        Naive datetimes are local time; created_after <= created_at < created_before. `tags`: all of them."""
        limit, offset = arguments.page_bounds(limit, offset, page)
        wanted: dict[str, Any] = {
            "statuses": core_statuses(status) if status is not None else (),
            "workflow_id": template_key(template_id) if template_id is not None else None,
            "name": arguments.template_name(template_name),
            "created_after": arguments.moment(created_after, "created_after"),
            "created_before": arguments.moment(created_before, "created_before"),
            "priority_min": arguments.priority(priority_min, "priority_min"),
            "priority_max": arguments.priority(priority_max, "priority_max"),
            "tags": arguments.tag_list(tags),
        }
        return self._run(lambda do: do.query_instances(**wanted, limit=limit, offset=offset))

    def get_statistics(self, template_id: Identifier | None = None, template_name: str | None = None) -> dict[str, Any]:
        """Counts over the instances of one version, of all versions of a name, or of all templates.

        `success_rate` is completed / (completed + failed) in percent, 0.0 without any; `avg_duration_seconds` is that
        of completed instances."""
        name = arguments.template_name(template_name)
        return self._run(lambda do: do.statistics(template_id, name))

    # -- steering ------

    def pause_workflow(self, instance_id: Identifier) -> WorkflowInstance:
        """Let running steps end and start nothing new; the instance's timeout stands still."""
        return self._run(lambda do: do.pause(instance_key(instance_id)))

    def resume_workflow(self, instance_id: Identifier) -> WorkflowInstance:
        """Let an instance go on: a paused one, or one that has failed, from what is done: completed steps keep their
        outputs. One that was interrupted goes on by itself. Raises `Conflict` for one that is completed."""
        return self._run(lambda do: do.resume(instance_key(instance_id)))

    def cancel_workflow(
        self, instance_id: Identifier, reason: str = "cancelled", grace_seconds: float = DEFAULT_GRACE_SECONDS
    ) -> WorkflowInstance:
        """End an instance: nothing new starts, running steps are told and get that long to end by themselves."""
        why, grace = arguments.cancellation(reason, grace_seconds)
        return self._run(lambda do: do.cancel(instance_key(instance_id), reason=why, grace_seconds=grace))

    # -- the end ------

    def close(self) -> None:
        """End what this process runs in the background for the database; running steps get the settings' grace. What is
        left goes on with the next engine. Not needed: the end of the process does the same."""
        close_runtime(self._url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _runtime(self) -> Runtime:
        return runtime_for(self._url, self._settings, self._temporal_address)

    def _operations(self) -> Operations:
        return Operations(self._runtime(), self._owner)

    def _run(self, work: Callable[[Operations], Coroutine[Any, Any, T]]) -> T:
        with self._explained():
            return self._runtime().run(work(self._operations()))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """A session that has written and not committed is the likeliest reason of a locked database."""
        try:
            yield
        except StoreUnavailable as error:
            if error.passing and self.db.in_transaction():
                raise StoreUnavailable(
                    error.message,
                    passing=True,
                    remedy="commit or roll back the session: what it has written is locked until then",
                ) from error
            raise
