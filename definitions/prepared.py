"""Runs made ready before the workflow's first line: what takes longer than a workflow task may compute.

Whoever hands a large run's input to a workflow (`engine.large_runs`) leaves here what was made of it, and gives the
workflow a token to take it with.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeVar

from definitions.errors import LongpoleError

T = TypeVar("T")

MOST_WAITING = 200
"""More than a worker begins at once: what was never taken must not stay for ever."""


class Prepared(Generic[T]):
    """Things by token, each to be taken once; threads may share it."""

    def __init__(self, most: int = MOST_WAITING) -> None:
        self._most = most
        self._waiting: OrderedDict[str, T | LongpoleError] = OrderedDict()
        self._lock = Lock()

    def leave(self, thing: T | LongpoleError) -> str:
        """Leave what was made, or why it can't be; returns its token."""
        token = uuid.uuid4().hex
        with self._lock:
            self._waiting[token] = thing
            while len(self._waiting) > self._most:
                self._waiting.popitem(last=False)
        return token

    def take(self, token: str) -> T:
        """What was left. Raises the error that was left instead, and `RuntimeError` when it is not there any more."""
        with self._lock:
            thing = self._waiting.pop(token, None)
        if thing is None:
            raise RuntimeError("what was made ready for this run is gone: too many runs began at once")
        if isinstance(thing, LongpoleError):
            raise thing
        return thing
