"""What the machine, or the container, of this process has."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import psutil

_GROUP = Path("/sys/fs/cgroup")


@cache
def machine_cores(group: Path = _GROUP) -> float:
    """Cores that this process may use, within the limit of its control group."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = float(len(affinity(0)) if affinity is not None else psutil.cpu_count() or 1)
    quota, _, period = _limit(group / "cpu.max").partition(" ")
    return min(cores, int(quota) / int(period)) if quota.isdigit() and period.isdigit() else cores


@cache
def machine_memory(group: Path = _GROUP) -> int:
    """Bytes of memory, within the limit of its control group."""
    total = int(psutil.virtual_memory().total)
    limit = _limit(group / "memory.max")
    return min(total, int(limit)) if limit.isdigit() else total


def _limit(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""  # no such system, or no limit
