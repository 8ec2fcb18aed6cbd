"""Ending a run before its time."""

from __future__ import annotations

from dataclasses import dataclass

from definitions.messages import DEFAULT_GRACE_SECONDS
from engine.core import Engine


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
    """Raises as `Executions.cancel`."""
    await engine.executions.cancel(
        execution_id,
        reason=wish.reason,
        grace_seconds=wish.grace_seconds,
        save_partial_results=wish.save_partial_results,
    )
