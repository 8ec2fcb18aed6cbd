"""The decisions about tasks and movable reservations as CP-SAT variables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ortools.sat.python import cp_model

from planner.compiled import Compiled, Draft, Movable
from planner.search.windows import Window

Expression = Any
"""An integer, a variable or a linear expression of them."""


@dataclass(slots=True)
class TaskVariables:
    """One task: where it begins and ends, its ways' literals, and its intervals."""

    start: Expression
    end: Expression
    chosen: list[Any]
    """By way: 1 in the way taken."""
    window: Window
    pieces: list[Piece] = field(default_factory=list)
    """Of a task that may be split; otherwise empty."""
    intervals: list[Any] = field(default_factory=list)
    """By way; empty for one that may be split."""


@dataclass(slots=True)
class Piece:
    """One part of a task that may be split; of no length where it is not there."""

    start: Any
    end: Any
    size: Any
    present: Any
    interval: Any


@dataclass(slots=True)
class MoveVariables:
    """A movable reservation."""

    start: Any
    moved: Any
    interval: Any


def task_variables(model: cp_model.CpModel, compiled: Compiled, task: int, window: Window) -> TaskVariables:
    """Variables of one task."""
    ways = compiled.ways[task]
    shortest, longest = min(way.ticks for way in ways), max(way.ticks for way in ways)
    splittable = compiled.problem.tasks[task].splittable
    start = model.new_int_var(window.opens, window.last_start, f"start{task}")
    chosen: list[Any] = (
        [1] if len(ways) == 1 else [model.new_bool_var(f"way{task}_{number}") for number in range(len(ways))]
    )
    if len(ways) > 1:
        model.add_exactly_one(chosen)
    if splittable and longest > 1 and compiled.problem.tasks[task].max_parts > 1:
        return _split(model, compiled, task, start, chosen, window)
    if len(ways) == 1:
        interval = model.new_fixed_size_interval_var(start, ways[0].ticks, f"run{task}")
        return TaskVariables(start, start + ways[0].ticks, chosen, window, intervals=[interval])
    end = model.new_int_var(window.opens + shortest, window.closes, f"end{task}")
    intervals = [
        model.new_optional_interval_var(start, way.ticks, end, literal, f"run{task}_{number}")
        for number, (way, literal) in enumerate(zip(ways, chosen, strict=True))
    ]
    model.add(end == start + sum(way.ticks * literal for way, literal in zip(ways, chosen, strict=True)))
    return TaskVariables(start, end, chosen, window, intervals=intervals)


def _split(
    model: cp_model.CpModel, compiled: Compiled, task: int, start: Any, chosen: list[Any], window: Window
) -> TaskVariables:
    """Parts one after the other; those that are there come first, and each is long enough."""
    ways = compiled.ways[task]
    opens, _, closes = window
    longest = max(way.ticks for way in ways)
    pieces: list[Piece] = []
    for number in range(compiled.problem.tasks[task].max_parts):
        begin = start if number == 0 else model.new_int_var(opens, closes, f"part{task}_{number}")
        end = model.new_int_var(opens, closes, f"part_end{task}_{number}")
        size = model.new_int_var(0, longest, f"size{task}_{number}")
        present = model.new_bool_var(f"part_there{task}_{number}")
        interval = model.new_interval_var(begin, size, end, f"run{task}_{number}")
        for way, literal in zip(ways, chosen, strict=True):
            conditions = [present] if isinstance(literal, int) else [present, literal]
            model.add(size >= min(compiled.min_part[task], way.ticks)).only_enforce_if(conditions)
        model.add(size == 0).only_enforce_if(~present)
        if number:
            before = pieces[-1]
            model.add_implication(present, before.present)
            model.add(begin >= before.end)
            model.add(begin == before.end).only_enforce_if(~present)
        else:
            model.add(present == 1)
        pieces.append(Piece(begin, end, size, present, interval))
    work = sum(way.ticks * literal for way, literal in zip(ways, chosen, strict=True))
    model.add(sum(piece.size for piece in pieces) == work)
    return TaskVariables(start, pieces[-1].end, chosen, window, pieces)


def move_variables(model: cp_model.CpModel, compiled: Compiled, movable: Movable) -> MoveVariables:
    """Variables of one movable reservation: at its own hours, or anywhere for its penalty."""
    last = max(compiled.horizon - movable.ticks, movable.start)
    start = model.new_int_var(0, last, f"moved{movable.position}")
    moved = model.new_bool_var(f"is_moved{movable.position}")
    model.add(start == movable.start).only_enforce_if(~moved)
    interval = model.new_fixed_size_interval_var(start, movable.ticks, f"reserved{movable.position}")
    return MoveVariables(start, moved, interval)


def hint(
    model: cp_model.CpModel,
    compiled: Compiled,
    tasks: dict[int, TaskVariables],
    moves: Sequence[MoveVariables],
    draft: Draft,
) -> None:
    """Tell the search of a draft."""
    for task, variables in tasks.items():
        model.add_hint(variables.start, draft.starts[task])
        if len(variables.chosen) > 1:
            for number, literal in enumerate(variables.chosen):
                model.add_hint(literal, number == draft.ways[task])
        spans = compiled.spans(draft, task)
        for number, piece in enumerate(variables.pieces):
            there = number < len(spans)
            begin, end = spans[number] if there else (spans[-1][1], spans[-1][1])
            if number:
                model.add_hint(piece.start, begin)
            model.add_hint(piece.end, end)
            model.add_hint(piece.size, end - begin)
            model.add_hint(piece.present, there)
    for number, (movable, move) in enumerate(zip(compiled.movable, moves, strict=True)):
        model.add_hint(move.start, draft.moved.get(number, movable.start))
        model.add_hint(move.moved, number in draft.moved)


def read(
    compiled: Compiled,
    tasks: dict[int, TaskVariables],
    moves: Sequence[MoveVariables],
    value: Any,
    rest: Draft | None,
) -> Draft:
    """The draft that a solution means; `value` gives a variable's number, `rest` has the tasks that were not free."""
    count = len(compiled.ways)
    draft = (
        Draft([0] * count, [0] * count)
        if rest is None
        else Draft(list(rest.starts), list(rest.ways), dict(rest.parts), dict(rest.moved))
    )
    for task, variables in tasks.items():
        draft.starts[task] = value(variables.start)
        draft.ways[task] = next(
            (n for n, literal in enumerate(variables.chosen) if isinstance(literal, int) or value(literal)), 0
        )
        draft.parts.pop(task, None)
        spans: list[tuple[int, int]] = []
        for piece in variables.pieces:
            if value(piece.size):
                begin, end = value(piece.start), value(piece.end)
                if spans and spans[-1][1] == begin:
                    spans[-1] = (spans[-1][0], end)
                else:
                    spans.append((begin, end))
        if len(spans) > 1:
            draft.parts[task] = tuple(spans)
    for number, move in enumerate(moves):
        draft.moved.pop(number, None)
        if value(move.start) != compiled.movable[number].start:
            draft.moved[number] = value(move.start)
    return draft
