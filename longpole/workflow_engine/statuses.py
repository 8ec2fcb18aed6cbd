"""The document's words for the status of a run, and what they mean in the core's."""

from __future__ import annotations

from typing import get_args

from definitions.calls import RunStatus
from definitions.errors import LongpoleError
from definitions.nearest import did_you_mean

_WORDS: dict[str, tuple[RunStatus, ...]] = {
    "pending": ("scheduled", "pending"),
    "running": ("running", "paused", "cancelling"),
    "completed": ("completed",),
    "failed": ("failed", "timed_out"),
    "cancelled": ("cancelled",),
}
_WORD_OF: dict[str, str] = {core: word for word, cores in _WORDS.items() for core in cores}
assert _WORD_OF.keys() == set(get_args(RunStatus))  # noqa: S101

RUNNING = _WORDS["running"]


def status_word(core: str) -> str:
    """The document's word for a core status."""
    return _WORD_OF[core]


def core_statuses(word: str) -> tuple[RunStatus, ...]:
    """The core statuses behind a word. Raises `LongpoleError` (`status_unknown`)."""
    if not isinstance(word, str) or word not in _WORDS:
        known = ", ".join(_WORDS)
        raise LongpoleError(
            f"`{str(word)[:80]}` is no status of an instance",
            code="status_unknown",
            remedy=did_you_mean(str(word), _WORDS) or f"use one of {known}",
        )
    return _WORDS[word]
