"""Mistakes in the input of the residency example, and input that no roster can meet: who and which rule is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from longpole import InvalidInput, PermanentFailure, step

WEEK = {"start_date": "2026-01-05", "end_date": "2026-01-11"}
ROTATIONS = "id,name,levels\nward,Ward,1-3\nicu,Intensive care,2-3\n"
SHIFTS = "id,name,start,hours,handover_hours\nday,Day,07:00,10,\nnight,Night,20:00,12,\ncall,Call,07:00,24,2\n"


def people(*levels: int) -> str:
    return "id,name,pgy\n" + "".join(f"R{number},Resident {number},{pgy}\n" for number, pgy in enumerate(levels, 1))


def write(folder: Path, **files: str) -> dict[str, Any]:
    """The files, with what they do not give filled in; returns the run's input."""
    usual = {
        "residents": people(1, 2, 3),
        "rotations": ROTATIONS,
        "shifts": SHIFTS,
        "coverage": "rotation,shift,days,residents\nward,day,daily,1\n",
    }
    for name, text in {**usual, **files}.items():
        (folder / f"{name}.csv").write_text(text)
    return {**WEEK, "data_dir": str(folder)}


def refusal(residency: Any, given: dict[str, Any]) -> str:
    with step.simulate() as told, pytest.raises(InvalidInput) as refused:
        residency.validate_input(given)
    assert [artifact["name"] for artifact in told.artifacts] == ["mistakes in the input"]
    kept = json.loads((told.step.workdir / "mistakes.json").read_text())
    assert all(each["file"] and each["problem"] and each["remedy"] for each in kept)
    return str(refused.value)


def test_all_mistakes_are_told_at_once_with_file_row_field_and_remedy(residency: Any, tmp_path: Path) -> None:
    given = write(
        tmp_path,
        residents="id,name,pgy,rotation\nR1,Ann,1,icu\nR2,Bob,two,\nR3,Cy,3,\nR3,Di,1,\n",
        shifts="id,name,start,hours\nday,Day,7 am,10\nnight,Night,20:00,30\nlate,Late,12:00,10\n",
        coverage="rotation,shift,days,residents\nward,late,mon-fry,1\nwrad,late,daily,1\n"
        "icu,late,sat,1\nicu,late,sat sun,2\n",
        leave="resident,first_day,last_day\nR9,2026-01-05,2026-01-06\nR1,2026-01-08,2026-01-06\n"
        "R3,2026-01-05,2026-01-09\nR3,2026-01-09,2026-01-12\n",
        requests="resident,date,want\nR3,2026-01-06,late\nR1,2026-02-30,off\nR1,2026-01-10,of\n",
    )
    lines = refusal(residency, given).splitlines()
    assert lines[0] == "the input has 14 mistakes:"
    expected = [
        ("shifts.csv, row 2, start", "`7 am`", "07:00"),
        ("shifts.csv, row 3, hours", "30", "24"),
        ("residents.csv, row 2, rotation", "PGY 2, 3", "another rotation"),
        ("residents.csv, row 3, pgy", "`two`", "1 to 9"),
        ("residents.csv, row 5, id", "row 4", "its own"),
        ("coverage.csv, row 2, days", "`mon-fry`", "`mon-fri`"),
        ("coverage.csv, row 3, rotation", "`wrad`", "did you mean `ward`?"),
        ("coverage.csv, row 5, days", "row 4", "one row only"),
        ("leave.csv, row 2, resident", "`R9`", "residents.csv"),
        ("leave.csv, row 3, last_day", "before 2026-01-08", "exchange"),
        ("leave.csv, row 5, first_day", "overlaps row 4", "join"),
        ("requests.csv, row 2, want", "on leave", "another"),
        ("requests.csv, row 3, date", "`2026-02-30`", "2026-01-31"),
        ("requests.csv, row 4, want", "`of`", "did you mean `off`?"),
    ]
    text = "\n".join(lines)
    for place, problem, remedy in expected:
        (line,) = [line for line in lines if f" {place}: " in line]
        assert problem in line, text
        assert remedy in line.replace("of its own", "its own"), text


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"rotations": "id,name\nward,Ward\n"},
            r"rotations.csv, row 1, levels: this column is missing \(the header is",
        ),
        ({"residents": "id,name,pgy,shoe\nR1,A,1,44\n"}, "residents.csv, row 1, shoe: this column is not known"),
        ({"residents": "id,name,pgy\nR1,A\n"}, "residents.csv, row 2: it has 2 cells"),
        ({"residents": "id,name,pgy\n"}, "residents.csv: it has no rows"),
        ({"coverage": "rotation,shift,days,residents\nward,day,2027-01-01,1\n"}, "nothing is needed on these days"),
    ],
)
def test_files_that_are_not_what_they_should_be(
    change: dict[str, str], told: str, residency: Any, tmp_path: Path
) -> None:
    given = write(tmp_path, **change)
    with step.simulate(), pytest.raises(InvalidInput, match=told):
        residency.validate_input(given)


def test_a_missing_file_and_bytes_that_are_no_text_are_told(residency: Any, tmp_path: Path) -> None:
    given = write(tmp_path)
    (tmp_path / "shifts.csv").unlink()
    (tmp_path / "residents.csv").write_bytes(b"id,name,pgy\nR1,Zo\xeb,1\n")
    message = refusal(residency, given)
    assert "shifts.csv: there is no such file" in message
    assert "residents.csv: it can't be read" in message


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"start_date": "tomorrow"}, "`start_date`: .*date"),
        ({"start_date": "2026-01-05", "end_date": "2026-01-04"}, "end_date.*on or after start_date"),
        ({"end_date": "2030-01-04"}, "366 days at most"),
        ({"time_limit_seconds": 0, "sead": 1}, "`time_limit_seconds`.*`sead`"),
        ([], "must be an object with .*start_date"),
    ],
)
def test_settings_that_can_not_be_used_are_named(given: Any, told: str, residency: Any) -> None:
    with step.simulate(), pytest.raises(InvalidInput, match=told):
        residency.validate_input(given)


def test_too_few_eligible_residents_are_named_with_the_rule(residency: Any, tmp_path: Path) -> None:
    given = write(
        tmp_path,
        residents=people(1, 1, 2, 2, 3, 3),
        coverage="rotation,shift,days,residents\nicu,day,wed,4\nward,day,daily,1\n",
        leave="resident,first_day,last_day\nR5,2026-01-06,2026-01-08\n",
    )
    message = refusal(residency, given)
    assert "rules coverage and eligibility" in message
    assert (
        "`icu` on `day` of Wed 2026-01-07 needs 4 residents of PGY 2, 3, 3 exist: R3, R4, R6; on leave: R5" in message
    )


def test_shortages_are_told_beside_mistakes_in_leave(residency: Any, tmp_path: Path) -> None:
    given = write(
        tmp_path,
        coverage="rotation,shift,days,residents\nicu,day,wed,3\n",
        leave="resident,first_day,last_day\nR8,2026-01-06,2026-01-08\n",
    )
    message = refusal(residency, given)
    assert "the input has 2 mistakes" in message
    assert "there is no `R8`" in message
    assert "needs 3 residents of PGY 2, 3, 2 exist: R2, R3" in message


def test_rest_after_a_call_counts_against_the_next_day(residency: Any, tmp_path: Path) -> None:
    given = write(
        tmp_path,
        residents=people(2, 2, 2, 1, 1, 1),
        coverage="rotation,shift,days,residents\nicu,call,daily,1\nicu,day,daily,2\nward,day,daily,1\n",
    )
    message = refusal(residency, given)
    assert "need 4 residents" in message
    assert "at once (on duty, or owed rest after it), 3 exist: R1, R2, R3" in message
    # Once, with no post in it that plays no part.
    assert message.count("rules coverage and eligibility") == 1
    assert "`ward`" not in message


def test_more_hours_than_the_residents_may_work_are_told_with_both_numbers(residency: Any, tmp_path: Path) -> None:
    given = write(
        tmp_path,
        residents=people(1, 1, 2),
        shifts="id,name,start,hours\nlong,Long,07:00,16\n",
        coverage="rotation,shift,days,residents\nicu,long,daily,1\n",
    )
    message = refusal(residency, given)
    assert "rule 80 hours a week: rotations `icu` need 112 hours" in message
    assert "the 1 resident of PGY 2 may work 80 at most: R3" in message


def test_a_roster_that_the_free_days_forbid_is_explained_by_the_solver(residency: Any, tmp_path: Path) -> None:
    # Enough hands and hours, but one resident would have to work all seven days: only the solver sees that.
    given = write(
        tmp_path,
        residents=people(1, 2),
        shifts="id,name,start,hours\nday,Day,07:00,8\n",
        coverage="rotation,shift,days,residents\nicu,day,daily,1\n",
    )
    message, ways = unsolvable(residency, given)
    assert "what clashes is: coverage, one day in seven free" in message
    assert "if the residents' rules are kept, posts stay empty, at least:" in message
    assert "one day in seven free: Resident 2 (R2) 0 days free from 2026-01-05 to 2026-01-11, at least 1" in message
    posts, people_rules = ways
    assert [each["rotation"] for each in posts["broken"]] == ["icu"]
    assert [each["resident"] for each in people_rules["broken"]] == ["R2"]
    assert posts["proven"]
    assert people_rules["proven"]


def test_a_roster_that_call_frequency_forbids_is_explained_by_the_solver(residency: Any, tmp_path: Path) -> None:
    given = write(
        tmp_path,
        residents=people(1, 2, 3, 3),
        coverage="rotation,shift,days,residents\nicu,call,daily,1\n",
    )
    message, (_, people_rules) = unsolvable(residency, given)
    assert "call every third night at most" in message
    assert {each["resident"] for each in people_rules["broken"]} <= {"R2", "R3", "R4"}
    assert all(each["measured"] > each["limit"] for each in people_rules["broken"] if "call" in each["rule"])


def unsolvable(residency: Any, given: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    with step.simulate() as told:
        problem = residency.validate_input(given)["result"]["problem"]
        with pytest.raises(PermanentFailure) as failed:
            residency.generate_schedule({"problem": problem, "time_limit_seconds": 60})
        assert failed.value.error_class == "infeasible"
        return str(failed.value), json.loads((told.step.workdir / "infeasible.json").read_text())
