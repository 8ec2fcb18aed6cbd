"""Modes that no schedule needs are left out before the search: fewer choices, stronger bounds.

Sprecher, Hartmann and Drexl, An exact algorithm for project scheduling with multiple modes, OR Spektrum 19 (1997).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from planner.makespan.instance import Instance, Numbers


@dataclass(frozen=True, slots=True)
class Reduced:
    """What is left of an instance; `kept[task][mode]` is the original's mode."""

    instance: Instance
    kept: tuple[Numbers, ...]

    def original_modes(self, modes: Sequence[int]) -> list[int]:
        """The numbers that the caller knows the modes by."""
        return [kept[mode] for kept, mode in zip(self.kept, modes, strict=True)]


def reduce_modes(instance: Instance) -> Reduced | None:
    """Without modes that can't be carried out, or are no shorter and no cheaper in anything than another; and without
    budgets that suffice whatever is chosen. None: some task has no mode left, so there is no schedule."""
    kept = [list(range(len(durations))) for durations in instance.durations]
    changed = True
    while changed:
        changed = False
        spare = _spare(instance, kept)
        if any(amount < 0 for amount in spare):
            return None
        for task, modes in enumerate(kept):
            left = [mode for mode in modes if _possible(instance, kept[task], spare, task, mode)]
            left = [mode for mode in left if not any(_better(instance, task, other, mode) for other in left)]
            if not left:
                return None
            changed = changed or len(left) < len(modes)
            kept[task] = left
    binding = [
        budget
        for budget, most in enumerate(instance.budgets)
        if sum(max(instance.consumptions[task][mode][budget] for mode in modes) for task, modes in enumerate(kept))
        > most
    ]
    if all(len(left) == len(modes) for left, modes in zip(kept, instance.durations, strict=True)) and len(
        binding
    ) == len(instance.budgets):
        return Reduced(instance, tuple(tuple(modes) for modes in kept))
    smaller = replace(
        instance,
        durations=tuple(tuple(instance.durations[task][mode] for mode in modes) for task, modes in enumerate(kept)),
        demands=tuple(tuple(instance.demands[task][mode] for mode in modes) for task, modes in enumerate(kept)),
        consumptions=tuple(
            tuple(tuple(instance.consumptions[task][mode][budget] for budget in binding) for mode in modes)
            for task, modes in enumerate(kept)
        )
        if binding
        else (),
        budgets=tuple(instance.budgets[budget] for budget in binding),
    )
    return Reduced(smaller, tuple(tuple(modes) for modes in kept))


def _spare(instance: Instance, kept: list[list[int]]) -> list[int]:
    """By budget: what is left when every task uses the least."""
    return [
        most - sum(min(instance.consumptions[task][mode][budget] for mode in modes) for task, modes in enumerate(kept))
        for budget, most in enumerate(instance.budgets)
    ]


def _possible(instance: Instance, modes: list[int], spare: list[int], task: int, mode: int) -> bool:
    held = zip(instance.demands[task][mode], instance.capacities, strict=True)
    if any(demand > capacity and instance.durations[task][mode] > 0 for demand, capacity in held):
        return False
    return all(
        instance.consumptions[task][mode][budget] - min(instance.consumptions[task][other][budget] for other in modes)
        <= amount
        for budget, amount in enumerate(spare)
    )


def _better(instance: Instance, task: int, one: int, other: int) -> bool:
    """Whether `one` makes `other` needless; of two alike, the first does."""
    ours, theirs = _figures(instance, task, one), _figures(instance, task, other)
    return one != other and all(a <= b for a, b in zip(ours, theirs, strict=True)) and (ours != theirs or one < other)


def _figures(instance: Instance, task: int, mode: int) -> list[int]:
    used = instance.consumptions[task][mode] if instance.budgets else ()
    return [instance.durations[task][mode], *instance.demands[task][mode], *used]
