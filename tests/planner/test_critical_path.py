from __future__ import annotations

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner import CapacityPeriod, Demand, Mode, Plan, Pool, Precedence, Problem, Reservation, Status, Task, solve

LAGS = st.integers(-5, 20)


def task(name: str, seconds: float, pool: str | None = None, amount: float = 1, **given: float) -> Task:
    return Task(name, (Mode(seconds, (Demand(pool, amount),) if pool else ()),), **given)  # type: ignore[arg-type]


def why(plan: Plan, name: str) -> tuple[str, tuple[str, ...], str | None]:
    hold = plan.analysis.holds[name]
    return str(hold.by), hold.tasks, hold.pool


@settings(deadline=None)
@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=12),
    st.dictionaries(st.tuples(st.integers(0, 11), st.integers(0, 11)), LAGS, max_size=25),
)
def test_where_pools_do_not_bind_length_and_slack_are_the_longest_paths(
    durations: list[int], lags: dict[tuple[int, int], int]
) -> None:
    arcs = {(i, j): lag for (i, j), lag in lags.items() if i < j < len(durations)}
    pool = Pool("p", len(durations))
    problem = Problem(
        tuple(task(f"t{i}", seconds, "p") for i, seconds in enumerate(durations)),
        tuple(Precedence(f"t{i}", f"t{j}", lag) for (i, j), lag in arcs.items()),
        (pool,),
    )
    plan = solve(problem)
    assert plan.status is Status.OPTIMAL

    # an edge is as long as the task it leaves, and its lag; nothing starts before the origin
    graph = nx.DiGraph()
    graph.add_nodes_from(["begin", "end"])
    for i, seconds in enumerate(durations):
        graph.add_edge("begin", i, length=0)
        graph.add_edge(i, "end", length=seconds)
    for (i, j), lag in arcs.items():
        graph.add_edge(i, j, length=durations[i] + lag)

    def longest(start: object, end: object) -> float:
        return max(nx.path_weight(graph, path, "length") for path in nx.all_simple_paths(graph, start, end))

    assert plan.makespan == longest("begin", "end") == nx.dag_longest_path_length(graph, "length")
    for i in range(len(durations)):
        slack = plan.makespan - longest("begin", i) - longest(i, "end")
        assert plan.analysis.slack[f"t{i}"].total == pytest.approx(slack)
        assert plan.analysis.slack[f"t{i}"].latest_start == pytest.approx(plan.makespan - longest(i, "end"))
    through = [name for name, _ in plan.analysis.critical_path]
    assert set(through) <= set(plan.analysis.critical)


def test_free_slack_moves_nobody_and_total_slack_not_the_end() -> None:
    tasks = (task("a", 10), task("b", 2), task("c", 3), task("d", 1))
    plan = solve(Problem(tasks, (Precedence("b", "c"), Precedence("a", "d"), Precedence("c", "d"))))
    slack = plan.analysis.slack
    assert {name: (each.total, each.free) for name, each in slack.items()} == {
        "a": (0, 0),
        "b": (5, 0),
        "c": (5, 5),
        "d": (0, 0),
    }
    assert plan.analysis.critical == ("a", "d")
    assert [(name, str(hold.by)) for name, hold in plan.analysis.critical_path] == [
        ("a", "origin"),
        ("d", "predecessor"),
    ]


def test_a_task_that_waits_for_units_of_a_pool_says_whose() -> None:
    tasks = (task("long", 10, "gpu", 2), task("short", 4, "gpu", 1), task("late", 5, "gpu", 2))
    plan = solve(Problem(tasks, pools=(Pool("gpu", 3),)))
    assert plan.makespan == 15
    last = max(plan.assignments.values(), key=lambda done: done.end).task
    first = {"long": "late", "late": "long"}[last]
    assert why(plan, last) == ("pool", (first,), "gpu")
    assert set(plan.analysis.critical) == {"long", "late"}
    # the last one takes all it needs from the first, so nobody needs what this one has
    assert plan.analysis.slack["short"].total == 11


def test_slack_ends_where_a_reservation_or_a_lower_capacity_begins() -> None:
    tasks = (task("a", 4, "p", 2), task("long", 100))
    reserved = solve(Problem(tasks, pools=(Pool("p", 2),), reservations=(Reservation("p", 20, 30, 1),)))
    assert reserved.analysis.slack["a"].total == 16
    lower = solve(Problem(tasks, pools=(Pool("p", 2, (CapacityPeriod(50, 60, 0),)),)))
    assert lower.analysis.slack["a"].total == 46


def test_windows_reservations_and_lags_are_reasons() -> None:
    tasks = (task("a", 4, "p", 2), task("b", 4, "p", 1, release=50), task("c", 1), task("d", 1))
    arcs = (Precedence("a", "c", 7), Precedence("c", "d"))
    plan = solve(Problem(tasks, arcs, (Pool("p", 2),), (Reservation("p", 0, 30, 1),)))
    assert why(plan, "a") == ("reservation", (), "p")
    assert why(plan, "b") == ("window", (), None)
    assert why(plan, "c") == ("predecessor", ("a",), None)
    assert plan.analysis.holds["c"].lag == 7
    assert [name for name, _ in plan.analysis.critical_path] == ["b"]


def test_deadlines_and_latest_starts_bound_slack() -> None:
    tasks = (task("a", 4, deadline=10), Task("b", (Mode(4),), window=(0, 3)), task("end", 100))
    plan = solve(Problem(tasks, (Precedence("a", "end"),)))
    assert plan.analysis.slack["a"].total == 0
    assert plan.analysis.slack["b"].total == 3
    alone = solve(Problem((*tasks[:2], task("other", 100))))
    assert alone.analysis.slack["a"].total == 6
