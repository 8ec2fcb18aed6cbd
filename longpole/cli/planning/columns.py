"""How wide something may be printed."""

from __future__ import annotations

from rich.console import Console

_UNLIMITED = 2_000


def uncut(console: Console) -> Console:
    """The console itself where it is a terminal; one on the same file that cuts and wraps nothing where it is piped."""
    if console.is_terminal:
        return console
    return Console(file=console.file, width=_UNLIMITED, highlight=False, soft_wrap=True)
