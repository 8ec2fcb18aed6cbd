"""How long a step will take: learned from its past runs once there are some, else what was given.

Durations are compared by their logarithms. What lies further from the median than four deviations (by the median
of absolute deviations, as Rousseeuw and Croux 1993 have it) counts as if it lay there, so that one hung run does not
make the P90.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

import numpy as np

GUESS_SPREAD = 1.5
"""P90 / P50 of what somebody gave."""
_DEVIATIONS = 4.0
_MAD = 1.4826
"""From the median of absolute deviations to the standard deviation, for the normal distribution."""
_LEAST_DEVIATION = 0.05
"""Of logarithms: durations that differ by no more than that are never far out."""
_SHORTEST = 0.001


class Source(StrEnum):
    """What an estimate comes from."""

    STEP = "step"
    """Past runs of the same step in workflows of the same name."""
    AGENT = "agent"
    """Past runs of the same agent type with parameters of about the same size."""
    GIVEN = "given"
    """What the request said."""
    ASSUMED = "assumed"
    """Nobody said anything."""


LEARNED = (Source.STEP, Source.AGENT)


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long a step takes with the amounts as demanded, in seconds; learned from `runs` past ones."""

    p50: float
    p90: float
    source: Source
    runs: int = 0

    def as_json(self) -> dict[str, Any]:
        """For a plan that is kept."""
        return {**asdict(self), "source": self.source.value}

    @classmethod
    def of_json(cls, given: Mapping[str, Any]) -> Self:
        """As `as_json` gave it."""
        return cls(given["p50"], given["p90"], Source(given["source"]), given["runs"])


def guess(seconds: float, source: Source) -> Estimate:
    """What somebody said, or nobody: the spread is assumed."""
    return Estimate(seconds, seconds * GUESS_SPREAD, source)


def size_class(step: Mapping[str, Any]) -> int:
    """Of a step's parameters: how often the size of their JSON in bytes can be halved."""
    given = step.get("input", {})
    return len(json.dumps(given.get("parameters", given), ensure_ascii=False).encode()).bit_length()


def estimate(runs: Sequence[float], source: Source) -> Estimate:
    """Median and ninth decile of durations, none of them far out."""
    logs = np.log(np.maximum(np.asarray(runs, dtype=float), _SHORTEST))
    middle = float(np.median(logs))
    reach = _DEVIATIONS * max(_MAD * float(np.median(np.abs(logs - middle))), _LEAST_DEVIATION)
    p50, p90 = np.exp(np.quantile(np.clip(logs, middle - reach, middle + reach), (0.5, 0.9)))
    return Estimate(float(p50), float(p90), source, len(runs))


def with_estimates(document: Mapping[str, Any], estimates: Mapping[str, Estimate]) -> Mapping[str, Any]:
    """The definition with what was learned in place of what was given."""
    known = {step_id: each.p50 for step_id, each in estimates.items() if each.source in LEARNED}
    if not known:
        return document
    steps = [
        {**step, "estimated_duration": known[step["id"]]} if step["id"] in known else step for step in document["steps"]
    ]
    return {**document, "steps": steps}
