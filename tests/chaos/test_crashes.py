"""Workers and servers that end in the middle of runs: what has completed is never done again, and runs complete.

`benchmarks/crashes.py` does the same twenty times each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.crash_round import crash_round, moments
from tests.chaos.lane import FAULTS, open_lane
from tests.chaos.mixed_graph import SHORTEST

ROUNDS = 1


@pytest.mark.long
async def test_runs_survive_whatever_ends_in_the_middle_of_them(tmp_path: Path) -> None:
    async with open_lane(tmp_path) as lane:
        for fault in FAULTS:
            for number, moment in enumerate(moments(fault, ROUNDS, seed=7, length=SHORTEST)):
                found = await crash_round(lane, fault, moment, f"{fault}{number}")
                assert not found.wrong, f"{fault} after {moment:.3f} s: {found.wrong}"
