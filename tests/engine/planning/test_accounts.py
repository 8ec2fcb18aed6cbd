"""What is told about a plan."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cases import case, step, workflow

from definitions.errors import LongpoleError
from engine.planning.account import Account, tell
from engine.planning.account_json import account_json
from engine.planning.case import Case, open_case
from engine.planning.objectives import ObjectiveInvalid, objective_text, parse_objective
from engine.planning.request import Request
from engine.planning.scenarios import ScenarioInvalid, compare, open_scenario, parse_scenario
from longpole.cli.inputs import json_or_text
from planner import Limits, Status, solve

HOUR = 3600.0
QUICK = Limits(work=2.0)
GPU = {"gpu": {"capacity": 1, "price": {"per_hour": 2, "rules": [{"hours": "22:00-06:00", "per_hour": 0.5}]}}}


def trainings(**fields: Any) -> Case:
    """Three trainings on one card."""
    wants = {"resources": {"gpu": 1}}
    return case(workflow(step("a", 1, **wants), step("b", 2, **wants), step("c", 1, **wants)), pools=GPU, **fields)


def told(found: Case) -> Account:
    return tell(found, solve(found.problem, QUICK), marginals=QUICK)


def test_steps_are_told_with_reasons_and_money() -> None:
    account = told(trainings())
    assert account.plan.status is Status.OPTIMAL
    assert account.plan.makespan == 4 * HOUR
    assert sum(each.cost for each in account.steps) == pytest.approx(account.plan.cost)
    assert all(each.critical and each.slack_seconds == 0 for each in account.steps)
    first, second, _ = account.steps
    assert (first.held_by, first.why) == ("origin", "at once")
    assert (second.held_by, second.waits_for) == ("pool", (first.id,))
    assert second.why == f"gpu: held by {first.id}"


def test_night_prices_move_work_and_savings_are_told() -> None:
    account = told(trainings(objective=parse_objective("cost")))
    assert account.plan.status is Status.OPTIMAL
    assert account.plan.cost == pytest.approx(2.0)
    assert account.plan.savings == pytest.approx(6.0)
    assert account.at(account.steps[0].start_seconds).hour == 22
    assert account.steps[0].why == "cheaper then"


def test_pool_use_adds_up() -> None:
    (pool,) = told(trainings(objective=parse_objective("cost"))).pools
    first = pool.spans[0]
    assert (first.start, first.end, first.used, first.price) == (0, 4 * HOUR, 0, 2)
    assert pool.spans[-1].end == 8 * HOUR
    assert all(earlier.end == later.start for earlier, later in zip(pool.spans, pool.spans[1:], strict=False))
    assert sum((span.end - span.start) * span.used for span in pool.spans) == 4 * HOUR
    assert (pool.peak, pool.busy, pool.cost) == (1, 0.5, pytest.approx(2.0))
    assert pool.priced


def test_bottlenecks_have_the_value_that_planning_again_finds() -> None:
    (bottleneck,) = told(trainings()).bottlenecks
    assert (bottleneck.pool, bottleneck.units, bottleneck.gain.seconds) == ("gpu", 1, 2 * HOUR)


def test_the_json_is_json_and_times_have_their_zone() -> None:
    found = json.loads(json.dumps(account_json(told(trainings())), allow_nan=False))
    assert found["status"] == "optimal"
    assert found["start"] == "2025-07-02T18:00:00+02:00"
    assert found["end"] == "2025-07-02T22:00:00+02:00"
    assert found["critical_path"] == [each["id"] for each in found["steps"]]
    assert found["objective"] == {"name": "makespan", "value": 4 * HOUR, "bound": 4 * HOUR, "gap": 0.0}


def test_moments_follow_the_clock_when_it_is_put_forward() -> None:
    start = datetime(2025, 3, 30, 1, 0, tzinfo=ZoneInfo("Europe/Berlin"))
    found = open_case(Request((workflow(step("a", 2)),), start))
    account = told(found)
    assert account.end.isoformat() == "2025-03-30T04:00:00+02:00"


def test_what_if_compares_with_the_plan() -> None:
    found = trainings()
    plan = solve(found.problem, QUICK)

    def with_(text: str) -> tuple[float, float]:
        compared = compare(plan, open_scenario(found, text, parse_scenario(text, json.loads)), QUICK)
        return compared.plan.makespan, compared.saves_seconds

    assert with_("pools.gpu=3") == (2 * HOUR, 2 * HOUR)
    assert with_("pools.gpu.capacity=2,steps.b.estimated_duration=3600") == (2 * HOUR, 2 * HOUR)
    assert with_("workflow.max_parallel_steps=1,pools.gpu=3") == (4 * HOUR, 0)
    assert with_("pools.gpu.price=0") == (4 * HOUR, 0)


def test_what_if_may_make_a_plan_impossible_or_possible() -> None:
    found = trainings()
    plan = solve(found.problem, QUICK)
    for text in ("budget=1", "deadline=3h"):
        impossible = compare(plan, open_scenario(found, text, parse_scenario(text, json_or_text)), QUICK)
        assert (impossible.plan.status, impossible.moved) == (Status.INFEASIBLE, None)
    tight = trainings(budget=1.0)
    refused = solve(tight.problem, QUICK)
    assert refused.status is Status.INFEASIBLE
    richer = open_scenario(tight, "richer", parse_scenario("budget=9", json.loads))
    possible = compare(refused, richer, QUICK)
    assert possible.plan.schedule is not None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("pools.gup=3", "`gpu`"),
        ("steps.other.estimated_duration=3", "a, b, c"),
        ("gpu=3", "pools.gpu=3"),
        ("steps.a=3", "steps.train"),
        ("pools.gpu", "pools.gpu=3"),
        ("budget=-1", "budget"),
    ],
)
def test_a_change_of_what_is_not_there_is_told(text: str, told: str) -> None:
    found = trainings()
    with pytest.raises(ScenarioInvalid) as caught:
        open_scenario(found, text, parse_scenario(text, json.loads))
    assert told in str(caught.value)


def test_a_change_that_makes_no_sense_is_told_as_in_the_file() -> None:
    found = trainings()
    with pytest.raises(LongpoleError, match=r"pools\.gpu\.capacity"):
        open_scenario(found, "", parse_scenario("pools.gpu=-3", json.loads))


def test_objectives_are_read_as_they_are_written() -> None:
    for text in ("makespan", "cost", "balanced", "completion", "cost,completion", "duration=0.7,cost=0.3"):
        assert objective_text(parse_objective(text)) == text
    assert parse_objective("makespan,cost").lexicographic == ("duration", "cost")


@pytest.mark.parametrize("text", ["", "makspan", "cost=x", "cost=0", "cost=nan", "cost,duration=1", "cost,cost"])
def test_what_is_no_objective_is_refused(text: str) -> None:
    with pytest.raises(ObjectiveInvalid):
        parse_objective(text)
