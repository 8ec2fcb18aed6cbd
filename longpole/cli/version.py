"""`longpole version`."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version

from longpole.cli.console import out


def longpole_version() -> str:
    """The installed release, or what a checkout that was never installed is called."""
    try:
        return installed_version("longpole")
    except PackageNotFoundError:
        return "(not installed)"


def version() -> None:
    """Print the version."""
    out.print(f"longpole {longpole_version()}")
