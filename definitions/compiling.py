"""From steps to a compiled block. Steps of n and m edges take O(n + m), once for each block that they are in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from definitions.block import (
    ApprovalProgram,
    Block,
    BranchProgram,
    ChildProgram,
    Control,
    LoopProgram,
    ParallelProgram,
    StepProgram,
    WaitProgram,
)
from definitions.errors import DefinitionInvalid, Problem
from definitions.expressions import compile_expression
from definitions.graph import Edges, reads, referred, sinks_of, topological_order, with_handler_edges
from definitions.model import MAX_ITERATIONS, Loop, Step
from definitions.references import compile_template, only_reference


def compile_block(steps: Sequence[Step], edges: Edges, error_handlers: Mapping[str, str]) -> Block:
    """Compile the checked steps of one block, and the blocks in them. `edges`: what each refers to, in it or around it.

    Raises `definitions.errors.LongpoleError` when a reference or condition in it is refused, or when a run of it could
    never end, which validation has ruled out for every stored definition.
    """
    handlers = set(error_handlers.values())
    needs = {step_id: tuple(other for other in needed if other in edges) for step_id, needed in edges.items()}
    _require_an_end(steps, needs, error_handlers)
    # An error handler starts when its step fails; it must not wait for what may itself wait for that step.
    requires = {step_id: () if step_id in handlers else needed for step_id, needed in needs.items()}
    ends = sinks_of(needs, handlers)
    is_sink = frozenset(ends)
    required_by: dict[str, list[str]] = {step.id: [] for step in steps}
    for step_id, needed in requires.items():
        for other in needed:
            required_by[other].append(step_id)
    handles: dict[str, list[str]] = {}
    for failing, handler in error_handlers.items():
        handles.setdefault(handler, []).append(failing)
    after = _sequential_siblings(steps, requires, error_handlers)
    before = {earlier: later for later, earlier in after.items()}

    compiled: dict[str, StepProgram] = {}
    for index, step in enumerate(steps):
        given = reads(step)
        condition = compile_expression(step.condition) if step.condition is not None else None
        looked_at = (*given, *(condition.step_ids if condition is not None else ()))
        if step.blocks:
            # What its blocks look at is not told apart from what they only wait for: it is kept a little too long.
            looked_at = (*looked_at, *needs[step.id])
        compiled[step.id] = StepProgram(
            index=index,
            step=step,
            requires=requires[step.id],
            reads=given,
            sources=tuple(dict.fromkeys(other for other in looked_at if other in edges)),
            is_sink=step.id in is_sink,
            required_by=tuple(required_by[step.id]),
            after=after.get(step.id),
            before=before.get(step.id),
            handles=tuple(handles.get(step.id, ())),
            error_handler=error_handlers.get(step.id),
            input=compile_template(dict(step.input)) if step.input is not None else None,
            condition=condition,
            control=_control(step),
        )
    return Block(steps=compiled, order=tuple(compiled), sinks=ends)


def _inner_block(steps: Sequence[Step]) -> Block:
    return compile_block(steps, {step.id: referred(step) for step in steps}, {})


def _control(step: Step) -> Control | None:
    if step.branch is not None:
        otherwise = _inner_block(step.branch.otherwise) if step.branch.otherwise else None
        return BranchProgram(compile_expression(step.branch.test), _inner_block(step.branch.then), otherwise)
    if step.loop is not None:
        return _loop(step.loop)
    if step.parallel is not None:
        return ParallelProgram(_inner_block(step.parallel.steps), step.parallel.max_parallel)
    if step.workflow is not None:
        return ChildProgram(step.workflow)
    if step.wait is not None:
        return WaitProgram(step.wait, compile_template(step.wait.until) if step.wait.until is not None else None)
    if step.approval is not None:
        message, values = step.approval.message, dict(step.approval.values)
        return ApprovalProgram(step.approval, compile_template(message), compile_template(values))
    return None


def _loop(loop: Loop) -> LoopProgram:
    items = None
    if isinstance(loop.iterate_over, str) and only_reference(loop.iterate_over) is None:
        items = compile_expression(loop.iterate_over).evaluate
    elif loop.iterate_over is not None:
        items = compile_template(loop.iterate_over).resolve
    return LoopProgram(
        items=items,
        test=compile_expression(loop.test) if loop.test is not None else None,
        most=loop.max_iterations or MAX_ITERATIONS,
        width=loop.max_parallel if loop.parallel else 1,
        goes_on=loop.on_failure == "continue",
        body=_inner_block(loop.steps),
    )


def _require_an_end(steps: Sequence[Step], needs: Edges, error_handlers: Mapping[str, str]) -> None:
    edges = with_handler_edges(needs, error_handlers)
    named = {*error_handlers, *error_handlers.values()}
    if len(topological_order(edges)) < len(steps) or not named <= edges.keys():
        message = "steps wait for each other, share an id, or wait for a step that is none"
        raise DefinitionInvalid([Problem("not_runnable", "steps", message)])


def _sequential_siblings(steps: Sequence[Step], requires: Edges, error_handlers: Mapping[str, str]) -> dict[str, str]:
    """For each sequential step but the first of its group, the sibling before it.

    A group is what has the same declared dependencies; it runs in listed order or, where references make that
    impossible, in an order that they allow. Error handlers are in no group: they start when their step has failed.
    """
    handlers = set(error_handlers.values())
    groups: dict[frozenset[str], list[str]] = {}
    for step in steps:
        if step.execution_mode == "sequential" and step.id not in handlers:
            groups.setdefault(frozenset(step.depends_on), []).append(step.id)
    after = _in_turn(groups.values())
    edges = with_handler_edges(requires, error_handlers)
    in_turn = {**edges, **{later: (*edges[later], earlier) for later, earlier in after.items()}}
    if after and len(topological_order(in_turn)) < len(edges):
        place = {step_id: index for index, step_id in enumerate(topological_order(edges))}
        after = _in_turn(sorted(group, key=place.__getitem__) for group in groups.values())
    return after


def _in_turn(groups: Iterable[list[str]]) -> dict[str, str]:
    return {later: earlier for group in groups for earlier, later in pairwise(group)}
