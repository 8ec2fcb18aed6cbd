"""A module that can't be imported until a file beside it says otherwise."""

from pathlib import Path

if not Path(__file__).with_name("broken_handlers.ok").exists():
    raise SystemExit("this module ends the process")


def mended(data: object) -> object:
    return data
