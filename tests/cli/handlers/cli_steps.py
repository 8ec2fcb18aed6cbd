"""Handlers for the tests of the command line."""

from __future__ import annotations

from typing import Any

from longpole import step


def talk(_given: dict[str, Any]) -> None:
    """Logs on three levels."""
    step.log.debug("zeroth")
    step.log.info("first", rows=3)
    step.log.warning("second")
