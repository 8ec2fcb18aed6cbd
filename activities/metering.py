"""What attempts use of the worker's machine: CPU time and memory, looked at once a second while any takes that long.

The threads and processes of a worker are looked at all at once, by whichever heartbeat comes first: no attempt has a
sampler, and one that is over before its first heartbeat costs nothing but its entry in a table. What belongs to one
attempt is its own: the thread of a plain handler, processes that it names. What several may have used is shared
evenly among those that were running: the event loop of async handlers among these, threads of libraries, other
processes and the growth of the worker's memory among all. See docs/decisions/0015-what-steps-use.md.
"""

from __future__ import annotations

import time
from collections.abc import Collection

import psutil

from activities.child_processes import Key, Process, below, waited_for
from activities.handler_loop import Running
from activities.machine import machine_cores, machine_memory

_LOOK_SECONDS = 0.9
"""Heartbeats of attempts come each second, but not all at once."""
_SHORTEST_SECONDS = 0.25
"""CPU time is counted in hundredths of a second."""
_CLOCKS_DIFFER = 1.0
"""Seconds by which a process may seem to be older than the attempt that has started it."""
_BEGINNING_SECONDS = 0.1
"""So old the memory of the worker may be that an attempt is said to begin with."""
_GB = 1e9


class Use:
    """What one attempt uses. `processes`: ids of those that its handler has named; there may come more."""

    def __init__(self, meter: Meter, processes: Collection[int]) -> None:
        self._meter = meter
        self.processes = processes
        self.running: Running | None = None
        self.began = self.born = 0.0
        """By the monotonic clock and by that of the machine."""
        self.resident = meter.expect()
        """The worker's memory at the last look, or before it began."""
        self.cpu = 0.0
        """Seconds."""
        self.grown = self.of_processes = 0.0
        """Its part of the growth of the worker's memory, below zero where it has given back what was there before; and
        that of processes. Bytes."""
        self.is_seen = False
        """There was a look since it began."""
        self._of_thread = 0.0
        self._looked_at = self._cpu_then = self._memory_seconds = 0.0
        self._cores = self._memory = self._peak_cores = self._peak_memory = 0.0

    def begin(self, running: Running) -> None:
        """Its handler runs from now on."""
        self.running = running
        self._meter.enter(self)

    def now(self) -> dict[str, float] | None:
        """What it uses now: see `_told`."""
        if self.running is None:
            return None
        self._meter.look()
        return self._told(self._cores, self._memory)

    def end(self) -> dict[str, float] | None:
        """What it has used on average: see `_told`. Its handler has ended, or is left behind."""
        if self.running is not None:
            self._meter.leave(self)
        seconds = self._looked_at - self.began
        return self._told(self._cpu_then / seconds, self._memory_seconds / seconds) if self.was_looked_at else None

    @property
    def was_looked_at(self) -> bool:
        """Whether anything is known of it."""
        return self._looked_at > self.began

    def _told(self, cores: float, memory: float) -> dict[str, float] | None:
        """`cpu_cores` and `memory_gb`, their peaks, and what the machine has. None: nothing is known."""
        if not self.was_looked_at:
            return None
        return {
            "cpu_cores": round(cores, 3),
            "memory_gb": round(memory / _GB, 4),
            "peak_cpu_cores": round(self._peak_cores, 3),
            "peak_memory_gb": round(self._peak_memory / _GB, 4),
            "machine_cores": round(machine_cores(), 2),
            "machine_memory_gb": round(machine_memory() / _GB, 2),
        }

    def settle(self, now: float) -> None:
        """After a look: how it is now, and at most."""
        seconds = now - max(self._looked_at, self.began)
        if seconds < _SHORTEST_SECONDS:
            return
        self._memory = max(0.0, self.grown) + self.of_processes
        self._cores, self._cpu_then = (self.cpu - self._cpu_then) / seconds, self.cpu
        self._peak_memory, self._peak_cores = max(self._peak_memory, self._memory), max(self._peak_cores, self._cores)
        self._memory_seconds += self._memory * seconds
        self._looked_at = now

    def count_thread(self, seconds: float) -> None:
        """What the thread that it has for itself has used in all."""
        if seconds > self._of_thread:
            self.cpu += seconds - self._of_thread
            self._of_thread = seconds


class Meter:
    """Of one worker; used on its event loop only."""

    def __init__(self) -> None:
        self._worker = psutil.Process()
        self._uses: dict[Use, None] = {}
        self._own: set[int] = set()
        """Threads that are no attempt's: those that were there before the first one, and those left behind."""
        self._looked_at = float("-inf")
        self._beginning, self._beginning_at = 0, float("-inf")
        """The worker's memory when an attempt began last, or not long before."""
        self._threads: dict[int, float] = {}
        self._processes: dict[Key, tuple[Process, list[Use]]] = {}
        self._waited = 0.0
        """CPU time of processes that are over and were waited for."""

    def expect(self) -> int:
        """An attempt is about to begin. Returns the worker's memory now, or a little before."""
        now = time.monotonic()
        if not self._own:
            self._own = {*self._thread_times()}
        if now - self._beginning_at > _BEGINNING_SECONDS:
            self._beginning, self._beginning_at = self._worker.memory_info().rss, now
        return self._beginning

    def enter(self, use: Use) -> None:
        """An attempt's handler runs from now on."""
        use.began, use.born = time.monotonic(), time.time()
        self._uses[use] = None

    def leave(self, use: Use) -> None:
        """Its handler has ended, or is left behind. A second time, nothing happens."""
        if use not in self._uses or use.running is None:
            return
        if use.was_looked_at:
            self.look(after=_SHORTEST_SECONDS)
        del self._uses[use]
        thread = _thread(use)
        if thread is not None and (use.running.shares or not use.running.ended.done()):
            self._own.add(thread)

    def look(self, after: float = _LOOK_SECONDS) -> None:
        """Sees what all attempts have used, unless that was done less than `after` seconds ago."""
        now = time.monotonic()
        if now - self._looked_at < after:
            return
        # What was used since the last look is nobody's here if nobody who was looked at then is still here.
        goes_on = any(use.is_seen for use in self._uses)
        self._see_threads(goes_on)
        self._see_processes(goes_on)
        self._see_memory()
        for use in self._uses:
            use.settle(now)
            use.is_seen = True
        self._looked_at = now

    def _thread_times(self) -> dict[int, float]:
        return {each.id: each.user_time + each.system_time for each in self._worker.threads()}

    def _see_threads(self, goes_on: bool) -> None:
        found = self._thread_times()
        users: dict[int | None, list[Use]] = {}
        for use in self._uses:
            users.setdefault(_thread(use), []).append(use)
        for thread, seconds in found.items():
            of = users.get(thread, [])
            if of and not _shares(of[0]):
                of[0].count_thread(seconds)
            elif goes_on and (of or thread not in self._own):
                _share(seconds - self._threads.get(thread, 0.0), of or list(self._uses))
        for use in self._uses:
            if use.running is not None:  # a thread that has ended is not found, but has said what it has used
                use.count_thread(use.running.seconds)
        self._threads = found

    def _see_processes(self, goes_on: bool) -> None:
        before, found = self._processes, below(self._worker)
        for use in self._uses:
            use.of_processes = 0.0
        self._processes = {}
        for key, process in found.items():
            owners = [use for use in self._uses if not process.line.isdisjoint(use.processes)]
            users = owners or [use for use in self._uses if use.born <= process.born + _CLOCKS_DIFFER]
            self._processes[key] = (process, users)
            _share(process.cpu - (before[key][0].cpu if key in before else 0.0), users)
            for use in users:
                use.of_processes += process.resident / len(users)
        waited = waited_for()
        ended = [each for key, each in before.items() if key not in found]
        if goes_on:
            rest = waited - self._waited - sum(process.cpu for process, _ in ended)
            users = list(dict.fromkeys(use for _, users in ended for use in users if use in self._uses))
            _share(rest, users or list(self._uses))
        self._waited = waited

    def _see_memory(self) -> None:
        resident = self._worker.memory_info().rss
        for use in self._uses:
            use.grown += (resident - use.resident) / len(self._uses)
            use.resident = resident


def _thread(use: Use) -> int | None:
    return use.running.thread if use.running is not None else None


def _shares(use: Use) -> bool:
    return use.running is not None and use.running.shares


def _share(seconds: float, users: Collection[Use]) -> None:
    if seconds > 0:
        for use in users:
            use.cpu += seconds / len(users)
