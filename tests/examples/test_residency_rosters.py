"""Rosters of the residency example, looked at by a checker that shares no code with it."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from duty_checker import broken

from definitions.digest import canonical_json
from longpole import PermanentFailure, step

DATA = Path(__file__).parents[2] / "examples" / "residency" / "data"
FIRST = date(2026, 1, 5)
GOOD_ENOUGH = 0.5
"""Tests need a legal roster, not the best: the gap at which the search may end."""


def made(residency: Any, folder: Path, **settings: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The results of `validate_input` and `generate_schedule`."""
    valid = residency.validate_input({"data_dir": str(folder), **settings})["result"]
    search = {"time_limit_seconds": 120, "accepted_gap": GOOD_ENOUGH}
    return valid, residency.generate_schedule({"problem": valid["problem"], **search})["result"]


def looked_at(residency: Any, problem: dict[str, Any], roster: list[dict[str, Any]]) -> bool:
    """Whether the example's own checks find the roster legal."""
    given = {"problem": problem, "roster": roster}
    compliant = residency.check_acgme_compliance(given)["result"]["compliant"]
    return compliant and residency.detect_conflicts(given)["result"]["conflicts"] == 0


@pytest.mark.parametrize("seed", [7, 1])
def test_a_roster_breaks_no_hard_rule(seed: int, residency: Any, make_data: Any, tmp_path: Path) -> None:
    files = make_data.make(seed)
    make_data.write(files, tmp_path)
    with step.simulate() as told:
        valid, schedule = made(residency, tmp_path)
        roster = schedule["roster"]
        assert broken(files, roster, FIRST, FIRST + timedelta(days=27)) == []
        assert len(roster) == valid["duties"] == 428
        assert looked_at(residency, valid["problem"], roster)
        assert_checks_agree(residency, files, valid["problem"], roster, random.Random(seed))
    assert 0 < schedule["bound"] <= schedule["objective"]
    assert schedule["gap"] == pytest.approx(1 - schedule["bound"] / schedule["objective"], abs=1e-3)
    assert schedule["gap"] <= GOOD_ENOUGH
    # The costs are counted over the roster, the objective is the solver's own.
    assert sum(each["cost"] for each in schedule["costs"]) == schedule["objective"]
    assert any("cost" in label for _, label in told.progress)
    assert {artifact["name"] for artifact in told.artifacts} >= {"roster as CSV"}


def assert_checks_agree(
    residency: Any, files: Mapping[str, str], problem: dict[str, Any], roster: list[dict[str, Any]], draw: random.Random
) -> None:
    """On rosters that were tampered with, the example's checks and the other checker come to the same verdict."""
    people = [each["id"] for each in problem["residents"]]
    verdicts = set()
    for _ in range(40):
        changed = [dict(duty) for duty in roster]
        for duty in draw.sample(changed, draw.choice((1, 2))):
            other = draw.choice(changed)
            # Two of the same post change nothing but names; a resident put into a place may well be legal.
            if draw.random() < 0.5:
                duty["resident"], other["resident"] = other["resident"], duty["resident"]
            else:
                duty["resident"] = draw.choice(people)
        legal = not broken(files, changed, FIRST, FIRST + timedelta(days=27))
        assert looked_at(residency, problem, changed) == legal, changed
        verdicts.add(legal)
    assert verdicts == {True, False}


@pytest.mark.long
def test_six_weeks_are_planned_piece_by_piece_and_keep_every_rule_across(
    residency: Any, make_data: Any, tmp_path: Path
) -> None:
    files = make_data.make(5, weeks=6)
    make_data.write(files, tmp_path)
    last = FIRST + timedelta(days=41)
    with step.simulate():
        _, schedule = made(residency, tmp_path, end_date=last.isoformat())
    assert broken(files, schedule["roster"], FIRST, last) == []
    assert len(schedule["blocks"]) == 2
    assert schedule["bound"] is None
    assert schedule["objective"] == sum(each["cost"] for each in schedule["costs"])


def test_a_small_roster_is_proven_to_be_the_best(residency: Any, make_data: Any, tmp_path: Path) -> None:
    write_small(make_data, tmp_path)
    with step.simulate():
        valid = residency.validate_input({"data_dir": str(tmp_path), "end_date": "2026-01-11"})["result"]
        answer = residency.generate_schedule({"problem": valid["problem"], "time_limit_seconds": 60})
    schedule = answer["result"]
    assert (schedule["status"], schedule["gap"]) == ("optimal", 0)
    # Seven days for two, one of whom is off once as asked: nothing is left to be wished for.
    assert schedule["objective"] == 0
    assert "proven" in answer["message"]
    assert [duty["resident"] for duty in schedule["roster"] if duty["date"] == "2026-01-07"] == ["B"]


def test_with_hardly_any_time_there_is_a_legal_roster_or_a_clear_no(residency: Any, make_data: Any) -> None:
    with step.simulate():
        problem = residency.validate_input({})["result"]["problem"]
        schedule, said = {}, ""
        try:
            schedule = residency.generate_schedule({"problem": problem, "time_limit_seconds": 1})["result"]
        except PermanentFailure as failure:
            said = str(failure)
    if schedule:
        assert broken(make_data.make(), schedule["roster"], FIRST, FIRST + timedelta(days=27)) == []
    else:
        assert "nor a proof that there is none" in said
        assert "give the run more `time_limit_seconds`" in said


def test_a_cancelled_search_ends(residency: Any, tmp_path: Path) -> None:
    with step.simulate() as told:
        valid = residency.validate_input({})["result"]
        timer = threading.Timer(0.5, told.cancel)
        timer.start()
        with pytest.raises(step.StepCancelled):
            residency.generate_schedule({"problem": valid["problem"], "time_limit_seconds": 170})
        timer.join()


def test_the_data_is_what_its_script_makes(make_data: Any) -> None:
    stored = {path.name: path.read_text() for path in DATA.iterdir()}
    assert make_data.make() == stored
    assert canonical_json(make_data.make(8)) != canonical_json(stored)


def write_small(make_data: Any, folder: Path) -> None:
    """Two residents, one post by day."""
    make_data.write(
        {
            "residents.csv": "id,name,pgy\nA,Ann,1\nB,Bob,1\n",
            "shifts.csv": "id,name,start,hours\nday,Day,07:00,10\n",
            "rotations.csv": "id,name,levels\nward,Ward,1\n",
            "coverage.csv": "rotation,shift,days,residents\nward,day,daily,1\n",
            "requests.csv": "resident,date,want\nA,2026-01-07,off\n",
        },
        folder,
    )
