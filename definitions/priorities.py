"""How urgent something is, in words."""

from __future__ import annotations

PRIORITIES = {"critical": 90, "high": 70, "normal": 50, "low": 20}
"""Of each word the core's number, the highest first."""
