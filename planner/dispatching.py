"""Runs a plan many times over, in machine code: what starts when, if work takes longer or less long than planned.

Activities are in the order of their planned starts. At every moment at which something changes, those that have not
started are gone through in this order, and each starts that may:

* its predecessors have ended (and lags passed), and its own earliest moment has come;
* its pools have room now and, as far as calendars and reservations say, for as long as it is expected to take;
* before its planned start also: nothing that the plan starts earlier is still waiting for one of its pools. So work is
  never overtaken because something else was quick, but no pool stands idle for work that is late.

With durations as planned every activity so starts no later than planned. What runs goes on to its end, also into times
of lower capacity.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from planner.machine_code import compiled

Array = Any  # numpy arrays: numba reads their types itself
NEAR = 1e-6
"""Seconds and units that make no difference."""


class Work(NamedTuple):
    """Activities by rank; `first_*` say where the entries of each begin."""

    floor: Array
    """The moment before which it does not start, whatever else."""
    planned: Array
    """Planned start."""
    expected: Array
    """Planned duration."""
    first_before: Array
    before: Array
    lag: Array
    first_need: Array
    pool: Array
    amount: Array


class Room(NamedTuple):
    """What is free of each pool, from `moment[first[pool]]` on `free[first[pool]]`, and so on."""

    first: Array
    moment: Array
    free: Array


@compiled
def fits(
    work: Work, room: Room, now: float, activity: int, running: Array, count: int, start: Array, end: Array
) -> bool:
    """Whether an activity's pools have room from `now` for as long as it is expected to take."""
    until = now + work.expected[activity]
    for need in range(work.first_need[activity], work.first_need[activity + 1]):
        pool, amount = work.pool[need], work.amount[need]
        low, high = room.first[pool], room.first[pool + 1]
        step = low
        while step + 1 < high and room.moment[step + 1] <= now + NEAR:
            step += 1
        while step < high:
            moment = max(room.moment[step], now)
            if step > low and moment > now and moment >= until - NEAR:
                break
            used = amount
            for place in range(count):
                other = running[place]
                leaves = end[other] if moment <= now else start[other] + work.expected[other]
                if leaves > moment + NEAR:
                    for its in range(work.first_need[other], work.first_need[other + 1]):
                        if work.pool[its] == pool:
                            used += work.amount[its]
            if used > room.free[step] + NEAR:
                return False
            step += 1
    return True


@compiled
def run_once(work: Work, room: Room, duration: Array, start: Array, ready: Array, end: Array) -> None:
    """One run: writes when activities start, could have started if pools didn't matter, and end; infinite: never."""
    activities = work.floor.shape[0]
    waiting = list(range(activities))
    running = [0] * activities
    count = 0
    for activity in range(activities):
        start[activity] = end[activity] = ready[activity] = float("inf")
    held = [-1] * (room.first.shape[0] - 1)
    now = 0.0
    passes = 0
    while len(waiting) > 0:
        passes += 1
        kept = 0
        for place in range(count):
            if end[running[place]] > now + NEAR:
                running[kept] = running[place]
                kept += 1
        count = kept
        following = float("inf")
        left = 0
        for place in range(len(waiting)):
            activity = waiting[place]
            at = work.floor[activity]
            for arc in range(work.first_before[activity], work.first_before[activity + 1]):
                at = max(at, end[work.before[arc]] + work.lag[arc])
            starts = at <= now + NEAR
            if starts and now < work.planned[activity] - NEAR:
                for need in range(work.first_need[activity], work.first_need[activity + 1]):
                    if held[work.pool[need]] == passes:
                        starts = False
            if starts and duration[activity] > 0:
                starts = fits(work, room, now, activity, running, count, start, end)
            if starts:
                start[activity] = now
                ready[activity] = at
                end[activity] = now + duration[activity]
                if duration[activity] > 0:
                    running[count] = activity
                    count += 1
                continue
            waiting[left] = activity
            left += 1
            if at > now + NEAR:
                following = min(following, at)
            if work.planned[activity] > now + NEAR:
                following = min(following, work.planned[activity])
            for need in range(work.first_need[activity], work.first_need[activity + 1]):
                held[work.pool[need]] = passes
        for _ in range(len(waiting) - left):
            waiting.pop()
        for place in range(count):
            following = min(following, end[running[place]])
        for pool in range(room.first.shape[0] - 1):
            for step in range(room.first[pool], room.first[pool + 1]):
                if room.moment[step] > now + NEAR:
                    following = min(following, room.moment[step])
                    break
        if following == float("inf"):
            return
        now = following


@compiled
def mark_critical(work: Work, start: Array, ready: Array, end: Array, critical: Array) -> None:
    """Marks the activities that decided when the run ended: those that end last, and what each of them waited for."""
    activities = start.shape[0]
    last = 0.0
    for activity in range(activities):
        critical[activity] = False
        last = max(last, end[activity])
    pending = [activity for activity in range(activities) if end[activity] >= last - NEAR]
    for activity in pending:
        critical[activity] = True
    while len(pending) > 0:
        activity = pending.pop()
        begin = start[activity]
        if begin <= ready[activity] + NEAR:
            for arc in range(work.first_before[activity], work.first_before[activity + 1]):
                before = work.before[arc]
                if end[before] + work.lag[arc] >= begin - NEAR and not critical[before]:
                    critical[before] = True
                    pending.append(before)
            continue
        found = False
        for by_start in range(2):  # who made room; failing that, who had to start first
            if found:
                break
            for other in range(activity if by_start else activities):
                moment = start[other] if by_start else end[other]
                if other == activity or abs(moment - begin) > NEAR or not _share(work, activity, other):
                    continue
                found = True
                if not critical[other]:
                    critical[other] = True
                    pending.append(other)


@compiled
def _share(work: Work, one: int, other: int) -> bool:
    for need in range(work.first_need[one], work.first_need[one + 1]):
        for its in range(work.first_need[other], work.first_need[other + 1]):
            if work.pool[need] == work.pool[its]:
                return True
    return False


@compiled
def run_all(work: Work, room: Room, duration: Array, start: Array, end: Array, critical: Array) -> None:
    """All runs; rows of `duration`, `start`, `end` and `critical` are runs, columns activities."""
    ready = duration[0].copy()
    for run in range(duration.shape[0]):
        run_once(work, room, duration[run], start[run], ready, end[run])
        mark_critical(work, start[run], ready, end[run], critical[run])
