"""Reruns: the row of a run that begins with outputs of another, and the records of the steps that it begins with.

A step that is reused has attempt 0 (nothing of it ran in this run), no start, the output and artifacts of the run that
made it, and the moment at which that was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from definitions.ids import to_uuid
from definitions.values import pack, unpack
from store import events
from store.columns import now
from store.continuing import LastAttempt
from store.instances import create_instance
from store.locks import chunks, locked_runs
from store.records import EventRecord
from store.run_definitions import RunsDefinition, change_definition
from store.tables import INSTANCES, STEPS, WorkflowInstance

FORKED = "run.forked"


def fork(
    session: Session,
    *,
    forked_from: str,
    reused: Sequence[LastAttempt],
    execution_state: dict[str, Any],
    changed: RunsDefinition | None,
    data: Mapping[str, Any],
    **row: Any,
) -> WorkflowInstance:
    """The row of a new run with the records of what it reuses, and its event `run.forked`.

    `reused`: as they are to be recorded; `row`: as `create_instance` takes it; `changed`: the definition that it goes
    by in place of a stored revision. Raises what `create_instance` raises."""
    instance = create_instance(session, **row)
    origin = to_uuid(forked_from)
    session.execute(
        update(INSTANCES)
        .where(INSTANCES.c.id == instance.id)
        .values(forked_from=origin, execution_state=execution_state)
    )
    instance.forked_from, instance.execution_state = origin, execution_state
    for attempts in chunks(reused):
        session.execute(insert(STEPS), [_reused_row(instance, attempt) for attempt in attempts])
    execution_id = row["execution_id"]
    with locked_runs(session, [execution_id]) as runs:
        if changed is not None:
            change_definition(session, runs[execution_id], changed)
        events.append(session, [EventRecord(execution_id, FORKED, now(), data=dict(data), key="forked")], runs=runs)
    return instance


def _reused_row(instance: WorkflowInstance, attempt: LastAttempt) -> dict[str, Any]:
    output, slots = pack(unpack(attempt.output, attempt.slots or []))  # who read it may have put back what was out
    return {
        "id": uuid4(),
        "workflow_instance_id": instance.id,
        "step_id": attempt.step_id,
        "attempt_number": attempt.attempt,
        "max_attempts": 1,
        "status": "completed",
        "reason": attempt.reason,
        "output_data": output,
        "output_slots": slots or None,
        "context_data": attempt.context,
        "error_message": attempt.error_message,
        "error_class": attempt.error_class,
        "completed_at": attempt.completed_at,
        "start": 1,
        "will_retry": False,
        "usage": {},
        "artifacts": attempt.artifacts,
        "progress_label": "",
        "worker": "",
        "settled": True,
    }
