"""Options that several commands share, and the settings they lead to."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.settings import Settings, load_settings
from longpole.cli.boundary import log_errors_to
from longpole.data_dir import make_data_dir

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar="LONGPOLE_DATA_DIR",
        help="Database, blobs, artifacts, logs and the embedded Temporal's data.",
        file_okay=False,
    ),
]
Host = Annotated[str | None, typer.Option("--host", help="Address the API listens on (default: 127.0.0.1).")]
Port = Annotated[
    int | None, typer.Option("--port", min=0, max=65535, help="Port of the API; 0: any free one (default: 8000).")
]
Run = Annotated[
    str, typer.Argument(metavar="RUN", help="A run: its id, the beginning of its id, or `last`.", show_default=False)
]
Subject = Annotated[str, typer.Option("--sub", help="Who it says that the caller is.", show_default=False)]
Roles = Annotated[
    list[str] | None, typer.Option("--role", help="A role; may be repeated. `admin` sees and steers everybody's.")
]
Teams = Annotated[list[str] | None, typer.Option("--team", help="A team; may be repeated.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value instead of text.")]


def data_dir_hint(settings: Settings) -> str:
    """What a command that is suggested needs beside its arguments, to find the same data directory."""
    return "" if load_settings().data_dir == settings.data_dir else f" --data-dir {shlex.quote(str(settings.data_dir))}"


def settings_from(data_dir: Path | None, **overrides: Any) -> Settings:
    """The settings of this call, with a data directory that can be written.

    Raises `SettingsInvalid`, `LongpoleError` (`data_dir_unusable`).
    """
    settings = load_settings(data_dir=data_dir, **overrides)
    make_data_dir(settings.data_dir)
    log_errors_to(settings.data_dir)
    return settings


def settings_for_looking(data_dir: Path | None) -> Settings:
    """The settings of a call that writes nothing. Raises `SettingsInvalid`."""
    return load_settings(data_dir=data_dir)
