"""A problem as flat arrays for machine code: what may be where, and what each place is worth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import inf, nan
from typing import Any, NamedTuple

import numpy as np

from planner.compiled import Compiled, Draft
from planner.evaluation import current_starts, group_weights
from planner.judge import Judge
from planner.objective import PARTS
from planner.prices import HOUR
from planner.rolling.timeline import Needs, Timeline, fill, hold

Array = Any  # numpy arrays: numba reads their types itself
DURATION, COST, COMPLETION, LATENESS, BALANCE, QUALITY, PREFERENCE, CHURN = range(len(PARTS))
_ENTRIES = 8192
"""Of the index of a timeline."""
_HALF_A_CENT = 0.0049
ENDLESS = 1 << 60


class Arrays(NamedTuple):
    """Tasks and ways by position; what comes in rows of different lengths is at `first[k] : first[k + 1]`.

    Ticks are whole numbers; seconds and money are floats. Sums of the parts that tasks add are divided by the weights
    that `planner.evaluation` averages by, so that they are those parts.
    """

    tick: float
    needs: Needs
    first_way: Array
    """By task; ways are numbered through all tasks."""
    seconds: Array
    lost: Array
    """By way: quality given away, of the average."""
    fixed_cost: Array
    """By way: money whatever the time."""
    first_pay: Array
    pay_pool: Array
    pay_amount: Array
    """By way: units of pools that have a price."""
    first_price: Array
    price_from: Array
    price_spent: Array
    price_rate: Array
    """By pool: seconds from which on a second costs so much, and what all before them cost."""
    first_before: Array
    before: Array
    before_lag: Array
    first_after: Array
    after: Array
    after_lag: Array
    rank: Array
    """By task: its place in an order that precedence allows."""
    tail: Array
    """By task: seconds from its end to the end of what depends on it, at least."""
    earliest: Array
    latest: Array
    """Latest starts that precedence leaves, with the shortest way."""
    last_start: Array
    last_end: Array
    first_member: Array
    member: Array
    """By group: its tasks."""
    group: Array
    group_weight: Array
    """By group: its share of the average completion."""
    due: Array
    late_weight: Array
    """By task; infinite and 0 without a due time."""
    due_behind: Array
    late_weight_behind: Array
    """By task: the most urgent due time of it and what depends on it, less the way there."""
    preferred: Array
    preferred_weight: Array
    current: Array
    current_weight: Array
    """By task; NaN and 0 without one."""
    factor: Array
    """By part: what it is multiplied by to make the value."""
    group_budget: Array
    """By group: money that its tasks may cost."""
    group_span: Array
    """By group: ticks from its first start to its last end at most; `ENDLESS` where nobody says."""


class State(NamedTuple):
    """A schedule that is being changed."""

    start: Array
    way: Array
    """By task, numbered through all tasks."""
    end: Array
    """By task, in ticks."""
    finish: Array
    """By task, in seconds: where its real end is."""
    group_end: Array
    """By group, in seconds."""
    line: Timeline


def arrays(judge: Judge) -> Arrays:
    """The problem of a judge, valued by it. Raises `ValueError` for the part `balance`, which no part of a plan can be
    charged with."""
    compiled, problem = judge.compiled, judge.compiled.problem
    if "balance" in judge.scaled or "balance" in judge.held:
        raise ValueError("balance is a matter of the whole plan: it can't be planned part by part")
    tasks = problem.tasks
    flat = [(task, way) for task, ways in enumerate(compiled.ways) for way in ways]
    groups = {name: number for number, name in enumerate(dict.fromkeys(task.group for task in tasks))}
    members: list[list[int]] = [[] for _ in groups]
    for number, task in enumerate(tasks):
        members[groups[task.group]].append(number)
    weights = group_weights(problem)
    total = sum(weights.values()) or 1.0
    lateness = sum(task.importance for task in tasks if task.due is not None) or 1.0
    wished = sum(task.preferred_start is not None for task in tasks) or 1
    current = current_starts(problem)
    budgets: dict[str | None, float] = {
        budget.group: budget.amount + _HALF_A_CENT for budget in problem.budgets if budget.group is not None
    }
    spans: dict[str | None, int] = {}
    for limit, each in zip(problem.max_durations, compiled.group_spans, strict=True):
        spans[limit.group] = min(each.ticks, spans.get(limit.group, ENDLESS))
    pays = [_pays(compiled, task, number) for task, ways in enumerate(compiled.ways) for number in range(len(ways))]
    rank = np.empty(len(tasks), np.int64)
    rank[np.array(compiled.graph.order, np.int64)] = np.arange(len(tasks))
    tail = _tails(compiled)
    due = [inf if task.due is None else task.due for task in tasks]
    late = [0.0 if task.due is None else task.importance / lateness for task in tasks]
    behind = _urgent(compiled, due, late)
    return Arrays(
        compiled.tick,
        Needs(_whole(way.ticks for _, way in flat), *_rows([list(way.needs) for _, way in flat], np.int64)),
        _whole(np.cumsum([0, *(len(ways) for ways in compiled.ways)])),
        _real(way.option.seconds for _, way in flat),
        _real(way.option.lost / len(tasks) for _, way in flat),
        _real(tasks[task].modes[way.option.mode].cost for task, way in flat),
        *_rows(pays, np.float64),
        *_prices(compiled),
        *_rows(compiled.graph.predecessors, np.int64),
        *_rows(compiled.graph.successors, np.int64),
        rank,
        _real(tail),
        _whole(compiled.earliest),
        _whole(compiled.latest),
        _whole(compiled.last_start),
        _whole(compiled.last_end),
        _whole(np.cumsum([0, *map(len, members)])),
        _whole(task for each in members for task in each),
        _whole(groups[task.group] for task in tasks),
        _real(weights[name] / total for name in groups),
        _real(due),
        _real(late),
        _real(moment for moment, _ in behind),
        _real(weight for _, weight in behind),
        _real(nan if task.preferred_start is None else task.preferred_start for task in tasks),
        _real(0.0 if task.preferred_start is None else 1 / wished for task in tasks),
        _real(current.get(number, nan) for number in range(len(tasks))),
        _real(1 / len(current) if number in current else 0.0 for number in range(len(tasks))),
        _real(judge.scaled.get(name, 0.0) for name in PARTS),
        _real(budgets.get(name, inf) for name in groups),
        _whole(spans.get(name, ENDLESS) for name in groups),
    )


def state(compiled: Compiled, given: Arrays, draft: Draft) -> State:
    """A draft as arrays. Of a split task its first start and last end are there, its parts are in the timeline."""
    way = given.first_way[:-1] + np.array(draft.ways, np.int64)
    start = np.array(draft.starts, np.int64)
    end = start + given.needs.ticks[way]
    finish = start * given.tick + given.seconds[way]
    for task, spans in draft.parts.items():
        end[task] = spans[-1][1]
        finish[task] = spans[-1][1] * given.tick
    group_end = np.zeros(len(given.group_weight))
    np.maximum.at(group_end, given.group, finish)
    rows = np.array([(task, *span) for task in range(len(start)) for span in compiled.spans(draft, task)], np.int64)
    line = _line(compiled, draft.moved, int(end.max()), 2 * len(rows))
    fill(line, given.needs, way[rows[:, 0]], rows[:, 1], rows[:, 2])
    return State(start, way, end, finish, group_end, line)


def blank(compiled: Compiled, given: Arrays, moved: Mapping[int, int]) -> State:
    """No task placed yet; movable reservations are at their own hours or where they were moved."""
    tasks = len(given.due)
    # about when all will have ended: what the index of the timeline is made for
    likely = int(given.earliest.max(initial=1) * 1.1 + given.needs.ticks.max(initial=1))
    zeros = np.zeros(tasks, np.int64)
    line = _line(compiled, moved, likely, 2 * tasks)
    return State(
        zeros, given.first_way[:-1].copy(), zeros.copy(), np.zeros(tasks), np.zeros(len(given.group_weight)), line
    )


def _line(compiled: Compiled, moved: Mapping[int, int], likely: int, changes: int) -> Timeline:
    """What pools have free without any task; room for that many changes. `likely`: the end of what will be placed."""
    moments = sorted({0, *(moment for pool in compiled.pools for moment in pool.times)})
    pools = max(len(compiled.pools), 1)
    room = len(moments) + changes + 2 * len(compiled.movable) + 4
    free = np.zeros((room, pools), np.int64)
    for number, pool in enumerate(compiled.pools):
        place = np.searchsorted(np.array(pool.times), np.array(moments), side="right") - 1
        free[: len(moments), number] = np.array(pool.free, np.int64)[place]
    time = np.zeros(room, np.int64)
    time[: len(moments)] = moments
    after = np.arange(1, room + 1)
    after[len(moments) - 1] = after[-1] = -1
    before = np.arange(-1, room - 1)
    width = max(2 * likely // _ENTRIES, 1)
    index = np.searchsorted(time[: len(moments)], np.arange(_ENTRIES) * width, side="right") - 1
    line = Timeline(time, after, before, free, index, _whole([width]), _whole([len(moments)]))
    for number, movable in enumerate(compiled.movable):
        begin = moved.get(number, movable.start)
        hold(line, movable.pool, begin, begin + movable.ticks, movable.units)
    return line


def draft_of(given: Arrays, found: State, like: Draft) -> Draft:
    """A state as a draft; parts and reservations are those of the draft that it came from."""
    ways = found.way - given.first_way[:-1]
    return Draft(found.start.tolist(), ways.tolist(), dict(like.parts), dict(like.moved))


def _whole(values: Iterable[Any]) -> Array:
    return np.array(values if isinstance(values, np.ndarray) else list(values), np.int64)


def _real(values: Iterable[float]) -> Array:
    return np.array(list(values), np.float64)


def _rows(rows: Sequence[Sequence[tuple[int, float]]], kind: type) -> tuple[Array, Array, Array]:
    """Rows of pairs: where each begins, the first of each pair, the second."""
    pairs = [pair for row in rows for pair in row]
    first = _whole(np.cumsum([0, *map(len, rows)]))
    return first, _whole(key for key, _ in pairs), np.array([value for _, value in pairs], kind)


def _pays(compiled: Compiled, task: int, number: int) -> list[tuple[int, float]]:
    """The pools with a price that a way uses, and how many units."""
    option = compiled.ways[task][number].option
    found = []
    for place, demand in enumerate(compiled.problem.tasks[task].modes[option.mode].demands):
        amount = demand.amount if option.amounts is None else option.amounts[place]
        if amount and compiled.problem.pools[pool := compiled.problem.pool_index[demand.pool]].price is not None:
            found.append((pool, amount))
    return found


def _prices(compiled: Compiled) -> tuple[Array, Array, Array, Array]:
    first, moments, spent, rates = [0], list[float](), list[float](), list[float]()
    for spend in compiled.costs.spends:
        if spend is not None:
            moments += spend.steps.times
            spent += [spend.until(moment) for moment in spend.steps.times]
            rates += [value / HOUR for value in spend.steps.values]
        first.append(len(moments))
    return _whole(first), _real(moments), _real(spent), _real(rates)


def _shortest(compiled: Compiled, task: int) -> int:
    return min(way.ticks for way in compiled.ways[task])


def _tails(compiled: Compiled) -> list[float]:
    """Seconds from the end of each task to the end of what depends on it, at least."""
    tails = [0] * len(compiled.ways)
    for task in reversed(compiled.graph.order):
        for after, lag in compiled.graph.successors[task]:
            tails[task] = max(tails[task], lag + _shortest(compiled, after) + tails[after])
    return [ticks * compiled.tick for ticks in tails]


def _urgent(compiled: Compiled, due: list[float], weight: list[float]) -> list[tuple[float, float]]:
    """By task, the earliest end that it or what depends on it asks for, and the weight of that."""
    found = list(zip(due, weight, strict=True))
    for task in reversed(compiled.graph.order):
        for after, lag in compiled.graph.successors[task]:
            moment, heavy = found[after]
            found[task] = min(found[task], (moment - (lag + _shortest(compiled, after)) * compiled.tick, heavy))
    return found
