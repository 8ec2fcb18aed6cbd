"""The embedded Temporal as one part of the service: found, started on free ports or those asked for, restarted."""

from __future__ import annotations

from collections.abc import Callable

from temporal_dev import DevServer, DevServerError, PortInUse, ServerBinary, locate

from definitions.errors import ServiceUnavailable
from engine.settings import Settings
from workflows import attributes


class TemporalChild:
    """A Temporal server of our own, with its data in the data directory."""

    name = "Temporal server"

    def __init__(self, settings: Settings, *, fixed_ports: bool) -> None:
        """`fixed_ports`: a port in use is an error; otherwise any free one is taken instead."""
        self._settings = settings
        self._fixed_ports = fixed_ports
        self._server: DevServer | None = None
        self.log_path = settings.data_dir / "logs" / "temporal.log"

    def find(self, say: Callable[[str], None]) -> ServerBinary:
        """The program to start; to download or build it takes minutes, once. Raises `ServiceUnavailable`."""
        try:
            return locate(on_progress=say)
        except DevServerError as error:
            raise ServiceUnavailable(str(error)) from None

    def launch(self, binary: ServerBinary) -> DevServer:
        """Start it for the first time; returns once it answers. Raises `ServiceUnavailable`."""
        ports = (self._settings.temporal_port, self._settings.temporal_ui_port)
        try:
            try:
                self._server = self._start(binary, *ports)
            except PortInUse:
                if self._fixed_ports:
                    raise
                self._server = self._start(binary, 0, 0)
        except DevServerError as error:
            remedy = "--temporal-port and --ui-port choose others" if isinstance(error, PortInUse) else ""
            raise ServiceUnavailable(str(error), remedy=remedy) from None
        return self._server

    def _start(self, binary: ServerBinary, port: int, ui_port: int) -> DevServer:
        return DevServer.start(
            binary,
            data_dir=self._settings.data_dir / "temporal",
            port=port,
            ui_port=ui_port,
            search_attributes=attributes.TYPES,
            durability=self._settings.durability,
            log_path=self.log_path,
        )

    def start(self) -> None:
        """Start it again, on the same ports and data. Raises `ServiceUnavailable`."""
        assert self._server is not None  # noqa: S101 (launched before it is supervised)
        try:
            self._server.restart()
        except DevServerError as error:
            raise ServiceUnavailable(str(error)) from None

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._server is not None and self._server.running

    @property
    def exit_code(self) -> int | None:
        """128 + N for signal N; None while it runs."""
        return self._server.wait() if self._server is not None and not self._server.running else None

    def stop(self) -> None:
        """End it and wait until it has ended; may be repeated."""
        if self._server is not None:
            self._server.stop()
