"""The worker: runs workflows and steps of one task queue.

Workflows and steps share one worker, so that the server can hand a step straight back to the worker that scheduled it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.worker import Interceptor, Worker, WorkflowInterceptorClassInput

from definitions.calls import SUBMIT_OUTCOME, OutcomePage
from engine.sandbox import sandbox
from engine.settings import Settings
from workflows.cleanup import CleanupWorkflow
from workflows.dag import DagWorkflow
from workflows.launcher import LauncherWorkflow

STICKY_TIMEOUT = timedelta(seconds=1)
"""How long a workflow task waits for the worker that has the run in its cache; the server's default of 10 s is how
long a run would stand still after that worker was killed."""
HEARTBEAT_THROTTLE = timedelta(seconds=1)
"""Heartbeats go out at least this often; cancellation reaches a step only with one."""
CACHED_WORKFLOWS = 1000
"""Open runs kept in memory; a run that is not is replayed from its history for every task."""
WORKFLOW_SLOTS = 100


class _OutcomeInterceptor(Interceptor):
    """Lets workflow code call one function of the worker's."""

    def __init__(self, submit: Callable[[Sequence[OutcomePage]], None]) -> None:
        self._submit = submit

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> None:  # noqa: A002 - the SDK's name
        input.unsafe_extern_functions[SUBMIT_OUTCOME] = self._submit


def create_worker(
    client: Client,
    settings: Settings,
    activities: Sequence[Callable[..., Any]],
    *,
    submit_outcome: Callable[[Sequence[OutcomePage]], None],
) -> Worker:
    """A worker for `settings.task_queue`, not started yet. `submit_outcome` is given the outcome of each run that ends
    here; it is called on the worker's event loop, or in a thread of its own, and must return at once."""
    return Worker(
        client,
        task_queue=settings.task_queue,
        workflows=[DagWorkflow, LauncherWorkflow, CleanupWorkflow],
        activities=activities,
        workflow_runner=sandbox(),
        interceptors=[_OutcomeInterceptor(submit_outcome)],
        max_cached_workflows=CACHED_WORKFLOWS,
        max_concurrent_workflow_tasks=WORKFLOW_SLOTS,
        max_concurrent_activities=settings.max_concurrent_steps,
        sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
        max_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
        default_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
        graceful_shutdown_timeout=timedelta(seconds=settings.grace_seconds),
    )
