"""The graph of a definition: who waits for whom. All of it takes linear time (100,000 steps is a supported size)."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterator, Mapping

from definitions.expressions import compile_expression
from definitions.model import Definition, Step
from definitions.references import compile_template, only_reference

Edges = Mapping[str, tuple[str, ...]]
"""Step id -> the steps it waits for."""


def dependencies(definition: Definition, *, with_error_handlers: bool = False) -> dict[str, tuple[str, ...]]:
    """What each step waits for: declared first, then what its input and its condition refer to, each once.

    With `with_error_handlers`, an error handler also waits for the steps it handles: the order in which things can
    happen, for cycles and drawings. Without, these edges are left out, as they do not mean "run after it completed".

    Raises `ReferenceInvalid` or `ExpressionRefused` for a definition that was not checked.
    """
    edges = {step.id: referred(step) for step in definition.steps}
    return with_handler_edges(edges, definition.error_handlers) if with_error_handlers else edges


def referred(step: Step) -> tuple[str, ...]:
    """What one step waits for, declared or by reference; of a step with blocks also what is referred to inside of
    these, beyond the steps of the blocks themselves."""
    found = dict.fromkeys(step.depends_on)
    found.update(dict.fromkeys(reads(step)))
    if step.condition is not None:
        found.update(dict.fromkeys(compile_expression(step.condition).step_ids))
    if step.is_control:
        found.update(dict.fromkeys(_referred_inside(step)))
    return tuple(found)


def reads(step: Step) -> tuple[str, ...]:
    """The steps whose outputs it is given; those that only an expression for a decision looks at are none of them."""
    if step.input is not None:
        return compile_template(step.input).step_ids
    if step.loop is not None and step.loop.iterate_over is not None:
        items = step.loop.iterate_over
        is_expression = isinstance(items, str) and only_reference(items) is None
        return compile_expression(items).step_ids if is_expression else compile_template(items).step_ids
    if step.wait is not None and step.wait.until is not None:
        return compile_template(step.wait.until).step_ids
    if step.approval is not None:
        return compile_template([step.approval.message, step.approval.values]).step_ids
    return ()


def _referred_inside(step: Step) -> Iterator[str]:
    tests = [control.test for control in (step.branch, step.loop) if control is not None]
    for test in tests:
        if test is not None:
            yield from compile_expression(test).step_ids
    for _, steps in step.blocks:
        own = {each.id for each in steps}
        for each in steps:
            yield from (other for other in referred(each) if other not in own)


def with_handler_edges(edges: Edges, error_handlers: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The edges and, for each error handler, one to every step that it handles."""
    handled: dict[str, dict[str, None]] = {}
    for failing, handler in error_handlers.items():
        handled.setdefault(handler, {})[failing] = None
    return {
        step_id: tuple(dict.fromkeys((*needed, *handled[step_id]))) if step_id in handled else needed
        for step_id, needed in edges.items()
    }


def sinks(definition: Definition) -> tuple[str, ...]:
    """The steps nothing waits for, in the definition's order: their outputs are the run's result.

    Error handlers are none, nor do they keep others from being one: what they return stands for the step they handle.
    """
    return sinks_of(dependencies(definition), frozenset(definition.error_handlers.values()))


def sinks_of(edges: Edges, handlers: Container[str] = ()) -> tuple[str, ...]:
    """The same of any block, by what each of its steps waits for."""
    needed = {other for step_id, others in edges.items() if step_id not in handlers for other in others}
    return tuple(step_id for step_id in edges if step_id not in needed and step_id not in handlers)


def topological_order(edges: Edges) -> list[str]:
    """An order in which every step comes after what it waits for; steps that are free at the same time keep the order
    of `edges`. Steps on a cycle, or behind one, are left out. Ids that are no step are ignored."""
    waiting: dict[str, int] = {}
    followers: dict[str, list[str]] = {step_id: [] for step_id in edges}
    for step_id, needed in edges.items():
        known = [other for other in dict.fromkeys(needed) if other in edges]
        waiting[step_id] = len(known)
        for other in known:
            followers[other].append(step_id)
    ready = deque(step_id for step_id, count in waiting.items() if count == 0)
    order: list[str] = []
    while ready:
        step_id = ready.popleft()
        order.append(step_id)
        for follower in followers[step_id]:
            waiting[follower] -= 1
            if waiting[follower] == 0:
                ready.append(follower)
    return order


def find_cycle(edges: Edges) -> list[str] | None:
    """The first cycle as a path in the direction of the work, its first id again at its end; None if there is none."""
    return next(find_cycles(edges), None)


def find_cycles(edges: Edges) -> Iterator[list[str]]:
    """Cycles that share no step, at least one of each tangle."""
    ordered = set(topological_order(edges))
    reported: set[str] = set()
    done: set[str] = set()
    for start in edges:
        if start in ordered or start in done:
            continue
        path: list[str] = [start]
        position = {start: 0}
        branches = [iter(edges[start])]
        while branches:
            following = next(branches[-1], None)
            if following is None:
                branches.pop()
                left = path.pop()
                del position[left]
                done.add(left)
            elif following in position:
                cycle = path[position[following] :]
                if reported.isdisjoint(cycle):
                    reported.update(cycle)
                    # edges lead from a step to what it waits for: turned round, the path reads in the order of the work
                    yield [following, *reversed(cycle)]
            elif following in edges and following not in ordered and following not in done:
                path.append(following)
                position[following] = len(path) - 1
                branches.append(iter(edges[following]))
