"""The processes below one: what each has used, and whose child it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import psutil

Key = tuple[int, float]
"""Id and time of birth: ids are used again."""


@dataclass(frozen=True, slots=True)
class Process:
    """`cpu`: seconds, with those of children that it has waited for; `resident`: bytes; `line`: its id and those of the
    processes above it, up to the one that was asked about; `born`: Unix time."""

    cpu: float
    resident: int
    line: frozenset[int]
    born: float


def below(worker: psutil.Process) -> dict[Key, Process]:
    """The living processes that this process, `worker`, has started, and those that they have."""
    if not _has_children():
        return {}
    children = {child.pid: child for child in worker.children(recursive=True)}
    parents: dict[int, int] = {}
    for pid, child in children.items():
        with suppress(psutil.Error):  # it has just ended
            parents[pid] = child.ppid()
    found: dict[Key, Process] = {}
    for pid, child in children.items():
        with suppress(psutil.Error), child.oneshot():
            born = child.create_time()
            found[pid, born] = Process(sum(child.cpu_times()[:4]), child.memory_info().rss, _line(pid, parents), born)
    return found


def waited_for() -> float:
    """CPU seconds of processes that are over and that this one has waited for."""
    times = os.times()
    return times.children_user + times.children_system


def _line(pid: int, parents: Mapping[int, int]) -> frozenset[int]:
    line: set[int] = set()
    while pid in parents and pid not in line:
        line.add(pid)
        pid = parents[pid]
    return frozenset(line)


def _has_children() -> bool:
    """False only where it is sure: to look for them takes as long as there are processes on the machine."""
    wait = getattr(os, "waitid", None)
    if wait is None:
        return True
    try:
        wait(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True
