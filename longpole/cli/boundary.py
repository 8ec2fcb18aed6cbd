"""The one place where errors become messages and exit codes. No traceback is ever shown."""

from __future__ import annotations

import os
import signal
import tempfile
import traceback
import uuid
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import typer
from rich.text import Text
from typer.core import TyperGroup
from typer.exceptions import TyperException

from definitions.errors import LongpoleError, ProblemsError
from longpole.cli import exit_codes
from longpole.cli.console import err

_ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class StopRequested(KeyboardInterrupt):
    """A signal that asks us to end, treated like Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class Boundary(TyperGroup):
    """The command group whose commands may raise anything."""

    error_log: Path | None = None
    """Where the traceback of an unexpected error goes; known once the settings are."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; turn what it raises into a message and an exit code."""
        for number in _ENDING_SIGNALS:
            signal.signal(number, _request_stop)
        try:
            return super().invoke(ctx)
        except LongpoleError as error:
            show_error(error)
            raise typer.Exit(exit_codes.of_error(error)) from None
        except StopRequested as stop:
            raise typer.Exit(128 + stop.number) from None
        except KeyboardInterrupt:
            raise typer.Exit(exit_codes.INTERRUPTED) from None
        except BrokenPipeError:
            # Whoever read our output has seen enough; Python must not complain when it flushes it at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            raise typer.Exit(exit_codes.COMPLETED) from None
        except (typer.Exit, typer.Abort, TyperException):
            raise
        except Exception as error:  # noqa: BLE001 - the last place where it can be told
            _show_unexpected(error)
            raise typer.Exit(exit_codes.INTERNAL) from None


def show_error(error: LongpoleError) -> None:
    """What is wrong, and what to do about it."""
    if isinstance(error, ProblemsError):
        head, *_ = error.message.splitlines()
        err.print(Text.assemble(("error: ", "bold red"), head))
        for problem in error.problems:
            err.print(Text.assemble("  ", (problem.path or "(document)", "bold"), f": {problem.message}"))
            if problem.remedy:
                err.print(Text(f"      {problem.remedy}", style="dim"))
        return
    err.print(Text.assemble(("error: ", "bold red"), error.message))
    if error.remedy:
        err.print(Text(f"  {error.remedy}", style="dim"))


def log_errors_to(data_dir: Path) -> None:
    """Tracebacks of unexpected errors go to the logs of this data directory."""
    Boundary.error_log = data_dir / "logs" / "errors.log"


def _request_stop(number: int, _frame: FrameType | None) -> None:
    raise StopRequested(number)


def _show_unexpected(error: Exception) -> None:
    error_id = uuid.uuid4().hex[:12]
    path = Boundary.error_log or Path(tempfile.gettempdir()) / "longpole-errors.log"
    text = f"{datetime.now(UTC).isoformat()} error {error_id}\n{''.join(traceback.format_exception(error))}\n"
    where = f"the details are in {path}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as log:
            log.write(text)
    except OSError as problem:
        where = f"the details could not be written to {path}: {problem.strerror}"
    summary = " ".join(str(error).split())[:200]
    told = f"unexpected {type(error).__name__}: {summary} (error id {error_id}; {where})"
    err.print(Text.assemble(("error: ", "bold red"), told))
