"""Reruns: new runs that reuse what a run that is over has done, and run exactly the rest.

The row of the new run and the records of what it reuses are written in one transaction; from then on it is a run like
another that begins with steps done (`engine.checkpointed`), and the relay brings it to Temporal whatever dies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from activities.outputs import keep
from activities.parcel import Parcel, parcel_of
from definitions.calls import FINAL_RUN_STATUSES
from definitions.errors import Conflict
from definitions.ids import new_execution_id
from definitions.open_state import OpenState
from definitions.program import Program, programs
from definitions.validation import check_input
from definitions.values import unpack
from engine.begun_steps import kept_outside, reading
from engine.checkpointed import AS_IT_WENT_ON, BEGUN, checkpoint_of
from engine.continuing import TOLD_STEPS, Continuing
from engine.dispatch import Dispatch
from engine.done_steps import done_steps, not_to_repeat, refuse_repeats
from engine.outgoing import dispatch_of
from engine.rerun_plan import RerunPlan, RunAsItWas, rerun_plan
from engine.versions import Version, differences, version_of
from engine.views import Rerun
from store import forking, instances
from store.blobs import BlobStore
from store.continuing import last_attempts
from store.database import Database
from store.tables import WorkflowInstance
from store.timeouts import deadline


@dataclass(frozen=True)
class RerunWish:
    """What is asked for; see `Executions.rerun`."""

    from_steps: Collection[str] = ()
    input: Any = None
    version: str | int | None = None
    repeat: Collection[str] = ()
    owner: str | None = None

    @property
    def changes_nothing(self) -> bool:
        return not self.from_steps and self.input is None and self.version is None


@dataclass(frozen=True)
class _Planned:
    version: Version
    program: Program
    input: Any
    plan: RerunPlan
    begun: Mapping[str, OpenState]
    checkpoint: dict[str, Any]
    view: Rerun
    parcel: Parcel


class Rerunning:
    """Blocking database work runs in threads."""

    def __init__(self, database: Database, blobs: BlobStore, continuing: Continuing) -> None:
        self._database = database
        self._blobs = blobs
        self._continuing = continuing

    async def preview(self, execution_id: str, wish: RerunWish) -> Rerun:
        """What a rerun would reuse and run. Raises what `Executions.rerun` raises, but for `at_most_once`."""
        return (await asyncio.to_thread(self._plan, await self._row_to_rerun(execution_id), wish)).view

    async def fork(self, execution_id: str, wish: RerunWish) -> tuple[Dispatch, Rerun]:
        """Write the new run, so that it happens whatever dies now; what is to be brought to Temporal, and what it is.

        Raises what `Executions.rerun` raises."""
        row = await self._row_to_rerun(execution_id)
        return await asyncio.to_thread(self._fork, row, wish)

    async def _row_to_rerun(self, execution_id: str) -> WorkflowInstance:
        row = await asyncio.to_thread(self._row, execution_id)
        if row.status not in FINAL_RUN_STATUSES:
            raise Conflict(
                f"{execution_id} is {row.status}, not over",
                code="invalid_status",
                remedy="wait for its end or cancel it; a run that goes on can be changed with `longpole change`",
            )
        if await self._continuing.account_for(row):
            row = await asyncio.to_thread(self._row, execution_id)
        return row

    def _row(self, execution_id: str) -> WorkflowInstance:
        with self._database.read() as session:
            return instances.get_instance(session, execution_id)

    def _plan(self, row: WorkflowInstance, wish: RerunWish) -> _Planned:
        with self._database.read() as session:
            own = version_of(session, row, None)
            version = version_of(session, row, wish.version)
            attempts = last_attempts(session, row.execution_id)
        old, new = (programs.get(each.document, each.digest) for each in (own, version))
        run_input = _changed_input(row.input_data, wish.input)
        if wish.input is not None or wish.version is not None:
            check_input(new.definition, run_input)
        parcel = parcel_of(version.document, run_input, self._blobs)
        kept = unpack(parcel.input, parcel.slots)
        context = (row.execution_state or {}).get("context") or {}
        before = RunAsItWas(
            row.execution_id,
            old,
            attempts,
            keep(row.input_data, self._blobs, origin="input"),
            context,
            reading(self._blobs),
        )
        plan = rerun_plan(before, new, kept, wish.from_steps)
        begun = kept_outside(plan.begun, self._blobs)
        done = done_steps(new, plan.reused, run_input=kept, context=plan.context, started_at=0.0)
        done.state.begun = dict(begun)
        view = Rerun(
            execution_id="",
            forked_from=row.execution_id,
            workflow_id=version.workflow_id,
            version=new.definition.version,
            revision=version.revision,
            reused=tuple(each for each in new.order if each in plan.reused),
            runs=plan.why,
            decided_again=plan.decided_again,
            must_be_allowed=tuple(not_to_repeat(new, attempts, plan.why, wish.repeat, reused=plan.reused)),
            differences=tuple(differences(old.definition, new.definition)),
        )
        return _Planned(version, new, run_input, plan, begun, checkpoint_of(done, new, self._blobs), view, parcel)

    def _fork(self, row: WorkflowInstance, wish: RerunWish) -> tuple[Dispatch, Rerun]:
        planned = self._plan(row, wish)
        version, plan = planned.version, planned.plan
        if not plan.why and wish.changes_nothing:
            raise Conflict(
                f"{row.execution_id} is {row.status}: everything of it would be reused",
                code="nothing_to_rerun",
                remedy="choose steps (`--from STEP`), or change its input or version",
            )
        if planned.view.must_be_allowed:
            with self._database.read() as session:
                attempts = last_attempts(session, row.execution_id)
            refuse_repeats(planned.program, attempts, plan.why, wish.repeat, reused=plan.reused, command="rerun")
        execution_id = new_execution_id()
        with self._database.write() as session:
            forked = forking.fork(
                session,
                forked_from=row.execution_id,
                reused=list(plan.reused.values()),
                execution_state={
                    "context": dict(plan.context),
                    AS_IT_WENT_ON: "",
                    BEGUN: {path: each.to_json() for path, each in planned.begun.items()},
                },
                changed=version.changed,
                data={
                    "forked_from": row.execution_id,
                    "was": row.status,
                    "version": version.label,
                    "revision": version.revision,
                    "reused": len(planned.view.reused),
                    "runs": len(plan.why),
                    "decided_again": len(plan.decided_again),
                    "steps": dict(list(plan.why.items())[:TOLD_STEPS]),
                },
                execution_id=execution_id,
                workflow_id=version.workflow_id,
                name=planned.program.definition.name,
                revision=version.revision,
                digest=version.stored_digest,
                input_data=planned.input,
                owner=wish.owner or row.owner,
                priority=row.priority,
                tags=list(row.tags),
                timeout_at=deadline(planned.program.definition),
            )
            run = dispatch_of(forked, version.document, planned.parcel, digest=version.digest)
        return run.going_on(planned.checkpoint), replace(planned.view, execution_id=execution_id)


def _changed_input(before: Any, changes: Any) -> Any:
    """Keys that are given replace those there were; where either is no mapping, it is replaced as a whole."""
    if changes is None:
        return before
    if isinstance(before, Mapping) and isinstance(changes, Mapping):
        return {**before, **changes}
    return changes
