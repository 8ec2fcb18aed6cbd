"""Handlers of `fan_out.yaml`: four parts counted side by side, added up at the end."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from longpole import InvalidInput, step

FARTHEST = 10_000_000
REPORT_EVERY = 5_000


def count(data: Mapping[str, Any]) -> dict[str, int]:
    """How many primes are in `{"start": first, "stop": one past the last}`. Returns both with `primes`."""
    start, stop = data["start"], data["stop"]
    if not 0 <= start <= stop <= FARTHEST:
        raise InvalidInput(f"`start` and `stop` must be 0 <= start <= stop <= {FARTHEST}, not {start} and {stop}")
    primes = 0
    for number in range(start, stop):
        if (number - start) % REPORT_EVERY == 0:
            step.raise_if_cancelled()
            step.progress((number - start) / (stop - start), f"{primes} found")
        primes += _is_prime(number)
    step.progress(1.0, f"{primes} found")
    step.usage(numbers_tested=stop - start)
    return {"start": start, "stop": stop, "primes": primes}


def _is_prime(number: int) -> bool:
    if number < 2 or number % 2 == 0:
        return number == 2
    return all(number % divisor for divisor in range(3, math.isqrt(number) + 1, 2))


def add_up(data: Mapping[str, Any]) -> dict[str, int]:
    """The total over `{"parts": [{"primes": number}, ...]}`."""
    return {"primes": sum(part["primes"] for part in data["parts"])}
