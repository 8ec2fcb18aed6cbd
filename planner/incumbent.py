"""The best plan so far. Searches propose; nothing is lost, and nothing worse is ever told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from math import inf

from planner.compiled import Compiled, Draft
from planner.evaluation import TOLERANCE
from planner.judge import Judge

_SAME = 1e-9


class Incumbent:
    """The best draft of a problem by one judge, and the best bound. Safe to use from several threads."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.draft: Draft | None = None
        self.value = inf
        self.bound = -inf
        self.method = "list"
        self.infeasible = False
        """A search has proven that no plan keeps every rule."""
        self.tell: Callable[[Incumbent], None] | None = None
        """Called with each better draft, by whoever found it."""
        self._lock = threading.Lock()

    @property
    def compiled(self) -> Compiled:
        """The problem."""
        return self.judge.compiled

    def propose(self, draft: Draft, method: str) -> bool:
        """Take a draft that keeps every rule but perhaps budgets and longest durations; whether it is better than what
        was there."""
        value = self.judge(draft)
        with self._lock:
            if value >= self.value - _SAME * max(abs(self.value), 1.0 if self.value == inf else 0.0) and self.draft:
                return False
            if not self.judge.admits(draft):
                return False
            self.draft, self.value, self.method = draft, value, method
            if self.tell is not None:
                self.tell(self)
        return True

    def prove(self, bound: float) -> None:
        """No plan has a lower value."""
        with self._lock:
            self.bound = max(self.bound, bound)

    def refute(self) -> None:
        """There is no plan; or, with one in hand, no better one."""
        with self._lock:
            if self.draft is None:
                self.infeasible = True
            else:
                self.bound = max(self.bound, self.value)

    def settle(self, value: float) -> None:
        """A search has ended with an optimum of about that value: nothing is better, but for its rounding."""
        with self._lock:
            if self.draft is not None and self.value <= value:
                self.bound = max(self.bound, self.value)

    @property
    def gap(self) -> float:
        """(value - bound) / value; infinite without a plan."""
        if self.draft is None:
            return inf
        distance = self.value - self.bound
        if distance <= TOLERANCE * max(abs(self.value), 1e-3):
            return 0.0
        return distance / abs(self.value) if self.value else inf

    def done(self, gap: float) -> bool:
        """Whether more search is of no use."""
        return self.infeasible or self.gap <= gap
