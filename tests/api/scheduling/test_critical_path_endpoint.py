"""What the API tells of a traced workflow's critical path against networkx's longest path on the same graph."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from itertools import combinations
from typing import Any

import networkx as nx
import pytest
from pool_changes import put
from scheduling_requests import BASE, day, window, workflow
from serving import Service

from tests.examples.test_traces import TRACES, parents_of

SCHEDULE = f"{BASE}/schedule-workflow"
RNASEQ = TRACES / "rnaseq-dirt02-001.json"
SHORTEST = 0.001
"""Seconds of tasks for which the trace has 0."""


@pytest.fixture(scope="module")
def traced() -> nx.DiGraph:
    """The trace as a graph; each task has its `seconds`."""
    if not RNASEQ.is_file():
        pytest.skip(f"{RNASEQ.name} is not in the folder {TRACES.name} of shared data")
    trace = json.loads(RNASEQ.read_text())
    graph = nx.DiGraph()
    for task in trace["workflow"]["execution"]["tasks"]:
        graph.add_node(task["id"], seconds=max(task["runtimeInSeconds"], SHORTEST))
    graph.add_edges_from((parent, task) for task, parents in parents_of(trace).items() for parent in parents)
    assert len(graph) == 197
    return graph


def seconds_of(graph: nx.DiGraph) -> Mapping[str, float]:
    found: Mapping[str, float] = nx.get_node_attributes(graph, "seconds")
    return found


def before_each(graph: nx.DiGraph) -> dict[str, float]:
    """Seconds of the longest chain that ends where a task begins, by networkx: each task as an edge of its length."""
    split = nx.DiGraph()
    for task, seconds in seconds_of(graph).items():
        split.add_edge((task, "begins"), (task, "ends"), weight=seconds)
    split.add_edges_from(((one, "ends"), (other, "begins")) for one, other in graph.edges)
    found = {}
    for task in graph:
        upstream = split.subgraph(nx.ancestors(split, (task, "begins")) | {(task, "begins")})
        found[task] = nx.dag_longest_path_length(upstream, weight="weight", default_weight=0.0)
    return found


def body_of(graph: nx.DiGraph) -> dict[str, Any]:
    """The trace as a request: each task holds a core."""
    steps = [
        {
            "step_name": task,
            "agent_type": "steps.echo",
            "depends_on": sorted(graph.predecessors(task)),
            "estimated_duration_minutes": seconds / 60,
            "resource_requirements": [{"resource_type": "cpu_cores", "amount": 1}],
        }
        for task, seconds in seconds_of(graph).items()
    ]
    return workflow(*steps, name="rnaseq", execution_window=window(day(hour=12)), cost_optimization_enabled=False)


async def planned(service: Service, graph: nx.DiGraph, cores: float) -> tuple[dict[str, Any], ...]:
    """What is told when it is scheduled, its plan once it is optimised, and what is told of that."""
    await put(service, "cpu_cores", {"capacity": cores, "price": 1.0})
    async with service.client() as ann:
        answer = await ann.post(SCHEDULE, json=body_of(graph))
        assert answer.status_code == 200, answer.text
        told = answer.json()
        request = {"workflow_id": told["workflow_id"], "optimization_goals": {"minimize_duration": 1.0}}
        optimized = (
            await ann.post(f"{BASE}/optimize-critical-path", json={**request, "apply_optimizations": True})
        ).json()
        plan = (await ann.get(f"{BASE}/workflow/{told['workflow_id']}/plan")).json()
    return told, plan, optimized


async def test_with_room_for_all_the_critical_path_is_the_longest_path(planning: Service, traced: nx.DiGraph) -> None:
    told, plan, optimized = await planned(planning, traced, cores=len(traced))
    seconds, before, after = seconds_of(traced), before_each(traced), before_each(traced.reverse())
    longest = max(before[task] + seconds[task] for task in traced)
    assert longest == pytest.approx(759.447, abs=0.05)
    assert told["critical_path_duration_seconds"] == optimized["original_duration_seconds"] == round(longest)
    path = [each["step_name"] for each in optimized["critical_path"]]
    assert path == plan["critical_path"]
    assert nx.is_path(traced, path)
    assert sum(seconds[task] for task in path) == pytest.approx(longest, abs=0.01)
    for each in optimized["critical_path"]:
        assert each["duration_seconds"] == pytest.approx(seconds[each["step_name"]], abs=0.51)
        assert (each["is_critical"], each["slack_time_seconds"]) == (True, 0)
    slack = {task: longest - before[task] - seconds[task] - after[task] for task in traced}
    for each in plan["steps"]:
        assert each["slack_time_seconds"] == pytest.approx(slack[each["step_name"]], abs=0.51)
        assert each["is_critical"] == (slack[each["step_name"]] < 1e-6)
    # Nothing waits for anything but its own steps, and nothing more would bring anything.
    assert (optimized["bottlenecks"], optimized["parallelization_opportunities"]) == ([], [])
    assert told["optimization_analysis"]["scheduling_efficiency"] == 1.0
    together = nx.transitive_closure_dag(traced)
    side_by_side = sum(
        max(before[one], before[other]) < min(before[one] + seconds[one], before[other] + seconds[other]) - 1e-9
        for one, other in combinations(traced, 2)
        if not together.has_edge(one, other) and not together.has_edge(other, one)
    )
    assert told["optimization_analysis"]["parallelization_opportunities"] == side_by_side


async def test_on_few_cores_bottlenecks_and_opportunities_are_steps_that_only_cores_keep_apart(
    planning: Service, traced: nx.DiGraph
) -> None:
    told, plan, optimized = await planned(planning, traced, cores=2)
    seconds = seconds_of(traced)
    longest = max(before + seconds[task] for task, before in before_each(traced).items())
    assert told["critical_path_duration_seconds"] == round(longest)
    assert optimized["original_duration_seconds"] > longest
    # No plan on two cores is shorter than half of all work.
    assert optimized["optimized_duration_seconds"] >= max(longest, sum(seconds.values()) / 2) - 1
    assert {each["issue"] for each in optimized["bottlenecks"]} == {"cpu_cores constraint"}
    together = nx.transitive_closure_dag(traced)

    def related(one: str, other: str) -> bool:
        return one == other or together.has_edge(one, other) or together.has_edge(other, one)

    starts = {each["step_name"]: datetime.fromisoformat(each["start"]).timestamp() for each in plan["steps"]}
    ends = {each["step_name"]: datetime.fromisoformat(each["end"]).timestamp() for each in plan["steps"]}
    assert all(ends[one] <= starts[other] for one, other in traced.edges)
    waiting = {each["step_name"] for each in optimized["bottlenecks"]}
    for task in traced:
        ready = max((ends[other] for other in traced.predecessors(task)), default=min(starts.values()))
        # Moments are told to the second: what waits longer than that is told as a bottleneck ...
        if starts[task] - ready >= 2:
            assert task in waiting
    for task in waiting:  # ... and whoever is told as one takes its core from a step that it does not depend on.
        assert any(abs(ends[other] - starts[task]) <= 1 and not related(one=other, other=task) for other in traced)
    assert optimized["parallelization_opportunities"]
    for each in optimized["parallelization_opportunities"]:
        one, other = each["parallel_steps"]
        assert not related(one, other)
        assert abs(ends[one] - starts[other]) <= 1
        assert 0 < each["time_savings_seconds"] <= optimized["optimized_duration_seconds"] - longest + 1
        assert each["resource_requirements"].endswith("cpu_cores")
