"""What shows without a search that there is no plan: one reason alone each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planner.bounds import cheapest
from planner.costs import CENT
from planner.group_spans import too_long
from planner.plan import Reason, whose

if TYPE_CHECKING:
    from planner.compiled import Compiled


def impossible(compiled: Compiled) -> tuple[Reason, ...]:
    """Tasks that fit their pools at no time, tasks that can't be done in time, groups that take longer than they may,
    budgets below what must be spent."""
    return (*_too_large(compiled), *_too_late(compiled), *_too_long(compiled), *_too_dear(compiled))


def _too_large(compiled: Compiled) -> list[Reason]:
    found: list[Reason] = []
    highest = [max(free + extra for free, extra in zip(pool.free, pool.extra, strict=True)) for pool in compiled.pools]
    for task, ways in enumerate(compiled.ways):
        lacking = [
            next(((number, units) for number, units in way.needs if units > highest[number]), None)
            if way.ticks
            else None
            for way in ways
        ]
        if all(lack is not None for lack in lacking):
            number, units = min((lack for lack in lacking if lack is not None), key=lambda lack: lack[1])
            pool, scale = compiled.problem.pools[number].id, compiled.pools[number].scale
            name = compiled.problem.tasks[task].id
            needed, available = units / scale, highest[number] / scale
            message = f"task {name!r} needs {needed:g} of pool {pool!r}, which never has more than {available:g} free"
            found.append(Reason("capacity", message, (name,), pool, needed, available))
    return found


def _too_late(compiled: Compiled) -> list[Reason]:
    found: list[Reason] = []
    for task in compiled.empty:
        given = compiled.problem.tasks[task]
        own = min(way.ticks for way in compiled.ways[task])
        earliest, last = compiled.earliest[task] * compiled.tick, compiled.last_start[task] * compiled.tick
        if compiled.earliest[task] > compiled.last_start[task]:
            message = f"task {given.id!r} can't start before {earliest:g} s, and may start by {last:g} s at the latest"
            found.append(Reason("window", message, (given.id,), None, earliest, last))
        elif compiled.earliest[task] + own > compiled.last_end[task]:
            end, limit = earliest + own * compiled.tick, compiled.last_end[task] * compiled.tick
            kind = "deadline" if given.deadline is not None and given.deadline <= limit + compiled.tick else "horizon"
            message = f"task {given.id!r} can't end before {end:g} s, and its {kind} is {limit:g} s"
            found.append(Reason(kind, message, (given.id,), None, end, limit))
    return found


def _too_long(compiled: Compiled) -> list[Reason]:
    found: list[Reason] = []
    for each in too_long(compiled):
        limit = compiled.problem.max_durations[each.position]
        needed = each.ticks * compiled.tick
        tasks = tuple(compiled.problem.tasks[task].id for task in each.tasks)
        pool = None if each.pool is None else compiled.problem.pools[each.pool].id
        message = f"{whose(limit.group)} takes at least {needed:g} s, and may take {limit.seconds:g} s"
        found.append(Reason("max_duration", message, tasks, pool, needed, limit.seconds))
    torn = compiled.torn
    if not found and torn is not None:
        limit, task = compiled.problem.max_durations[torn.position], compiled.problem.tasks[torn.task]
        opens, closes = torn.earliest * compiled.tick, torn.latest * compiled.tick
        message = (
            f"{whose(limit.group)} may take {limit.seconds:g} s, so that task {task.id!r} can't start before "
            f"{opens:g} s and not after {closes:g} s"
        )
        found.append(Reason("max_duration", message, (task.id,), None, None, limit.seconds))
    return found


def _too_dear(compiled: Compiled) -> list[Reason]:
    found: list[Reason] = []
    for budget in compiled.problem.budgets:
        needed = cheapest(compiled, budget.group)
        if round(needed, 6) > budget.amount + CENT / 2:
            message = f"{whose(budget.group)} costs at least {needed:.2f}, and its budget is {budget.amount:.2f}"
            tasks = tuple(t.id for t in compiled.problem.tasks if budget.group is None or t.group == budget.group)
            found.append(Reason("budget", message, tasks, None, needed, budget.amount))
    return found
