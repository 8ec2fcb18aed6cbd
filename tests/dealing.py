"""The order of tests that several processes share: each begins with its part of what takes long, so that none is left
alone with it at the end."""

from __future__ import annotations

from itertools import chain, groupby

import pytest


def dealt(items: list[pytest.Item], hands: int) -> list[pytest.Item]:
    """The same tests for so many processes, of which the first gets the first part of the list, and so on. Those of one
    module stay together: they share what it sets up."""
    modules = [list(tests) for _, tests in groupby(items, lambda item: item.path)]
    long = [tests for tests in modules if any(item.get_closest_marker("long") for item in tests)]
    others = [tests for tests in modules if tests not in long]
    order: list[pytest.Item] = []
    for hand in range(hands):
        order += chain.from_iterable(long[hand::hands])
        while others and len(order) < len(items) * (hand + 1) // hands:
            order += others.pop(0)
    return order
