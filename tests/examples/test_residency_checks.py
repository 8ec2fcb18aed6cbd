"""The steps of the residency example that look at a finished roster, on small ones written by hand."""

from __future__ import annotations

import json
import re
import socketserver
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from longpole import InvalidInput, PermanentFailure, TemporaryFailure, step

SHIFTS = [
    {"id": "day", "name": "Day", "start": 420, "clinical": 600},
    {"id": "night", "name": "Night", "start": 1200, "clinical": 720},
    {"id": "call", "name": "Call", "start": 420, "clinical": 1440, "handover": 120},
]


def problem(days: int = 28, **fields: Any) -> dict[str, Any]:
    """Three residents, two rotations; nothing is needed unless it is said."""
    return {
        "start": "2026-01-05",
        "end": date_of(days - 1),
        "residents": [
            {"id": "A", "name": "Ann", "pgy": 1},
            {"id": "B", "name": "Bob", "pgy": 2},
            {"id": "C", "name": "Cy", "pgy": 3},
        ],
        "shifts": SHIFTS,
        "rotations": [
            {"id": "ward", "name": "Ward", "levels": [1, 2, 3]},
            {"id": "icu", "name": "ICU", "levels": [2, 3]},
        ],
        "needs": [],
        **fields,
    }


def date_of(number: int) -> str:
    return f"2026-01-{5 + number:02}" if number < 27 else f"2026-02-{number - 26:02}"


def duty(resident: str, number: int, shift: str = "day", rotation: str = "ward") -> dict[str, str]:
    return {"resident": resident, "date": date_of(number), "rotation": rotation, "shift": shift}


def findings(residency: Any, roster: Sequence[dict[str, str]], **fields: Any) -> dict[tuple[str, str], dict[str, Any]]:
    with step.simulate():
        answer = residency.check_acgme_compliance({"problem": problem(**fields), "roster": list(roster)})
    assert answer["success"] is True
    found = {(each["resident"], each["rule"]): each for each in answer["result"]["findings"]}
    assert answer["result"]["compliant"] == all(each["kept"] for each in found.values())
    return found


def test_hours_are_averaged_over_four_weeks(residency: Any) -> None:
    full = [duty("A", number) for number in range(24)]
    found = findings(residency, full)["A", "80 hours a week"]
    assert (found["measured"], found["limit"], found["kept"]) == (60, 80, True)
    calls = [duty("A", number, "call") for number in range(0, 27, 2)]
    found = findings(residency, calls)["A", "80 hours a week"]
    assert (found["measured"], found["kept"]) == (14 * 26 / 4, False)
    assert "Ann (A) 91 hours a week from 2026-01-05 to 2026-02-01, at most 80" in found["text"]


def test_leave_is_taken_out_of_the_average(residency: Any) -> None:
    leave = [{"resident": "A", "first": date_of(14), "last": date_of(27), "kind": "vacation"}]
    worked = [duty("A", number, "call") for number in (0, 2, 4, 6, 8, 10, 12)]
    assert findings(residency, worked)["A", "80 hours a week"]["measured"] == 7 * 26 / 4
    found = findings(residency, worked, leave=leave)["A", "80 hours a week"]
    assert (found["measured"], found["kept"]) == (7 * 26 / 2, False)


def test_every_four_weeks_in_a_row_count(residency: Any) -> None:
    # Free at both ends: the calendar's first and last four weeks are fine, those from the second week on are not.
    worked = [duty("A", number) for number in range(7, 34)]
    found = findings(residency, worked, days=42)["A", "one day in seven free"]
    assert (found["measured"], found["limit"], found["kept"]) == (1, 4, False)
    assert found["first"] in (date_of(6), date_of(7))


def test_the_morning_after_a_night_is_no_free_day(residency: Any) -> None:
    worked = [duty("A", number, "night") for number in range(0, 28, 2)]
    assert findings(residency, worked)["A", "one day in seven free"]["measured"] == 0
    worked = [duty("A", number, "day") for number in range(0, 28, 2)]
    assert findings(residency, worked)["A", "one day in seven free"]["measured"] == 14


@pytest.mark.parametrize(
    ("roster", "rest", "least", "kept"),
    [
        ([duty("A", 0, "night"), duty("A", 1, "night")], 12, 8, True),
        ([duty("A", 0, "night"), duty("A", 2, "day")], 23, 8, True),
        ([duty("A", 0, "day"), duty("A", 0, "night")], 3, 8, False),
        ([duty("A", 0, "call"), duty("A", 1, "night")], 11, 14, False),
        ([duty("A", 0, "call"), duty("A", 2, "day")], 22, 14, True),
    ],
)
def test_rest_depends_on_what_came_before(
    roster: list[dict[str, str]], rest: float, least: float, kept: bool, residency: Any
) -> None:
    found = findings(residency, roster)["A", "rest between shifts"]
    assert (found["measured"], found["limit"], found["kept"]) == (rest, least, kept)


def test_longer_than_twenty_eight_hours_on_is_found_also_across_shifts(residency: Any) -> None:
    assert findings(residency, [duty("A", 0, "call")])["A", "at most 24 + 4 hours on"]["measured"] == 26
    # The day begins when the call's handover is still on.
    found = findings(residency, [duty("A", 0, "call"), duty("A", 1, "day")])["A", "at most 24 + 4 hours on"]
    assert (found["measured"], found["kept"]) == (34, False)


def test_calls_are_counted(residency: Any) -> None:
    found = findings(residency, [duty("A", number, "call") for number in range(0, 20, 2)])
    call = found["A", "call every third night at most"]
    assert (call["measured"], call["limit"], call["kept"]) == (10, 9, False)


def test_every_kind_of_conflict_is_found(residency: Any) -> None:
    given = problem(
        7,
        needs=[
            {"rotation": "ward", "shift": "day", "weekdays": [0, 1], "residents": 1},
            {"rotation": "icu", "shift": "call", "weekdays": [2], "residents": 2},
            {"rotation": "ward", "shift": "day", "day": date_of(1), "residents": 2},
        ],
        leave=[{"resident": "B", "first": date_of(3), "last": date_of(3), "kind": "vacation"}],
        requests=[
            {"resident": "A", "day": date_of(0), "want": "off", "weight": 2},
            {"resident": "A", "day": date_of(3), "want": "off"},
            {"resident": "C", "day": date_of(1), "want": "day"},
            {"resident": "C", "day": date_of(5), "want": "night"},
            {"resident": "C", "day": date_of(20), "want": "night"},
        ],
    )
    roster = [
        duty("A", 0),
        duty("A", 0, "call", "icu"),
        duty("C", 1),
        duty("B", 2, "call", "icu"),
        duty("B", 4),
    ]
    with step.simulate() as told:
        result = residency.detect_conflicts({"problem": given, "roster": roster})["result"]
    (double,) = result["double_bookings"]
    assert "Ann (A) is on" in double["text"]
    assert "10 h at once" in double["text"]
    (clash,) = result["leave_clashes"]
    assert (clash["resident"], clash["date"]) == ("B", date_of(2))
    assert f"on leave on {date_of(3)}" in clash["text"]
    (stranger,) = result["not_eligible"]
    assert (stranger["resident"], stranger["rotation"]) == ("A", "icu")
    assert [(each["date"], each["needed"], each["there"]) for each in result["understaffed"]] == [
        (date_of(1), 2, 1),
        (date_of(2), 2, 1),
    ]
    assert [(each["date"], each["rotation"]) for each in result["overstaffed"]] == [
        (date_of(0), "icu"),
        (date_of(4), "ward"),
    ]
    assert [(each["resident"], each["date"]) for each in result["requests_not_met"]] == [
        ("A", date_of(0)),
        ("C", date_of(5)),
    ]
    assert (result["conflicts"], result["requests"], result["requests_met"]) == (7, 4, 2)
    assert sum(1 for level, *_ in told.logs if level == "ERROR") == 7


def test_resilience_tells_who_could_step_in_and_what_stays_short(residency: Any) -> None:
    given = problem(
        7,
        needs=[
            {"rotation": "ward", "shift": "day", "weekdays": [0], "residents": 1},
            {"rotation": "icu", "shift": "call", "weekdays": [2], "residents": 1},
            {"rotation": "icu", "shift": "day", "weekdays": [3], "residents": 1},
        ],
        leave=[{"resident": "C", "first": date_of(2), "last": date_of(2), "kind": "vacation"}],
        requests=[{"resident": "B", "day": date_of(0), "want": "off"}],
    )
    roster = [duty("A", 0), duty("B", 2, "call", "icu"), duty("C", 3, "day", "icu")]
    with step.simulate() as told:
        result = residency.calculate_resilience({"problem": given, "roster": roster})["result"]
    found = {each["resident"]: each for each in result["absences"]}
    # B would rather be off on Monday, so C is asked first.
    assert (found["A"]["replacements"], found["A"]["best"], found["A"]["missing"]) == (2, "C", 0)
    # A is not eligible, C on leave.
    assert (found["B"]["replacements"], found["B"]["best"], found["B"]["missing"]) == (0, None, 1)
    # B still rests from the call.
    assert (found["C"]["replacements"], found["C"]["missing"]) == (0, 1)
    assert result["score"] == pytest.approx(100 / 3, abs=0.1)
    assert {each["resident"] for each in result["breaking"]} == {"B", "C"}
    assert told.progress[-1][0] == 1


def test_nobody_steps_in_beyond_their_own_hours(residency: Any) -> None:
    needs = [{"rotation": "icu", "shift": "day", "day": date_of(27), "residents": 1}]
    roster = [duty("C", 27, "day", "icu"), *(duty("B", number) for number in range(24))]
    with step.simulate():
        result = residency.calculate_resilience({"problem": problem(needs=needs), "roster": roster})["result"]
    (last,) = [each for each in result["absences"] if each["resident"] == "C"]
    # B has four free days and needs them all.
    assert last["replacements"] == 0


def test_a_roster_that_names_strangers_is_refused(residency: Any) -> None:
    for handler in (residency.check_acgme_compliance, residency.detect_conflicts, residency.calculate_resilience):
        with step.simulate(), pytest.raises(InvalidInput, match=r"`roster.0.resident`: there is no `Z`"):
            handler({"problem": problem(), "roster": [duty("Z", 0)]})


# -- the notification -------------------------------------------------------------------------------------------------


@pytest.fixture
def outcome(residency: Any, tmp_path: Path) -> dict[str, Any]:
    """The notification's input after a run over one week, one of whose requests is not met."""
    given = problem(
        7,
        needs=[{"rotation": "ward", "shift": "day", "weekdays": list(range(7)), "residents": 1}],
        requests=[{"resident": each, "day": date_of(2), "want": "off"} for each in "ABC"],
    )
    given["residents"][0]["name"] = "Ann <b>& Co"
    with step.simulate(workdir=tmp_path):
        schedule = residency.generate_schedule({"problem": given, "time_limit_seconds": 60})["result"]
        checked = {"problem": given, "roster": schedule["roster"]}
        return {
            "problem": given,
            "schedule": schedule,
            "compliance": residency.check_acgme_compliance(checked)["result"],
            "conflicts": residency.detect_conflicts(checked)["result"],
            "resilience": residency.calculate_resilience(checked)["result"],
        }


def test_the_page_needs_nothing_but_itself_and_shows_everybody(
    residency: Any, outcome: dict[str, Any], tmp_path: Path
) -> None:
    with step.simulate(workdir=tmp_path) as told:
        result = residency.send_notification(outcome)["result"]
    assert [artifact["name"] for artifact in told.artifacts] == ["roster", "notification"]
    page = (tmp_path / result["page"]).read_text()
    assert not re.search(r"<script|<link|url\(|https?:|(src|href)=", page)
    assert "$" not in page
    assert "Ann &lt;b&gt;&amp; Co" in page
    assert "<b>& Co" not in page
    assert page.count('class="h') >= 7 + 4
    assert 'class="k0 unmet"' in page
    assert "asked for the day off on Wed 2026-01-07" in page
    assert "prefers-color-scheme: dark" in page
    assert result["facts"]["requests_met"] == 2
    assert result["subject"] == "Duty roster 2026-01-05 to 2026-01-11: ready"
    assert json.loads((tmp_path / "notification.json").read_text()) == result


def test_a_roster_that_breaks_rules_is_not_called_ready(
    residency: Any, outcome: dict[str, Any], tmp_path: Path
) -> None:
    roster = [*outcome["schedule"]["roster"], duty("A", 0, "call", "icu"), duty("A", 1, "call", "icu")]
    checked = {"problem": outcome["problem"], "roster": roster}
    with step.simulate(workdir=tmp_path):
        given = {
            **outcome,
            "schedule": {**outcome["schedule"], "roster": roster},
            "compliance": residency.check_acgme_compliance(checked)["result"],
            "conflicts": residency.detect_conflicts(checked)["result"],
        }
        result = residency.send_notification(given)["result"]
    assert result["subject"].endswith("NOT LEGAL")
    page = (tmp_path / result["page"]).read_text()
    assert "Not legal as it stands" in page
    assert "rest between shifts: Ann" in page
    assert 'class="k2 unmet" title="2026-01-06: Call, ICU, 07:00 to 09:00; breaks a rule">C✗' in page


def test_a_failed_step_is_told(residency: Any) -> None:
    # As an error handler gets it: the run's input, and the error.
    given = {"start_date": "2026-01-05", "error": {"step_id": "generate", "message": "no roster", "attempts": 1}}
    with step.simulate() as told:
        result = residency.send_notification(given)["result"]
    assert (result["subject"], result["body"]) == ("No duty roster: step `generate` failed", "no roster")
    assert "no roster" in told.logs[-1][1]


@contextmanager
def hook(*statuses: int) -> Iterator[tuple[str, list[tuple[str, dict[str, Any]]]]]:
    """A webhook's receiver that answers with these, one after the other: its address, and what it got."""
    got: list[tuple[str, dict[str, Any]]] = []
    answers = iter(statuses)

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.headers["Idempotency-Key"], json.loads(body)))
            self.send_response(next(answers))
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hook", got
        server.shutdown()
        thread.join()


def test_a_webhook_is_called_once_however_often_the_step_is_tried(
    residency: Any, outcome: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESIDENCY_ALLOW_PRIVATE_WEBHOOKS", "1")
    with hook(503, 204) as (url, got):
        given = {**outcome, "webhook_url": url}
        with step.simulate(workdir=tmp_path), pytest.raises(TemporaryFailure, match="503"):
            residency.send_notification(given)
        for attempt in (2, 3):
            with step.simulate(attempt=attempt, workdir=tmp_path):
                assert residency.send_notification(given)["result"]["sent_to"] == [url]
    assert [key for key, _ in got] == ["exec_simulated/step"] * 2
    assert got[1][1]["facts"]["violations"] == 0


def test_a_webhook_that_refuses_is_a_permanent_failure(
    residency: Any, outcome: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESIDENCY_ALLOW_PRIVATE_WEBHOOKS", "1")
    with hook(403) as (url, _), step.simulate(), pytest.raises(PermanentFailure, match="403: check `webhook_url`"):
        residency.send_notification({**outcome, "webhook_url": url})


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x", "http://[::1]/x", "file:///etc/passwd", "http://10.1.2.3"])
def test_a_webhook_can_not_reach_what_only_the_worker_can(url: str, residency: Any, outcome: dict[str, Any]) -> None:
    with step.simulate(), pytest.raises(InvalidInput, match="`webhook_url`"):
        residency.send_notification({**outcome, "webhook_url": url})


def test_mail_goes_through_the_operators_server(residency: Any, outcome: dict[str, Any]) -> None:
    letters: list[str] = []

    class Server(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 ready\r\n")
            while line := self.rfile.readline():
                if line.upper().startswith(b"DATA"):
                    self.wfile.write(b"354 go on\r\n")
                    text = b""
                    while (part := self.rfile.readline()) != b".\r\n":
                        text += part
                    letters.append(text.decode())
                self.wfile.write(b"221 bye\r\n" if line.upper().startswith(b"QUIT") else b"250 ok\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        secrets = {"residency_smtp": f"smtp://127.0.0.1:{server.server_address[1]}"}
        with step.simulate(secrets=secrets):
            result = residency.send_notification({**outcome, "email_to": ["chief@example.org"]})["result"]
        with step.simulate(secrets=secrets), pytest.raises(InvalidInput, match="is no address"):
            residency.send_notification({**outcome, "email_to": ["a@b.org, c@d.org"]})
        server.shutdown()
        thread.join()
    assert result["sent_to"] == ["chief@example.org"]
    (letter,) = letters
    assert "Subject: Duty roster 2026-01-05 to 2026-01-11: ready" in letter
    assert "To: chief@example.org" in letter


def test_mail_without_a_server_says_what_the_operator_has_to_do(residency: Any, outcome: dict[str, Any]) -> None:
    with step.simulate(secrets={}), pytest.raises(PermanentFailure, match="LONGPOLE_SECRET_RESIDENCY_SMTP"):
        residency.send_notification({**outcome, "email_to": ["chief@example.org"]})
