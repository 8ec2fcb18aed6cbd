"""Which Temporal runs a database's instances: the service that serves the database, else one that this process starts.

There is one at a time for a database, whoever started it (`longpole up`, `longpole run`, this process or another one
with an engine). Whoever uses another's and sees it go away takes its place: the runs go on with the same data.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
from temporal_dev import describe_external

from definitions.errors import ServiceUnavailable
from engine.settings import Settings
from longpole.data_dir import make_data_dir
from longpole.service_files import ServiceFiles
from longpole.service_info import ServiceInfo, TemporalInfo, WorkerSettings
from longpole.supervisor import Supervisor
from longpole.temporal_child import TemporalChild

_log = structlog.get_logger()

_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Lease:
    """A Temporal that can be used until `gone` is set."""

    address: str
    embedded: bool
    """Longpole started it: the environment says nothing about it."""
    has_worker: bool
    """Whoever holds it runs the steps too."""
    gone: asyncio.Event


@asynccontextmanager
async def temporal_lease(settings: Settings, home: Path, address: str | None) -> AsyncIterator[Lease]:
    """A Temporal for as long as the block lasts: the one at `address`, else that of the service in `home`.

    Raises `Conflict` where that service has other settings, `ServiceUnavailable`, `LongpoleError`."""
    if address is not None:
        _log.info("using a Temporal that runs already", temporal=describe_external(address))
        yield Lease(address, embedded=False, has_worker=False, gone=asyncio.Event())
        return
    tenancy = _Tenancy(settings, home)
    entering = asyncio.create_task(asyncio.to_thread(tenancy.enter))
    try:
        info = await asyncio.shield(entering)
        gone = asyncio.Event()
        watching = asyncio.create_task(_watch(tenancy, info, gone))
        try:
            yield Lease(info.temporal.address, info.temporal.embedded, has_worker=not tenancy.holds, gone=gone)
        finally:
            watching.cancel()
    finally:
        tenancy.give_up()
        await asyncio.wait([entering])
        await asyncio.to_thread(tenancy.leave)


async def _watch(tenancy: _Tenancy, info: ServiceInfo, gone: asyncio.Event) -> None:
    while tenancy.is_there(info):  # noqa: ASYNC110 - another process ends it, which can only be looked at
        await asyncio.sleep(_POLL_SECONDS)
    gone.set()


class _Tenancy:
    """This process as holder or user of a service. `enter` and `leave` block."""

    def __init__(self, settings: Settings, home: Path) -> None:
        self._worker_settings = WorkerSettings.of(settings)
        self._settings = settings.model_copy(update={"data_dir": home})
        self._files: ServiceFiles | None = None
        self._supervisor = Supervisor(lambda line: _log.warning(line))
        self._given_up = threading.Event()
        self.holds = False

    def enter(self) -> ServiceInfo:
        """Use the service that there is, or become it; waits for one that starts or stops."""
        make_data_dir(self._settings.data_dir)
        files = self._files = ServiceFiles(self._settings.data_dir)
        while True:
            info = files.use()
            if info is not None:
                info.require_same(self._worker_settings, None)
                return info
            if files.hold():
                self.holds = True
                info = self._start()
                files.publish(info)
                return info
            if self._given_up.wait(_POLL_SECONDS):
                raise ServiceUnavailable("the engine was closed while it waited for another process's service")

    def _start(self) -> ServiceInfo:
        temporal = TemporalChild(self._settings, fixed_ports=False)
        binary = temporal.find(lambda line: _log.info(line))
        server = temporal.launch(binary)
        self._supervisor.watch(temporal)
        described = f"{server.address}, {binary.describe()}"
        return ServiceInfo(
            pid=os.getpid(),
            command="python",
            temporal=TemporalInfo(server.address, True, described, server.ui_url),
            api_url=None,
            worker=self._worker_settings,
        )

    def is_there(self, info: ServiceInfo) -> bool:
        """Whether the service can still be used."""
        return self.holds or (self._files is not None and self._files.running() == info)

    def give_up(self) -> None:
        """Wait for nobody any more."""
        self._given_up.set()

    def leave(self) -> None:
        """As the holder, stop what was started."""
        if self._files is None:
            return
        if not self.holds:
            self._files.leave()
            return
        self._files.withdraw()
        try:
            self._supervisor.stop()
        finally:
            self._files.release()
