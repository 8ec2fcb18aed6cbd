"""Handlers whose only effect is an entry in a ledger: what really happened, whatever anybody believes.

Input: `ledger` (the file), `seconds` (how long the work takes), `fails` (how many attempts fail, default none).
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any, Literal

from longpole import step


async def work(given: dict[str, Any]) -> dict[str, int]:
    """Works for `seconds`."""
    _enter(given, "start")
    await asyncio.sleep(given["seconds"])
    return _end(given)


def plain_work(given: dict[str, Any]) -> dict[str, int]:
    """The same in a thread, which nothing can interrupt."""
    _enter(given, "start")
    time.sleep(given["seconds"])
    return _end(given)


async def work_until(given: dict[str, Any]) -> dict[str, int]:
    """Works until the file `until` is there."""
    _enter(given, "start")
    while not Path(given["until"]).exists():
        await asyncio.sleep(0.05)
    return _end(given)


def _end(given: dict[str, Any]) -> dict[str, int]:
    if step.attempt <= given.get("fails", 0):
        _enter(given, "fail")
        raise RuntimeError(f"attempt {step.attempt} fails as asked")
    _enter(given, "end")
    return {"pid": os.getpid()}


def _enter(given: dict[str, Any], what: Literal["start", "end", "fail"]) -> None:
    """One write in append mode: entries of several processes never mix, and none is lost with its process."""
    entry = {
        "execution": step.execution_id,
        "step": step.step_id,
        "key": step.idempotency_key,
        "attempt": step.attempt,
        "pid": os.getpid(),
        "at": time.time(),
        "what": what,
    }
    descriptor = os.open(given["ledger"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, json.dumps(entry).encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def number(given: dict[str, Any]) -> int:
    """Returns `value`, and leaves no trace."""
    value: int = given["value"]
    return value
