"""Starting and steering runs. The row comes first, then Temporal; whatever dies in between, the relay finishes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import structlog
from temporalio.client import (
    Client,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
)
from temporalio.service import RPCError, RPCStatusCode

from activities.parcel import parcel_of
from definitions.calls import FINAL_RUN_STATUSES, StepExplanation
from definitions.digest import digest
from definitions.errors import Conflict, ServiceUnavailable
from definitions.findings import CheckConfig, CheckHandler
from definitions.ids import new_execution_id
from definitions.messages import DEFAULT_GRACE_SECONDS, CancelRequest
from definitions.model import Definition
from definitions.steering import OpenApproval, answer_of, sent_event
from definitions.validation import check_input
from engine.access.identity import LOCAL
from engine.bringing import Bringing
from engine.changing import Changing
from engine.checkpointed import dispatch_of_row
from engine.continuing import Continuing
from engine.definitions import core_document
from engine.dispatch import Dispatch
from engine.execution_records import ExecutionRecords
from engine.explaining import explain
from engine.failpoints import failpoint
from engine.outgoing import dispatch_of, row_of
from engine.prepared import PreparedRuns
from engine.rerunning import Rerunning, RerunWish
from engine.steering import open_approvals, require_open, tell
from engine.temporal import answer
from engine.views import ChangedRun, Continuation, Rerun, StoredDefinition
from store import instances
from store.blobs import BlobStore
from store.continuing import waits_to_go_on
from store.database import Database, Session
from store.run_definitions import begin_with
from store.timeouts import deadline

_log = structlog.get_logger()

RECORDED_SECONDS = 30.0
_NOT_THERE_YET_SECONDS = 0.2
_QUERY_TIMEOUT = timedelta(seconds=2)


class Executions(ExecutionRecords):
    """All that can be done with runs."""

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        client: Client,
        task_queue: str,
        check_handler: CheckHandler | None = None,
        check_config: CheckConfig | None = None,
        *,
        max_history_events: int = 0,
    ) -> None:
        """`check_handler`, `check_config`: what is wrong with a handler that a change names, and with what it is given;
        None: the run's worker finds out."""
        super().__init__(database, blobs)
        self._client = client

        self.bringing = Bringing(database, blobs, client, task_queue, max_history_events)
        self._continuing = Continuing(database, blobs, client)
        self._changing = Changing(database, client, check_handler, check_config)
        self._prepared = PreparedRuns(database, blobs)
        self._rerunning = Rerunning(database, blobs, self._continuing)

    async def close(self) -> None:
        """Finish what is written in the background."""
        await self.bringing.close()

    async def start(
        self,
        stored: StoredDefinition,
        run_input: Any,
        *,
        owner: str | None = None,
        priority: int | None = None,
        tags: Sequence[str] = (),
        execution_id: str | None = None,
        instead: Mapping[str, Any] | None = None,
        beside: Callable[[Session], None] | None = None,
    ) -> str:
        """Start a run of a stored definition; returns its execution id. Again with the same id it is the same run.

        `instead`: the core definition that it goes by in place of the stored one; `beside`: what is written with its
        row, all or nothing, and again if it is the same run.

        Once this returns the run will happen, whatever dies. Raises `InputInvalid`, `Conflict` for the id of another
        run, `StoreUnavailable`, and what the blob storage raises. A Temporal that does not answer is no error: the
        relay brings the run there. A run that Temporal refuses has failed.
        """
        definition = stored.definition if instead is None else Definition.model_validate(instead)
        check_input(definition, run_input)
        execution_id = execution_id or new_execution_id()
        owner = owner or (self._viewer.subject if self._viewer is not None else LOCAL)
        new = row_of(stored, run_input, execution_id=execution_id, owner=owner, priority=priority, tags=tags)

        document = stored.document if instead is None else core_document(definition)

        def write() -> Dispatch:
            parcel = parcel_of(document, run_input, self._blobs)
            with self._database.write() as session:
                row = instances.create_instance(session, **new, timeout_at=deadline(definition))
                if instead is not None:
                    begin_with(session, row, document, digest(document))
                if beside is not None:
                    beside(session)
                if instead is not None or row.input_data != run_input:
                    # It may have been there before: what it was first given counts.
                    return dispatch_of_row(session, row, self._blobs)
                return dispatch_of(row, document, parcel)

        run = await asyncio.to_thread(write)
        failpoint("after_row")
        await self.bring_prepared(run)
        return execution_id

    async def bring(self, execution_id: str) -> None:
        """Bring a run whose row is there to Temporal now; where that does not answer, the relay does it later.

        Raises `ExecutionNotFound`, `StoreUnavailable`.
        """

        def read() -> Dispatch:
            with self._database.read() as session:
                row = instances.get_instance(session, execution_id, owner=self._owner)
                return dispatch_of_row(session, row, self._blobs)

        await self.bring_prepared(await asyncio.to_thread(read))

    async def bring_prepared(self, run: Dispatch) -> None:
        """`bring` for who has it at hand what Temporal is to be told."""
        await self.bringing.bring(run)

    async def pause(self, execution_id: str) -> None:
        """Close the run's dispatch gate: running steps end, nothing new starts.

        Raises `ExecutionNotFound`, `Conflict`, `ServiceUnavailable`; so do `resume` and `cancel`.
        """
        await self._signal(execution_id, "pause")

    async def resume(self, execution_id: str) -> None:
        """Open the gate again."""
        await self._signal(execution_id, "resume")

    async def continue_run(self, execution_id: str, *, repeat: Collection[str] = ()) -> Continuation:
        """Let a run that is over without having completed (failed, timed out, cancelled, terminated) go on as the same
        execution from what is done. `repeat`: steps that say `at_most_once`, have begun, and may begin once more.

        It keeps its id, its definition's revision and its input; its timeout begins anew. Once this returns it goes on,
        whatever dies. Of several callers at once one continues it, the others get `Conflict`, as for a run that
        completed or is not over. Raises `ExecutionNotFound`, `Conflict` (`invalid_status`, `at_most_once`),
        `LongpoleError` (`unknown_step`), `BlobMissing`, `CheckpointInvalid` (`run_state_lost`, `output_lost`,
        `checkpoint_too_large`), and `ServiceUnavailable` where nobody tells how the run stood when it was terminated.
        """
        await self._require_own_run(execution_id)
        run, continuation = await self._continuing.open(execution_id, repeat)
        await self.bring_prepared(run)
        return continuation

    async def change(self, execution_id: str, change: Mapping[str, Any]) -> ChangedRun:
        """Change what has not started of a run that goes on, all of it or nothing (`definitions.changes`):
        `{"inject": [steps], "edit": {step: {field: value}}, "skip": [steps], "max_parallel_steps": n, "priority": n}`.

        The run goes by the changed definition from then on, and so do its reruns. Raises `ExecutionNotFound`,
        `ChangeRefused` with every problem, `Conflict` (`invalid_status`) when the run is over, and
        `ServiceUnavailable` where no worker answers."""
        await self._require_own_run(execution_id)
        return await self._changing.change(self, execution_id, change)

    async def rerun(
        self,
        execution_id: str,
        from_steps: Collection[str] = (),
        *,
        input: Any = None,  # noqa: A002 - what it is called everywhere
        version: str | int | None = None,
        repeat: Collection[str] = (),
        owner: str | None = None,
        dry_run: bool = False,
    ) -> Rerun:
        """Start a new run that reuses what a run that is over has done, and runs the rest: `from_steps`, what has no
        output, whose definition or resolved input is another, and everything downstream of these.

        `input`: keys that replace those of the run's input (all of it where that is no mapping); `version`: another
        one of its definition (`engine.versions`); `repeat`: steps that say `at_most_once`, have begun, and may begin
        once more; `owner`: of the new run, None: that of the run. `dry_run`: only tell what it would do.

        Raises `ExecutionNotFound`, `DefinitionNotFound`, `InputInvalid`, `Conflict` (`invalid_status`: it is not over;
        `at_most_once`; `nothing_to_rerun`), `LongpoleError` (`unknown_step`, `error_handler_chosen`), `BlobMissing`,
        `CheckpointInvalid` (`run_state_lost`, `checkpoint_too_large`), and `ServiceUnavailable` where nobody tells how
        a run stood when it was terminated."""
        await self._require_own_run(execution_id)
        owner = owner or (self._viewer.subject if self._viewer is not None else None)
        wish = RerunWish(from_steps, input, version, repeat, owner)
        if dry_run:
            return await self._rerunning.preview(execution_id, wish)
        run, rerun = await self._rerunning.fork(execution_id, wish)
        failpoint("after_row")
        await self.bring_prepared(run)
        return rerun

    async def cancel(
        self,
        execution_id: str,
        *,
        reason: str = "cancelled",
        grace_seconds: float = DEFAULT_GRACE_SECONDS,
        save_partial_results: bool = True,
        fails_as: str = "",
    ) -> None:
        """Ask the run to end: running steps are told and get a grace period. `fails_as`: it then has failed with that
        error class, and was not cancelled. One that was not executed yet is cancelled at once."""
        if await self.status(execution_id) == "pending" and await self._prepared.withdraw(execution_id, reason=reason):
            return
        request = CancelRequest(
            reason=reason, grace_seconds=grace_seconds, save_partial_results=save_partial_results, fails_as=fails_as
        )
        await self._signal(execution_id, "cancel", asdict(request))

    async def result(self, execution_id: str) -> Any:
        """Wait until the run has ended and its outcome is recorded, for its result.

        Raises `temporalio.client.WorkflowFailureError` when it did not complete, and `temporalio.service.RPCError` when
        Temporal does not have it (yet).
        """
        await self._require_own_run(execution_id)
        try:
            result = await self._client.get_workflow_handle(execution_id).result()
        except WorkflowFailureError:
            if await self._goes_on(execution_id):
                return await self.result(execution_id)
            await self._recorded(execution_id)
            raise
        await self._recorded(execution_id)
        return result

    async def ended(self, execution_id: str) -> None:
        """Wait until the run is over, however it ends, and its outcome is recorded.

        Raises `ExecutionNotFound`, and `ServiceUnavailable` when Temporal stops answering meanwhile."""
        while await self.status(execution_id) not in FINAL_RUN_STATUSES:
            try:
                await self.result(execution_id)
            except WorkflowFailureError:
                continue
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise ServiceUnavailable(
                        f"Temporal does not answer: {error.message}", remedy="try again"
                    ) from error
                await asyncio.sleep(_NOT_THERE_YET_SECONDS)

    async def send_event(self, execution_id: str, name: str, data: Any = None, event_id: str | None = None) -> None:
        """Send an event to a run; one that no step waits for yet is kept. The same `event_id` again changes nothing.

        Once this returns it counts, whatever dies. Raises `ExecutionNotFound`, `Conflict` (`invalid_status`),
        `LongpoleError` (`event_invalid`, `too_many_events`), `ServiceUnavailable`."""
        said = {"name": name, "data": data, **({"id": event_id} if event_id else {})}
        sent_event(said)  # the run would refuse it, too, but what is far too large does not get there
        await tell(self._client, self, execution_id, "send_event", said, "send it")

    async def decide(
        self,
        execution_id: str,
        step: str,
        approved: bool,
        *,
        by: str = "",
        comment: str = "",
        values: Mapping[str, Any] | None = None,
    ) -> None:
        """Answer an approval. `step`: its path; `values`: what is changed of the values that it shows.

        Once this returns it counts, whatever dies. Raises `ExecutionNotFound`, `Conflict` (`invalid_status`),
        `LongpoleError` (`decision_invalid`, and what the run refuses: `not_waiting`, `not_an_approver`,
        `values_invalid`), `ServiceUnavailable`."""
        said = {"step": step, "approved": approved, "by": by, "comment": comment}
        if values is not None:
            said["values"] = dict(values)
        answer_of(said)  # as above
        await tell(self._client, self, execution_id, "decide", said, "decide")

    async def approvals(self, execution_id: str) -> list[OpenApproval]:
        """The approvals of a run that wait for an answer, the oldest first.

        Raises `ExecutionNotFound`, `ServiceUnavailable`."""
        return await open_approvals(self._client, self, self._blobs, execution_id)

    async def explain(self, execution_id: str, step_id: str | None = None) -> list[StepExplanation]:
        """Why the step, or each that has not ended, is where it is (`engine.explaining`).

        Raises `ExecutionNotFound`, `NotFound` (`step_not_found`), `ServiceUnavailable`."""
        return await explain(self._client, self, execution_id, step_id)

    async def context(self, execution_id: str) -> dict[str, Any] | None:
        """The shared context of a run that goes on; None when nobody can tell it now."""
        await self._require_own_run(execution_id)
        query = self._client.get_workflow_handle(execution_id).query("context", rpc_timeout=_QUERY_TIMEOUT)
        try:
            context: dict[str, Any] = await query
        except (RPCError, WorkflowQueryFailedError, WorkflowQueryRejectedError):
            return None
        return context

    async def _require_own_run(self, execution_id: str) -> None:
        """Raises `ExecutionNotFound` for a viewer to whom the run is another's."""
        if self._owner is not None:
            await self.status(execution_id)

    async def _goes_on(self, execution_id: str) -> bool:
        """Whether the end that Temporal told of was that before the run was continued; then waits for it to be there
        again."""

        def waits() -> bool:
            with self._database.read() as session:
                return waits_to_go_on(instances.get_instance(session, execution_id))

        pause = 0.01
        waited = False
        while await asyncio.to_thread(waits):
            waited = True
            await asyncio.sleep(pause)
            pause = min(pause * 2, 0.5)
        return waited

    async def _recorded(self, execution_id: str) -> None:
        """The outcome is written while Temporal ends the run: by the time that is known, mostly it is there. What died
        with a worker is the reconciler's work; a database that stays away is waited for no longer than that takes."""
        pause = 0.001
        deadline = time.monotonic() + RECORDED_SECONDS
        while await self.status(execution_id) not in FINAL_RUN_STATUSES and time.monotonic() < deadline:
            await asyncio.sleep(pause)
            pause = min(pause * 2, 0.5)

    async def _signal(self, execution_id: str, signal: str, argument: Any = None) -> None:
        await require_open(self, execution_id, signal)
        handle: WorkflowHandle[Any, Any] = self._client.get_workflow_handle(execution_id)
        try:
            await answer(self._client, handle.signal(signal, args=[] if argument is None else [argument]))
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise ServiceUnavailable(f"Temporal refused to {signal} it: {error.message}") from error
            await require_open(self, execution_id, signal)
            await self._require_executed(execution_id, signal)
            raise Conflict(
                f"{execution_id} is not with Temporal yet, or just over: it can't {signal} now",
                code="invalid_status",
                remedy="try again in a few seconds",
            ) from error

    async def _require_executed(self, execution_id: str, wish: str) -> None:
        if (await self.get(execution_id)).prepared:
            raise Conflict(
                f"{execution_id} was not executed yet: there is nothing to {wish}",
                code="invalid_status",
                remedy="start it with `execute_workflow`",
            )
