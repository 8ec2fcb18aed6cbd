"""The same nothing as `benchmarks.by_hand.no_op`, as a handler."""

from __future__ import annotations

from typing import Any


async def no_op(given: dict[str, Any]) -> dict[str, int]:
    """Nothing, as small as a step can be."""
    return {"n": given["n"]}
