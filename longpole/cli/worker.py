"""`longpole worker`: runs workflows and steps until it is told to stop."""

from __future__ import annotations

import asyncio
import signal

from longpole.cli.options import DataDir, settings_from

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def worker(data_dir: DataDir = None) -> None:
    """Run the worker alone, e.g. in production; `longpole up` starts one by itself.

    Connects to the Temporal that the SDK's environment configuration names (`TEMPORAL_ADDRESS`, namespace, TLS, API
    key), else to the service that runs on the data directory, else to localhost:7233. Ctrl-C or SIGTERM lets running
    steps end (`LONGPOLE_GRACE_SECONDS`); exit code 0 then.
    """
    import structlog

    from engine.garbage import spare_what_stays
    from engine.process_log import configure_process_log
    from engine.service import run_worker
    from longpole.connection import use_known_temporal
    from longpole.ready_pipe import announce

    settings = settings_from(data_dir)
    configure_process_log(settings)
    use_known_temporal(settings)
    log = structlog.get_logger("longpole.worker")

    def ready() -> None:
        spare_what_stays()
        log.info("worker ready", task_queue=settings.task_queue, data_dir=str(settings.data_dir))
        announce()

    async def work() -> None:
        stop = asyncio.Event()

        def on_signal() -> None:
            log.info("worker stopping; running steps may end", grace_seconds=settings.grace_seconds)
            stop.set()

        for number in STOP_SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, on_signal)
        await run_worker(settings, temporal_address=None, stop=stop, ready=ready)
        log.info("worker stopped")

    asyncio.run(work())
