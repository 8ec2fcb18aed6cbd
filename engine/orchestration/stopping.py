"""Ending a run before its time."""

from __future__ import annotations

from dataclasses import dataclass

from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError

from definitions.calls import Cleanup
from definitions.errors import ServiceUnavailable
from definitions.messages import CLEANUP_TYPE, DEFAULT_GRACE_SECONDS
from engine.core import Engine
from engine.temporal import answer


@dataclass(frozen=True)
class StopWish:
    """How a run is to end. `graceful`: running steps get a grace period; `save_partial_results`: outputs of completed
    steps become the run's output; `cleanup_resources`: what it leaves behind is removed once it is over."""

    reason: str = "stopped"
    graceful: bool = True
    cleanup_resources: bool = True
    save_partial_results: bool = True

    @property
    def grace_seconds(self) -> float:
        """How long running steps get to end by themselves."""
        return DEFAULT_GRACE_SECONDS if self.graceful else 0.0


async def stop(engine: Engine, execution_id: str, wish: StopWish) -> None:
    """Raises as `Executions.cancel`, and `ServiceUnavailable` where Temporal is not told what to clean up: asking again
    does no harm."""
    await engine.executions.cancel(
        execution_id,
        reason=wish.reason,
        grace_seconds=wish.grace_seconds,
        save_partial_results=wish.save_partial_results,
    )
    if wish.cleanup_resources:
        await _clean_up(engine, execution_id, Cleanup(execution_id, keep_artifacts=wish.save_partial_results))


async def _clean_up(engine: Engine, execution_id: str, cleanup: Cleanup) -> None:
    """By a workflow of its own, which waits for the end of the run. The first one that is asked for counts."""
    start = engine.client.start_workflow(
        CLEANUP_TYPE,
        vars(cleanup),
        id=f"{execution_id}-cleanup",
        task_queue=engine.settings.task_queue,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary=f"cleans up after {execution_id}",
    )
    try:
        await answer(engine.client, start)
    except RPCError as error:
        raise ServiceUnavailable(f"Temporal does not answer: {error.message}", remedy="try again") from error
