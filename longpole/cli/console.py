"""What the commands write to: results on standard output, everything about the way there on standard error."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import Any

from rich.console import Console
from rich.text import Text

out = Console(highlight=False, soft_wrap=True)
"""Standard output: what a command was asked for."""
err = Console(stderr=True, highlight=False, soft_wrap=True)
"""Standard error: progress, warnings, errors."""


def say(line: str) -> None:
    """One line about what is going on. A terminal that is gone is no reason to stop."""
    with contextlib.suppress(OSError):
        err.print(Text(line, style="dim"))


def print_json(value: Any) -> None:
    """One JSON value on standard output."""
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False, default=str)
    sys.stdout.write("\n")
