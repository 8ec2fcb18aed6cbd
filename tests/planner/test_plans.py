"""Whatever is planned: every plan, also each on the way, keeps every rule by the independent checker."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from planner import Limits, Objective, Plan, Problem, Status, solve
from tests.planner.checking import faults
from tests.planner.random_problems import problems

LITTLE = Limits(seconds=None, work=0.3)
SLOWLY = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@SLOWLY
@given(problems())
def test_every_plan_keeps_every_rule_and_is_never_worse_than_the_one_before(problem: Problem) -> None:
    told: list[Plan] = []
    plan = solve(problem, LITTLE, told.append)
    note(f"{plan.status} by {plan.method}")
    assert (plan.schedule is None) == (plan.status in (Status.INFEASIBLE, Status.UNKNOWN))
    assert [faults(each) for each in told] == [[] for _ in told]
    values = [each.objective for each in told if each.objective is not None]
    if not problem.objective.lexicographic:
        assert values == sorted(values, reverse=True)
    if plan.schedule is not None and plan.objective is not None and plan.bound is not None:
        assert faults(plan) == []
        assert plan.bound <= plan.objective
        assert told
        assert not values or plan.objective <= values[-1] * (1 + 1e-9) + 1e-9
        if plan.status is Status.OPTIMAL:
            assert plan.gap == 0


@settings(SLOWLY, max_examples=25)
@given(problems(most=6))
def test_the_same_work_gives_the_same_plan(problem: Problem) -> None:
    first, second = solve(problem, LITTLE), solve(problem, LITTLE)
    assert first.schedule == second.schedule
    assert (first.status, first.objective, first.bound) == (second.status, second.objective, second.bound)


@settings(SLOWLY, max_examples=30)
@given(problems(most=7, bursts=False), st.sampled_from([0.0, 0.5, 1.0]))
def test_all_tasks_may_slip_by_a_share_of_their_slack_together(problem: Problem, share: float) -> None:
    plan = solve(problem, LITTLE)
    if plan.schedule is None:
        return
    slack = [plan.analysis.slack[task.id].total * share for task in problem.tasks]
    schedule = plan.schedule
    slipped = replace(
        schedule,
        starts=[start + slip for start, slip in zip(schedule.starts, slack, strict=True)],
        ends=[end + slip for end, slip in zip(schedule.ends, slack, strict=True)],
        parts={
            task: tuple((start + slack[task], end + slack[task]) for start, end in spans)
            for task, spans in schedule.parts.items()
        },
    )
    free = replace(problem, budgets=())  # another hour may have another price
    late = Plan(free, Status.FEASIBLE, slipped, None, None, "list", 0.0)
    assert faults(late) == []
    assert late.makespan <= plan.makespan + 1e-6


@settings(SLOWLY, max_examples=25)
@given(problems(most=6))
def test_the_critical_path_leads_from_what_nothing_holds_to_the_end(problem: Problem) -> None:
    plan = solve(problem, LITTLE)
    if plan.schedule is None:
        return
    path = plan.analysis.critical_path
    assert plan.assignments[path[-1][0]].end == plan.makespan
    assert not path[0][1].tasks or path[0][1].tasks[0] in [name for name, _ in path]
    for (before, _), (name, hold) in pairwise(path):
        assert hold.tasks[0] == before
        assert plan.assignments[name].start >= plan.assignments[before].start - 30


@settings(SLOWLY, max_examples=30)
@given(problems(most=6, objective=Objective(duration=1)))
def test_a_plan_in_force_never_makes_the_next_one_worse(problem: Problem) -> None:
    before = solve(problem, LITTLE)
    after = solve(replace(problem, current=before), LITTLE)
    if before.objective is not None and after.objective is not None:
        assert after.objective <= before.objective * (1 + 1e-9)
        assert faults(after) == []
