"""Runs that are steps of other runs: made ready to be started, and followed where the parent can't do that itself.

A child's row is written before Temporal hears of the child, as that of any run; it is the parent that brings it there.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory, CancelledError, TerminatedError
from temporalio.service import RPCError, RPCStatusCode

from activities.outputs import load
from activities.parcel import parcel_of
from activities.run_told import announcement_of, run_input_of
from activities.typed_failures import typed_failures
from definitions.calls import FOLLOW_CHILD, MOST_RUNS_ABOVE, PREPARE_CHILD, ChildCall, ChildEnd, PreparedChild
from definitions.errors import Conflict, DefinitionNotFound, ExecutionNotFound, LongpoleError
from definitions.ids import child_execution_id, workflow_id
from definitions.model import Definition
from definitions.validation import check_input
from definitions.values import resolve_deferred, unpack
from store import instances, templates
from store.blobs import BlobStore
from store.database import Database, Session
from store.instances import Parent
from store.tables import WorkflowInstance, WorkflowVersion
from store.timeouts import deadline

LARGEST_INLINE = 16 * 1024
"""Bytes of a child's definition that go through its parent's history, twice for each child."""
STILL_RUNNING = "still_running"
BEATS = 10
BEAT_SECONDS = 2.0
"""So long, so many times, one attempt waits for the end of a child."""
NEXT_WATCH = timedelta(milliseconds=50)


class ChildActivities:
    """The activities, over one database. Raise `StoreUnavailable` and `OSError`, which the workflow retries."""

    def __init__(
        self, database: Database, blobs: BlobStore, *, max_history_events: int = 0, most_watched: int = 0
    ) -> None:
        """`max_history_events`: as in `RunInput`. `most_watched`: so many children at a time may each hold one of the
        worker's slots, so that their ends are heard of at once; others are asked for now and then."""
        self._database = database
        self._blobs = blobs
        self._max_history_events = max_history_events
        self._most_watched = most_watched
        self._watched = 0

    @activity.defn(name=PREPARE_CHILD)
    async def prepare_child(self, fields: dict[str, Any]) -> PreparedChild:
        """The fields of a `ChildCall`. Fails for good with `definition_not_found`, `input_invalid`, `too_deep`, and
        where a value of its input is lost."""
        with typed_failures():
            return await asyncio.to_thread(self._prepare, ChildCall(**fields))

    @activity.defn(name=FOLLOW_CHILD)
    async def follow_child(self, execution_id: str) -> ChildEnd:
        """How a child ended. Fails, to be tried again, as long as it goes on; for good as the child failed."""
        handle = activity.client().get_workflow_handle(execution_id)
        try:
            if self._watched < self._most_watched:
                return ChildEnd(result=await self._watch(handle))
            status = (await handle.describe()).status
            if status in (WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.CONTINUED_AS_NEW):
                raise _goes_on(handle)
            return ChildEnd(result=await handle.result())
        except WorkflowFailureError as failure:
            if isinstance(failure.cause, CancelledError):
                return ChildEnd(cancelled=True)
            raise _failed_for_good(failure.cause) from None
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            raise ApplicationError(
                f"Temporal no longer knows {execution_id}",
                type="lost",
                non_retryable=True,
                category=ApplicationErrorCategory.BENIGN,
            ) from None

    async def _watch(self, handle: WorkflowHandle[Any, Any]) -> Any:
        """Its result as soon as it is there. Gives up after a while, so that no attempt takes as long as a child."""
        self._watched += 1
        result = asyncio.ensure_future(handle.result())
        shutdown = asyncio.ensure_future(activity.wait_for_worker_shutdown())
        try:
            for _ in range(BEATS):
                ended, _ = await asyncio.wait(
                    (result, shutdown), timeout=BEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                if result in ended:
                    return result.result()
                if shutdown in ended:
                    break
                activity.heartbeat()
        except asyncio.CancelledError:
            details = activity.cancellation_details()
            if details is None or not details.not_found:
                raise
            # The parent has gone on in yet another history, from where the child is watched now.
        finally:
            result.cancel()
            shutdown.cancel()
            self._watched -= 1
        raise _goes_on(handle, at_once=True)

    def _prepare(self, call: ChildCall) -> PreparedChild:
        if call.depth > MOST_RUNS_ABOVE:
            raise LongpoleError(
                f"{call.workflow!r} would be the {call.depth}th run inside of another, {MOST_RUNS_ABOVE} may be",
                code="too_deep",
                remedy="does a workflow call itself without end?",
            )
        run_input = resolve_deferred(unpack(call.input, call.slots), lambda digest: load(digest, self._blobs))
        with self._database.write() as session:
            row, revision = self._row(session, call, run_input)
            document = revision.definition
        parcel = parcel_of(document, row.input_data, self._blobs, largest_inline=LARGEST_INLINE)
        run = run_input_of(row, parcel, depth=call.depth, max_history_events=self._max_history_events)
        return PreparedChild(run_input=vars(run), announcement=announcement_of(row, document))

    def _row(self, session: Session, call: ChildCall, run_input: Any) -> tuple[WorkflowInstance, WorkflowVersion]:
        """The child's row and its definition; those that are there when it was prepared before."""
        execution_id = child_execution_id(call.execution_id, call.step_id, call.start)
        try:
            row = instances.get_instance(session, execution_id)
        except ExecutionNotFound:
            return _new_row(session, call, execution_id, run_input)
        if row.parent_execution_id != call.execution_id:
            raise Conflict(f"{execution_id} is the id of another execution", code="execution_exists")
        return row, templates.get_revision(session, workflow_id(row.template_id), row.revision)


def _new_row(
    session: Session, call: ChildCall, execution_id: str, run_input: Any
) -> tuple[WorkflowInstance, WorkflowVersion]:
    parent = instances.get_instance(session, call.execution_id)
    revision = _newest(session, call, parent.owner)
    definition = Definition.model_validate(revision.definition)
    check_input(definition, run_input)
    row = instances.create_instance(
        session,
        execution_id=execution_id,
        workflow_id=workflow_id(revision.template_id),
        name=definition.name,
        revision=revision.revision,
        digest=revision.digest,
        input_data=run_input,
        owner=parent.owner,
        priority=parent.priority,
        tags=list(dict.fromkeys((*definition.tags, *parent.tags))),
        timeout_at=deadline(definition),
        parent=Parent(call.execution_id, call.step_id),
    )
    return row, revision


def _newest(session: Session, call: ChildCall, owner: str) -> WorkflowVersion:
    """The revision that is meant. Raises `DefinitionNotFound`."""
    if call.version is not None:
        found = templates.find_labelled(session, call.workflow, call.version, owner=owner)
        if found is not None:
            return found
        label = f" with version {call.version!r}"
    else:
        head = templates.find_template(session, call.workflow, owner=owner, is_active=True)
        if head is not None:
            return templates.get_revision(session, head.workflow_id, head.revision)
        label = ""
    raise DefinitionNotFound(
        f"there is no active workflow {call.workflow!r}{label}",
        remedy="store it before it is run, or let it be active again",
    )


def _goes_on(handle: WorkflowHandle[Any, Any], *, at_once: bool = False) -> ApplicationError:
    return ApplicationError(
        f"{handle.id} goes on",
        type=STILL_RUNNING,
        next_retry_delay=NEXT_WATCH if at_once else None,
        category=ApplicationErrorCategory.BENIGN,
    )


def _failed_for_good(cause: BaseException) -> ApplicationError:
    """The failure of a child as one of the activity: with the same detail and class."""
    # No failure of the activity's, so nothing for the worker's log.
    benign = ApplicationErrorCategory.BENIGN
    if isinstance(cause, ApplicationError):
        return ApplicationError(cause.message, *cause.details, type=cause.type, non_retryable=True, category=benign)
    error_class = "terminated" if isinstance(cause, TerminatedError) else "error"
    return ApplicationError(str(cause), type=error_class, non_retryable=True, category=benign)
