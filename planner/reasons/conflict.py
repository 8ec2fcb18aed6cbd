"""An irreducible set of limits that leave no plan.

Junker, "QuickXplain: preferred explanations and relaxations for over-constrained problems", 2004: what comes first in
the given order is kept rather than what comes later.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from planner.reasons.constraints import Constraint

Possible = Callable[[frozenset[Constraint]], bool | None]
"""Whether some limits together leave a plan; None: not known."""


class Conflict:
    """Finds irreducible sets. What is not known counts as possible: sets found are always proven to conflict."""

    def __init__(self, possible: Possible) -> None:
        self._possible = possible
        self._known: dict[frozenset[Constraint], bool | None] = {}

    def within(self, candidates: Sequence[Constraint]) -> list[Constraint]:
        """Of limits that conflict, some that conflict and of which, as far as is known, none can be left out."""
        return self._explain((), False, list(candidates))

    def possible(self, limits: Collection[Constraint]) -> bool | None:
        """Whether some limits together leave a plan; asked once."""
        key = frozenset(limits)
        if key not in self._known:
            self._known[key] = self._possible(key)
        return self._known[key]

    def _explain(
        self, background: tuple[Constraint, ...], grown: bool, candidates: list[Constraint]
    ) -> list[Constraint]:
        if grown and self.possible(background) is False:
            return []
        if len(candidates) == 1:
            return candidates
        half = len(candidates) // 2
        first, second = candidates[:half], candidates[half:]
        later = self._explain((*background, *first), True, second)
        earlier = self._explain((*background, *later), bool(later), first)
        return earlier + later
