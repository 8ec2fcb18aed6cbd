from __future__ import annotations

import itertools
from typing import Any

import networkx
from hypothesis import given
from hypothesis import strategies as st

from definitions.graph import dependencies, find_cycle, find_cycles, sinks, topological_order
from definitions.model import Definition


def definition(*steps: dict[str, Any], **fields: Any) -> Definition:
    return Definition.model_validate({"name": "w", "steps": steps, **fields})


def test_dependencies_are_declared_and_by_reference_each_once() -> None:
    made = definition(
        {"id": "a"},
        {"id": "b", "input": {"x": "${a.result}", "y": ["${a.result.z}"]}},
        {"id": "c", "depends_on": ["b"], "input": {"x": "${a.result} ${b.result}"}},
        {"id": "d", "condition": "step_outputs['c'] and ${a.result}"},
    )
    assert dependencies(made) == {"a": (), "b": ("a",), "c": ("b", "a"), "d": ("c", "a")}
    assert sinks(made) == ("d",)


def test_an_error_handler_waits_for_what_it_handles_only_when_asked_for() -> None:
    made = definition({"id": "a"}, {"id": "b", "depends_on": ["a"]}, {"id": "h"}, error_handlers={"a": "h", "b": "h"})
    assert dependencies(made)["h"] == ()
    assert dependencies(made, with_error_handlers=True)["h"] == ("a", "b")
    assert sinks(made) == ("b",)


def test_the_order_keeps_what_is_free_in_listed_order() -> None:
    assert topological_order({"c": ("a",), "b": (), "a": (), "d": ("c", "b")}) == ["b", "a", "c", "d"]


def test_a_cycle_is_a_path_in_the_direction_of_the_work() -> None:
    assert find_cycle({"a": ("c",), "b": ("a",), "c": ("b",), "d": ("a",)}) == ["a", "b", "c", "a"]
    assert find_cycle({"a": ("a",)}) == ["a", "a"]
    assert find_cycle({"a": (), "b": ("a", "unknown")}) is None
    assert list(find_cycles({"a": ("b",), "b": ("a",), "c": ("d",), "d": ("c",)})) == [["a", "b", "a"], ["c", "d", "c"]]


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=40))
def test_cycles_and_orders_agree_with_networkx(pairs: list[tuple[int, int]]) -> None:
    edges: dict[str, tuple[str, ...]] = {str(node): () for node in range(13)}
    for step, needed in pairs:
        edges[str(step)] = tuple(dict.fromkeys((*edges[str(step)], str(needed))))
    graph = networkx.DiGraph([(needed, step) for step, others in edges.items() for needed in others])
    acyclic = networkx.is_directed_acyclic_graph(graph)
    cycles = list(find_cycles(edges))
    assert bool(cycles) is not acyclic
    for cycle in cycles:
        assert cycle[0] == cycle[-1]
        assert all(graph.has_edge(one, other) for one, other in itertools.pairwise(cycle))
    order = topological_order(edges)
    position = {step: index for index, step in enumerate(order)}
    assert all(position[needed] < position[step] for step in order for needed in edges[step])
    assert (len(order) == len(edges)) is acyclic


def test_a_chain_of_100_000_is_no_deeper_than_any_other() -> None:
    count = 100_000
    edges = {str(index): (str((index + 1) % count),) for index in range(count)}
    cycle = find_cycle(edges)
    assert cycle is not None
    assert len(cycle) == count + 1
