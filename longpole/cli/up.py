"""`longpole up`: everything that is not there yet, in one terminal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from definitions.errors import LongpoleError
from longpole.cli.console import err, out, say
from longpole.cli.log_lines import LogLines
from longpole.cli.options import DataDir, Host, Port, data_dir_hint, settings_from
from longpole.cli.program import program

if TYPE_CHECKING:
    from engine.settings import Settings
    from longpole.service import Service

_POLL_SECONDS = 0.2
_TOKEN_SECONDS = 3600.0


def up(
    host: Host = None,
    port: Port = None,
    data_dir: DataDir = None,
    temporal_port: Annotated[
        int | None,
        typer.Option("--temporal-port", min=0, max=65535, help="Port of the embedded Temporal (default: 7233)."),
    ] = None,
    ui_port: Annotated[
        int | None, typer.Option("--ui-port", min=0, max=65535, help="Port of its web UI (default: 8233).")
    ] = None,
) -> None:
    """Start what is not there yet (Temporal, a worker, the API) and keep it running until Ctrl-C.

    With `TEMPORAL_ADDRESS` set, that Temporal is used and none is started. What dies is started again. Ctrl-C, SIGTERM
    and SIGHUP stop everything in order: API, worker (running steps may end), Temporal; exit code 0 then.
    """
    from longpole.service import service_for_up

    settings = settings_from(data_dir, host=host, port=port, temporal_port=temporal_port, temporal_ui_port=ui_port)
    with service_for_up(settings, say) as service:
        try:
            _show(service, settings)
            _follow(service)
        except KeyboardInterrupt:
            say("stopping: API, worker (running steps may end), Temporal; once more to stop without waiting")
    say("stopped")


def _show(service: Service, settings: Settings) -> None:
    info = service.info
    table = Table.grid(padding=(0, 2))
    table.add_row("Temporal", Text(info.temporal.description))
    table.add_row("web UI", Text(info.temporal.ui_url or "not known (LONGPOLE_TEMPORAL_UI_URL can tell)"))
    table.add_row("API", Text(f"{info.api_url}  (/healthz, /readyz)"))
    table.add_row("data", Text(str(settings.data_dir)))
    table.add_row("logs", Text(str(settings.data_dir / "logs")))
    out.print(Text("Longpole is up", style="bold green"))
    out.print(Padding(table, (0, 0, 0, 2), expand=False))
    hint = data_dir_hint(settings)
    command = f"{program()} run FILE --input key=value{hint}"
    if info.api_url is not None:
        _show_curl(settings, info.api_url, f"{program()} token --sub NAME{hint}")
    out.print(Text.assemble("next: ", (command, "bold"), "; Ctrl-C stops everything"))


def _show_curl(settings: Settings, api_url: str, token_command: str) -> None:
    """A call of the API that can be pasted, with a token of the same owner as what the command line runs."""
    from engine.access.identity import LOCAL
    from engine.access.tokens import Tokens

    address = f"{api_url}/readyz"
    try:
        token = Tokens(settings).issue(LOCAL, seconds=_TOKEN_SECONDS)
    except LongpoleError as error:
        # What identity provider there is knows who may call; without a token this still shows whether it answers.
        out.print(Text.assemble("try the API: ", (f"curl {address}", "bold"), f"; {error.remedy or error.message}"))
        return
    out.print(Text.assemble("try the API: ", (f"curl -H 'Authorization: Bearer {token}' {address}", "bold")))
    out.print(Text(f"that token is {LOCAL}'s for an hour; another one: {token_command}", style="dim"))


def _follow(service: Service) -> None:
    """Show what the processes log, until somebody wants us to stop."""
    tails = [LogLines(name, path) for name, path in service.logs.items()]
    while True:
        for tail in tails:
            for line in tail.read():
                err.print(line, no_wrap=True, overflow="ellipsis", soft_wrap=False)
        time.sleep(_POLL_SECONDS)
