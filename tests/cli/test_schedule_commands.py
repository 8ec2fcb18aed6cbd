"""`longpole schedules preview`, which needs no service; what does is in `test_served_commands.py`."""

from __future__ import annotations

from command_line import CommandLine


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
