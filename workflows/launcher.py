"""The launcher: what a Temporal Schedule starts each time that it is due, and what starts the run.

Temporal is told to start every launcher, whatever others do: which runs may overlap is decided by the launcher, from
the runs that are open. It waits for its turn in an activity that is tried again and again, which leaves nothing in its
history.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey

with workflow.unsafe.imports_passed_through():
    from definitions.launching import FOLLOW_LAUNCHED, LAUNCH, LAUNCHER_TYPE, LaunchCall, Launched

from workflows.timing import FOLLOW_RETRY, RECORD_TIMEOUT

_DUE = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")
"""Set by the server, without jitter."""


@workflow.defn(name=LAUNCHER_TYPE)
class LauncherWorkflow:
    """Starts one run of a schedule, or says why it does not."""

    @workflow.run
    async def run(self, asked: dict[str, Any]) -> Launched:
        """`asked`: `workflow_id`, and of a start that somebody asked for `due` and `execution_id`."""
        info = workflow.info()
        due = info.typed_search_attributes.get(_DUE)
        call = LaunchCall(
            workflow_id=asked["workflow_id"],
            due=asked["due"] if due is None else due.timestamp(),
            launched=info.start_time.timestamp(),
            launcher_id=info.workflow_id,
            launcher_run=info.run_id,
            execution_id=asked.get("execution_id", ""),
        )
        launched: Launched = await workflow.execute_activity(
            LAUNCH,
            asdict(call),
            activity_id="launch",
            start_to_close_timeout=RECORD_TIMEOUT,
            retry_policy=FOLLOW_RETRY,
            summary="starts the run when it is its turn",
        )
        if launched["follow"]:
            await workflow.execute_activity(
                FOLLOW_LAUNCHED,
                args=[call.workflow_id, launched["execution_id"]],
                activity_id="follow",
                start_to_close_timeout=RECORD_TIMEOUT,
                retry_policy=FOLLOW_RETRY,
                summary="pauses the schedule if the run fails",
            )
        return launched
