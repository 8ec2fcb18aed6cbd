"""`longpole schedules` beside a running `longpole up`."""

from __future__ import annotations

from command_line import CommandLine

ECHO = [{"id": "a", "handler": "steps.echo"}]


def test_a_schedule_from_its_making_to_its_end(served: CommandLine) -> None:
    file = served.workflow("nightly", ECHO)
    when = ("--cron", "30 2 * * *", "--timezone", "Europe/Berlin", "--input", "day=${schedule.date}")
    done = served("schedules", "set", file, *when)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("nightly  30 2 * * * Europe/Berlin  active")
    run = served("schedules", "trigger", "nightly").stdout.strip()
    asked = ("schedules", "backfill", "nightly", "--start", "2026-03-01 00:00", "--end", "2026-03-01 12:00")
    assert [each["due_at"] for each in served.json(*asked)] == ["2026-03-01T01:30:00+00:00"]
    assert "paused" in served("schedules", "pause", "nightly", "--note", "holidays").stdout
    shown = served.json("schedules", "show", "nightly")
    assert (shown["enabled"], shown["note"]) == (False, "holidays")
    assert [each["kind"] for each in shown["occurrences"]] == ["manual", "backfill"]
    assert shown["occurrences"][0]["execution_id"] == run
    assert "active" in served("schedules", "resume", "nightly").stdout
    assert "nightly" in served("schedules", "list").stdout
    assert served("schedules", "delete", "nightly").returncode == 0
    gone = served("schedules", "show", "nightly")
    assert gone.returncode == 2
    assert "there is no schedule" in gone.stderr


def test_what_is_wrong_is_told_field_by_field(served: CommandLine) -> None:
    done = served("schedules", "set", served.workflow("bad", ECHO), "--cron", "99 * * * *", "--overlap", "hop")
    assert done.returncode == 2
    assert "schedule.expression: minute: 99 is not between 0 and 59" in done.stderr
    assert "overlap_policy" in done.stderr
    assert "there is no workflow 'nobody'" in served("schedules", "show", "nobody").stderr


def test_a_preview_needs_no_service(longpole: CommandLine) -> None:
    asked = ("schedules", "preview", "--cron", "30 2 * * *", "--timezone", "Europe/Berlin", "-n", "2")
    spring = longpole(*asked, "--after", "2027-03-27T12:00")
    assert spring.stdout.splitlines() == [
        "Mon 2027-03-29 02:30:00 CEST  2027-03-29T00:30:00Z",
        "Tue 2027-03-30 02:30:00 CEST  2027-03-30T00:30:00Z",
        "2027-03-28 02:30 does not exist in Europe/Berlin",
    ]
    autumn = longpole.json(*asked, "--after", "2027-10-30T12:00")
    assert autumn == {
        "times": ["2027-10-31T01:30:00+00:00", "2027-11-01T01:30:00+00:00"],
        "clock_changes": [{"reading": "2027-10-31T02:30:00", "how": "repeated"}],
    }
