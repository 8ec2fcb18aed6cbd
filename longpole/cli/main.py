"""The application: every command under its name."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import NoReturn

import typer

from longpole.cli.api import api
from longpole.cli.apikey import apikey
from longpole.cli.blobs import blobs
from longpole.cli.boundary import Boundary
from longpole.cli.change import change
from longpole.cli.control import cancel, pause, resume
from longpole.cli.doctor import doctor
from longpole.cli.explain import explain
from longpole.cli.import_wfformat import import_wfformat
from longpole.cli.listing import list_runs
from longpole.cli.logs import logs
from longpole.cli.mock import mock
from longpole.cli.plan import plan
from longpole.cli.rerun import rerun
from longpole.cli.run import run
from longpole.cli.schedules import schedules
from longpole.cli.show import show
from longpole.cli.steering import approvals, approve, reject, send
from longpole.cli.store import store
from longpole.cli.token import token
from longpole.cli.up import up
from longpole.cli.validate import validate
from longpole.cli.version import version
from longpole.cli.worker import worker

app = typer.Typer(
    name="longpole",
    cls=Boundary,
    help="Durable workflows: store a definition, run it on Temporal, see what each step did.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

_RUNS = "Runs"
_SERVICE = "Service"
_DEFINITIONS = "Definitions"
_ACCESS = "Access"

app.command("run", rich_help_panel=_RUNS)(run)
app.command("list", rich_help_panel=_RUNS)(list_runs)
app.command("show", rich_help_panel=_RUNS)(show)
app.command("logs", rich_help_panel=_RUNS)(logs)
app.command("explain", rich_help_panel=_RUNS)(explain)
app.command("pause", rich_help_panel=_RUNS)(pause)
app.command("resume", rich_help_panel=_RUNS)(resume)
app.command("change", rich_help_panel=_RUNS)(change)
app.command("rerun", rich_help_panel=_RUNS)(rerun)
app.command("cancel", rich_help_panel=_RUNS)(cancel)
app.command("send", rich_help_panel=_RUNS)(send)
app.command("approvals", rich_help_panel=_RUNS)(approvals)
app.command("approve", rich_help_panel=_RUNS)(approve)
app.command("reject", rich_help_panel=_RUNS)(reject)
app.add_typer(schedules, name="schedules", rich_help_panel=_RUNS)
app.command("validate", rich_help_panel=_DEFINITIONS)(validate)
app.command("store", rich_help_panel=_DEFINITIONS)(store)
app.command("mock", rich_help_panel=_DEFINITIONS)(mock)
app.command("plan", rich_help_panel=_DEFINITIONS)(plan)
app.command("import-wfformat", rich_help_panel=_DEFINITIONS)(import_wfformat)
app.command("token", rich_help_panel=_ACCESS)(token)
app.add_typer(apikey, name="apikey", rich_help_panel=_ACCESS)
app.add_typer(blobs, name="blobs", rich_help_panel=_SERVICE)
app.command("up", rich_help_panel=_SERVICE)(up)
app.command("worker", rich_help_panel=_SERVICE)(worker)
app.command("api", rich_help_panel=_SERVICE)(api)
app.command("doctor", rich_help_panel=_SERVICE)(doctor)
app.command("version", rich_help_panel=_SERVICE)(version)


def main() -> NoReturn:
    """The entry point of the `longpole` command."""
    try:
        app(prog_name="longpole")
        code = 0
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    # No tidy interpreter shutdown: the SDK's threads may crash in it (https://github.com/temporalio/sdk-python/issues/300),
    # on a busy machine one time in seven, and the exit code would tell of that and not of the run.
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(code)
