"""A server for tests and benchmarks: any free ports, and data that is gone afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from temporal_dev.locate import locate
from temporal_dev.server import DevServer


@contextmanager
def temporary_server(
    *,
    search_attributes: Mapping[str, str] | None = None,
    dynamic_config: Mapping[str, object] | None = None,
    ui: bool = False,
) -> Iterator[DevServer]:
    """A tuned server with a database file of its own. Blocks while starting and stopping; raises as its parts do."""
    with (
        tempfile.TemporaryDirectory(prefix="temporal-dev-") as directory,
        DevServer.start(
            locate(),
            data_dir=Path(directory),
            port=0,
            ui_port=0,
            search_attributes=search_attributes,
            dynamic_config=dynamic_config,
            ui=ui,
        ) as server,
    ):
        yield server
