"""Bringing a run to Temporal: the one way, used when a run is started and by the relay after a crash.

Starting the same execution again is a no-op: its id can be used once, and a run that is there is taken as it is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.common import (
    Priority,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError

from definitions.markdown import plain
from definitions.messages import WORKFLOW_TYPE, RunInput
from engine.temporal import answer
from workflows import attributes

WORKFLOW_TASK_SECONDS = 5.0
"""How long a run stands still whose worker is lost in the middle of a workflow task."""
WORKFLOW_TASK_SECONDS_PER_STEP = 0.02
"""A worker that takes over a run replays all of its history within one task; a step takes about 0.0016 s of that."""
MOST_WORKFLOW_TASK_SECONDS = 60.0
MAX_DESCRIPTION = 1000
MAX_ATTRIBUTE_BYTES = 2000
"""The server refuses a run with a search attribute of more than 2 KB."""


@dataclass(frozen=True)
class Dispatch:
    """What Temporal is told of a run."""

    execution_id: str
    workflow_id: str
    name: str
    version: str
    revision: int
    digest: str
    document: dict[str, Any]
    definition: dict[str, Any]
    """The document, or what stands for it (`definitions.by_reference`)."""
    input: Any
    slots: list[Any]
    owner: str
    priority: int
    tags: tuple[str, ...]
    continues: str = ""
    """The Temporal run that it goes on from (`engine.dispatch_again`)."""
    checkpoint: dict[str, Any] | None = None
    """What it goes on with."""


@dataclass(frozen=True)
class Told:
    """The same in Temporal's words."""

    run_input: dict[str, Any]
    task_timeout: timedelta
    memo: dict[str, Any]
    search_attributes: TypedSearchAttributes
    summary: str
    details: str
    priority_key: int


async def dispatch(client: Client, task_queue: str, run: Dispatch) -> str | None:
    """Start the run, or find that it is there. Returns Temporal's run id; None when the run has ended already.

    Raises `ServiceUnavailable` when the server can't be reached, and `temporalio.service.RPCError` when it refuses.
    """
    told = told_of(run)
    try:
        start = client.start_workflow(
            WORKFLOW_TYPE,
            told.run_input,
            id=run.execution_id,
            task_queue=task_queue,
            task_timeout=told.task_timeout,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            memo=told.memo,
            search_attributes=told.search_attributes,
            static_summary=told.summary,
            static_details=told.details,
            priority=Priority(priority_key=told.priority_key),
            request_eager_start=True,
        )
        handle = await answer(start)
    except WorkflowAlreadyStartedError:
        return None
    return handle.first_execution_run_id or handle.result_run_id


def told_of(run: Dispatch) -> Told:
    """What a start of the run says to Temporal."""
    pairs: list[SearchAttributePair[Any]] = [
        SearchAttributePair(attributes.DEFINITION, _clipped(run.name)),
        SearchAttributePair(attributes.VERSION, _clipped(run.version)),
        SearchAttributePair(attributes.OWNER, _clipped(run.owner)),
        SearchAttributePair(attributes.PRIORITY, run.priority),
        SearchAttributePair(attributes.PAUSED, False),
    ]
    if run.tags:
        pairs.append(SearchAttributePair(attributes.TAGS, _first_that_fit(run.tags)))
    run_input = RunInput(
        execution_id=run.execution_id,
        definition=run.definition,
        digest=run.digest,
        input=run.input,
        slots=run.slots,
        workflow_id=run.workflow_id,
        revision=run.revision,
        owner=run.owner,
        checkpoint=run.checkpoint,
    )
    return Told(
        run_input=vars(run_input),
        task_timeout=workflow_task_timeout(len(run.document["steps"])),
        memo={attributes.MEMO_DIGEST: run.digest, attributes.MEMO_REVISION: run.revision},
        search_attributes=TypedSearchAttributes(pairs),
        summary=f"{plain(run.name)} {plain(run.version)}",
        details=_details(run),
        priority_key=priority_key(run.priority),
    )


def _details(run: Dispatch) -> str:
    """What the run is, and how it can be steered from the Temporal web UI."""
    description = plain(str(run.document.get("description") or ""), MAX_DESCRIPTION)
    facts = [f"version {plain(run.version)} (revision {run.revision})", f"owner {plain(run.owner)}"]
    facts += [f"priority {run.priority}", *([f"tags {plain(', '.join(run.tags))}"] if run.tags else [])]
    steering = 'Signals: `pause`, `resume`, and `cancel` with `{"reason": "why"}` or no input.'
    return "\n\n".join(part for part in (description, " · ".join(facts), steering) if part)


def workflow_task_timeout(steps: int) -> timedelta:
    """How long a worker may take over one workflow task of a run with so many steps."""
    seconds = WORKFLOW_TASK_SECONDS + WORKFLOW_TASK_SECONDS_PER_STEP * steps
    return timedelta(seconds=min(seconds, MOST_WORKFLOW_TASK_SECONDS))


def priority_key(priority: int) -> int:
    """Temporal's priority, 1 (first) to 5, for 0 to 100 by fifths."""
    return 5 - min(priority, 99) // 20


def _clipped(text: str) -> str:
    """As much of it as a search attribute takes; the records have the whole."""
    while len(json.dumps(text)) > MAX_ATTRIBUTE_BYTES:
        text = text[: len(text) * 3 // 4]
    return text


def _first_that_fit(tags: tuple[str, ...]) -> list[str]:
    fitting: list[str] = []
    left = MAX_ATTRIBUTE_BYTES
    for tag in tags:
        left -= len(json.dumps(tag)) + 1
        if left < 0:
            break
        fitting.append(tag)
    return fitting
