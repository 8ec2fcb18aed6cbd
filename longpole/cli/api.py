"""`longpole api`: the HTTP service alone."""

from __future__ import annotations

import asyncio

from longpole.cli.options import DataDir, Host, Port, settings_from


def api(host: Host = None, port: Port = None, data_dir: DataDir = None) -> None:
    """Run the API alone, e.g. in production; `longpole up` starts one by itself.

    It starts, and answers `/healthz`, also while Temporal or the database is down; `/readyz` says which. Finds Temporal
    as `longpole worker` does. Ctrl-C or SIGTERM answers open requests first; exit code 0 then.
    """
    from api.server import serve
    from engine.process_log import configure_process_log
    from longpole.connection import use_known_temporal
    from longpole.ready_pipe import announce

    settings = settings_from(data_dir, host=host, port=port)
    configure_process_log(settings)
    use_known_temporal(settings)
    asyncio.run(serve(settings, ready=lambda url, bound: announce(url=url, port=bound)))
