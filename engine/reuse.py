"""What is said of steps that a rerun runs, and of those that it reuses."""

from __future__ import annotations

from dataclasses import replace

from store.continuing import LastAttempt

CHOSEN = "chosen"
DEFINITION_CHANGED = "definition changed"
INPUT_CHANGED = "input changed"
NO_OUTPUT = "has no output"
IN_PART = "a part of it runs"
DOWNSTREAM = "downstream of "
REUSED = "reused"
"""The reason of a step that counts as completed because the output of another run stands for it."""


def as_reused(attempt: LastAttempt) -> LastAttempt:
    """As the rerun has it: nothing of it ran there; when its output was made stays told."""
    return replace(attempt, attempt=0, starts=0, started_at=None, reason=attempt.reason or REUSED)
