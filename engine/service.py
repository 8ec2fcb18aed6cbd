"""The worker role: one process that runs workflows and steps, and keeps relay and reconciler going."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from activities.attempt import StepActivities, StepSettings
from activities.cancellation import request_cancel
from activities.children import ChildActivities
from activities.cleaning import CleaningActivities
from activities.launching import LaunchActivities
from activities.lists import ListActivities
from activities.masking import Masker
from activities.offloading import OffloadActivities
from activities.outcome import OutcomeWriter
from activities.recording import Recorder
from activities.run_events import RunEventActivities
from activities.step_outcomes import StepOutcomeActivities
from engine.blob_collection import claim_blobs
from engine.core import Engine, open_engine
from engine.large_runs import client_for_large_runs
from engine.settings import Settings
from engine.upkeep import upkeep
from engine.webhooks.worker import delivering
from engine.worker import create_worker

WATCHING_OF = 4
"""One in so many slots for steps may be held by who waits for the end of a run that is a step."""
BUSY_SECONDS = 0.5
"""A worker is busy for so long after a step began or ended."""
RECORDS_SECONDS = 10.0
"""How long a worker that stops takes to write what it still has to record; the outcome of each run is safe anyway."""


async def run_worker(
    settings: Settings, *, temporal_address: str | None, stop: asyncio.Event, ready: Callable[[], None]
) -> None:
    """Work until `stop` is set, then let steps end for `settings.grace_seconds`. `ready` is called once it polls.

    Raises what `open_engine` raises, and what the SDK's worker gives up on; a Temporal that is away, or without its
    namespace, it waits for.
    """
    async with open_engine(settings, temporal_address=temporal_address) as engine, working(engine) as failed:
        ready()
        stopping = asyncio.ensure_future(stop.wait())
        stopping.add_done_callback(lambda _: failed.cancel())
        try:
            raise await failed
        except asyncio.CancelledError:
            if not stop.is_set():
                raise
        finally:
            stopping.cancel()


@asynccontextmanager
async def working(engine: Engine) -> AsyncIterator[asyncio.Future[BaseException]]:
    """A worker as long as the block lasts. The future gets what made the worker give up, if anything does."""
    settings = engine.settings
    await claim_blobs(engine)
    masker = Masker()
    recorder = Recorder(engine.database)
    steps = StepActivities(
        engine.registry, recorder, engine.blobs, masker, StepSettings(settings.data_dir, worker=engine.client.identity)
    )
    outcomes = OutcomeWriter(recorder, masker)
    events = RunEventActivities(recorder, masker)
    offloading = OffloadActivities(engine.blobs)
    children = ChildActivities(
        engine.database,
        engine.blobs,
        max_history_events=settings.max_history_events,
        most_watched=settings.max_concurrent_steps // WATCHING_OF,
    )
    launching = LaunchActivities(engine.database, engine.executions.bring)
    lists = ListActivities(engine.blobs)
    failed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

    def ended(running: asyncio.Task[None]) -> None:
        error = None if running.cancelled() else running.exception()
        if error is not None and not failed.done():
            failed.set_result(error)

    def busy() -> bool:
        return time.monotonic() - steps.last_turn < BUSY_SECONDS

    worker = create_worker(
        client_for_large_runs(engine.client, engine.blobs),
        settings,
        [
            steps.run_step,
            events.record_events,
            StepOutcomeActivities(outcomes).record_steps,
            offloading.offload_outputs,
            offloading.store_checkpoint,
            request_cancel,
            children.prepare_child,
            children.follow_child,
            launching.launch,
            launching.follow_launched,
            lists.read_items,
            lists.store_list,
            CleaningActivities(engine.database, settings.data_dir).clean_up,
        ],
        submit_outcome=outcomes.submit,
    )
    # Not `async with worker`: that tells of a fatal error by cancelling whatever this task is doing.
    running = asyncio.create_task(worker.run())
    running.add_done_callback(ended)
    try:
        async with (
            delivering(engine, busy) as deliveries,
            upkeep(engine, outcomes, busy),
        ):
            deliveries.add_done_callback(ended)
            yield failed
    finally:
        stopping = asyncio.get_running_loop().call_later(settings.grace_seconds, steps.stop_local)
        await worker.shutdown()
        await asyncio.wait([running])
        stopping.cancel()
        await asyncio.to_thread(steps.close)
        await asyncio.to_thread(outcomes.close, RECORDS_SECONDS)
        await asyncio.to_thread(recorder.close, RECORDS_SECONDS)
