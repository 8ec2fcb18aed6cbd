"""What handlers wrote into an effect ledger (`tests/handlers/ledger.py`)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Effect:
    """One entry."""

    execution: str
    step: str
    key: str
    attempt: int
    pid: int
    at: float
    """Unix time."""
    what: Literal["start", "end", "fail"]


def read_effects(ledger: Path) -> list[Effect]:
    """All entries, in the order in which they were written."""
    if not ledger.exists():
        return []
    return [Effect(**json.loads(line)) for line in ledger.read_text().splitlines()]


def starts(ledger: Path, step: str | None = None) -> list[Effect]:
    """The entries with which work began, of one step or of all."""
    return [effect for effect in read_effects(ledger) if effect.what == "start" and step in (None, effect.step)]
