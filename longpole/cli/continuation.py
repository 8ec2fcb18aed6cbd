"""What a run that goes on from what is done does again, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from engine.views import Continuation

_NAMED = 20


def show_continuation(console: Console, continuation: Continuation) -> None:
    """A line each for the steps that are reused, run again, and are decided again; none where there are none."""
    for label, steps in (
        ("reused", continuation.reused),
        ("run again", continuation.run_again),
        ("decided again", continuation.decided_again),
    ):
        if steps:
            # Never cut or folded: people copy ids from here.
            console.print(Text.assemble("  ", (label.ljust(15), "dim"), named_steps(steps)), soft_wrap=True)


def named_steps(steps: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = f" and {len(steps) - _NAMED} more" if len(steps) > _NAMED else ""
    return ", ".join(steps[:_NAMED]) + more
