"""Sorting places by a key in machine code. Heapsort (Williams, 1964): what numba brings takes far longer to compile."""

from __future__ import annotations

from typing import Any

from planner.machine_code import inner

Array = Any  # numpy arrays: numba reads their types itself


@inner
def sort(key: Array, order: Array, count: int) -> None:
    """Write 0 to `count` into `order`, by rising key; equal keys in no order."""
    for k in range(count):
        order[k] = k
    for round_number in range(count // 2 + count):
        if round_number < count // 2:
            root, last = count // 2 - 1 - round_number, count
        else:
            root, last = 0, count - 1 - (round_number - count // 2)
            order[0], order[last] = order[last], order[0]
        while 2 * root + 1 < last:
            child = 2 * root + 1
            if child + 1 < last and key[order[child + 1]] > key[order[child]]:
                child += 1
            if key[order[root]] >= key[order[child]]:
                break
            order[root], order[child] = order[child], order[root]
            root = child
