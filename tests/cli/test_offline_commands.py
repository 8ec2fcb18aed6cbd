"""What works with nothing running."""

from __future__ import annotations

import json

import pytest
from command_line import CommandLine

FIVE_MISTAKES = """
name: five
steps:
  - {id: a, handler: os.system}
  - {id: b, handler: sleep, depends_on: [nosuch]}
  - {id: c, handler: sleep, timeout: banana}
  - {id: d, handler: sleep, condition: "__import__('os')"}
  - {id: e, handler: sleep, colour: red}
"""
TRACE = {
    "name": "small",
    "schemaVersion": "1.5",
    "workflow": {
        "specification": {"tasks": [{"id": "only", "name": "only", "parents": [], "children": []}]},
        "execution": {"tasks": [{"id": "only", "runtimeInSeconds": 20}]},
    },
}


def test_validate_prints_every_mistake(longpole: CommandLine) -> None:
    (longpole.folder / "five.yaml").write_text(FIVE_MISTAKES)
    done = longpole("validate", "five.yaml")
    assert done.returncode == 2
    assert "the definition has 5 problems" in done.stderr
    told = longpole.json("validate", "five.yaml")
    assert told["valid"] is False
    assert [problem["path"] for problem in told["problems"]] == [
        "steps[0].handler",
        "steps[1].depends_on[0]",
        "steps[2].timeout",
        "steps[3].condition",
        "steps[4].colour",
    ]
    assert all(problem["message"] and problem["code"] for problem in told["problems"])


def test_validate_loads_the_handlers(longpole: CommandLine) -> None:
    file = longpole.workflow("typo", [{"id": "a", "handler": "steps.ecko"}])
    done = longpole("validate", file)
    assert done.returncode == 2
    assert "`echo`" in done.stderr
    assert longpole("validate", longpole.workflow("right", [{"id": "a", "handler": "steps.echo"}])).returncode == 0


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("broken.yaml", "a: [1", "line 2"),
        ("notes.txt", "name: x", ".yaml"),
        ("list.json", "[]", "mapping"),
        ("latin.yaml", "caf\udce9", "UTF-8"),
        ("missing.yaml", None, "no file"),
    ],
)
def test_a_file_that_can_not_be_read_is_told(longpole: CommandLine, name: str, text: str | None, told: str) -> None:
    if text is not None:
        (longpole.folder / name).write_bytes(text.encode(errors="surrogateescape"))
    for command in ("validate", "run"):
        done = longpole(command, name)
        assert done.returncode == 2
        assert name in done.stderr
        assert told in done.stderr
        assert "Traceback" not in done.stderr
    assert longpole.json("validate", name)["problems"][0]["code"] == "document_unreadable"


def test_a_trace_becomes_a_definition(longpole: CommandLine) -> None:
    (longpole.folder / "trace.json").write_text(json.dumps(TRACE))
    printed = longpole("import-wfformat", "trace.json", "--speedup", "10")
    assert json.loads(printed.stdout)["steps"][0]["input"] == {"seconds": 2}
    assert longpole("import-wfformat", "trace.json", "-o", "made.yaml").returncode == 0
    assert longpole("validate", "made.yaml").returncode == 0
    (longpole.folder / "other.json").write_text("{}")
    assert longpole("import-wfformat", "other.json").returncode == 2


def test_reading_runs_needs_no_service(longpole: CommandLine) -> None:
    assert longpole.json("list") == {"total": 0, "runs": []}
    for command in ("show", "logs"):
        done = longpole(command, "last")
        assert done.returncode == 2
        assert "no run yet" in done.stderr
    assert not (longpole.data_dir / "temporal").exists()


def test_what_needs_a_service_says_so(longpole: CommandLine) -> None:
    file = longpole.workflow("nap", [{"id": "a", "handler": "sleep", "input": {"seconds": 0}}])
    done = longpole("run", file, "--no-wait")
    assert done.returncode == 3
    assert "longpole up" in done.stderr


def test_wrong_use_is_exit_code_2(longpole: CommandLine) -> None:
    assert longpole("frobnicate").returncode == 2
    assert longpole("run").returncode == 2
    assert longpole("list", "--status", "happy").returncode == 2
    file = longpole.workflow("nap", [{"id": "a", "handler": "sleep"}])
    done = longpole("run", file, "--input", "rows")
    assert done.returncode == 2
    assert "key=value" in done.stderr
    wrong = longpole("list", LONGPOLE_PORT="banana")
    assert wrong.returncode == 2
    assert "port" in wrong.stderr


def test_input_is_checked_before_anything_starts(longpole: CommandLine) -> None:
    schema = {"type": "object", "required": ["rows"]}
    file = longpole.workflow("strict", [{"id": "a", "handler": "sleep"}], input_schema=schema)
    done = longpole("run", file)
    assert done.returncode == 2
    assert "rows" in done.stderr
    assert not (longpole.data_dir / "temporal").exists()


def test_a_data_directory_that_can_not_be_used_is_told(longpole: CommandLine) -> None:
    (longpole.folder / "file").write_text("")
    file = longpole.workflow("nap", [{"id": "a", "handler": "sleep", "input": {"seconds": 0}}])
    for arguments in (["run", file], ["up"], ["list"]):
        done = longpole(*arguments, LONGPOLE_DATA_DIR=str(longpole.folder / "file" / "data"))
        assert done.returncode == 2, done.stderr
        assert str(longpole.folder / "file" / "data") in done.stderr


def test_an_unexpected_error_is_one_line_and_a_log(longpole: CommandLine) -> None:
    # A file where a folder belongs that only Longpole itself ever writes into.
    logs = longpole.data_dir / "logs"
    (logs / "run.log").mkdir(parents=True)
    file = longpole.workflow("nap", [{"id": "a", "handler": "sleep", "input": {"seconds": 0}}])
    done = longpole("run", file)
    assert done.returncode == 70
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: unexpected IsADirectoryError")
    error_id = line.partition("error id ")[2].partition(";")[0]
    log = (logs / "errors.log").read_text()
    assert error_id in log
    assert "Traceback" in log


def test_doctor_finds_what_is_there(longpole: CommandLine) -> None:
    done = longpole("doctor")
    assert done.returncode == 0, done.stdout
    assert "all that is needed is there" in done.stdout
    told = longpole.json("doctor")
    assert told["ok"] is True
    states = {finding["subject"]: finding["state"] for finding in told["findings"]}
    assert states["Python"] == states["packages"] == states["Temporal"] == states["handlers"] == "ok"
    assert states["service"] == "note"
    assert not longpole.data_dir.exists()


def test_doctor_finds_what_is_missing(longpole: CommandLine) -> None:
    (longpole.folder / "file").write_text("")
    done = longpole(
        "doctor",
        "--json",
        LONGPOLE_HANDLER_ALLOW="steps,not_there",
        LONGPOLE_HANDLER_PATHS=f"{longpole.env['LONGPOLE_HANDLER_PATHS']},nowhere",
        LONGPOLE_DATA_DIR=str(longpole.folder / "file" / "data"),
        TEMPORAL_ADDRESS="127.0.0.1:9",
    )
    assert done.returncode == 1
    missing = [finding for finding in json.loads(done.stdout)["findings"] if finding["state"] == "missing"]
    assert {finding["subject"] for finding in missing} == {"data", "Temporal", "handlers"}
    assert any("not_there" in finding["detail"] for finding in missing)
    assert any("nowhere" in finding["detail"] for finding in missing)
    assert all(finding["remedy"] for finding in missing)


def test_mock_runs_a_definition_without_its_handlers(longpole: CommandLine) -> None:
    file = longpole.workflow(
        "mocked",
        [
            {"id": "ask", "handler": "nowhere.ask", "retry": {"max_attempts": 2, "initial_interval": 60}},
            {"id": "tell", "handler": "nowhere.tell", "input": {"said": "${ask.result}"}},
        ],
    )
    (longpole.folder / "responses.yaml").write_text("steps: {ask: {errors: [rate_limit], output: yes we can}}")
    done = longpole("mock", file, "--responses", "responses.yaml")
    assert done.returncode == 0
    assert "1 min 00 s" in done.stdout
    told = longpole.json("mock", file, "--responses", "responses.yaml")
    assert (told["status"], told["seconds"]) == ("completed", 60.0)
    assert told["attempts"][-1]["input"] == {"said": "yes we can"}
    assert longpole("mock", file, "-r", "nosuch.yaml").returncode == 2
    (longpole.folder / "responses.yaml").write_text("default: {always_fails: error}")
    assert longpole("mock", file, "--responses", "responses.yaml").returncode == 1


def test_what_nothing_needs_is_only_collected_where_temporal_can_be_asked(longpole: CommandLine) -> None:
    done = longpole("blobs", "collect", "--dry-run")
    assert done.returncode == 3
    assert "longpole up" in done.stderr


def test_a_place_that_blobs_can_not_be_kept_at_is_refused(longpole: CommandLine) -> None:
    (longpole.folder / "longpole.toml").write_text('blob_store = "memory://blobs"\n')
    done = longpole("list")
    assert done.returncode == 2
    assert "gone with its process" in done.stderr


def test_definitions_are_stored_all_or_none_and_not_twice(longpole: CommandLine) -> None:
    kid = longpole.workflow("kid", [{"id": "a", "handler": "sleep"}])
    wrong = longpole.workflow("wrong", [{"id": "a", "handler": "slep"}])
    done = longpole("store", kid, wrong)
    assert (done.returncode, "wrong.json" in done.stderr, "steps[0].handler" in done.stderr) == (2, True, True)
    [first] = longpole.json("store", kid)
    assert (first["name"], first["version"]) == ("kid", 1), "nothing was stored beside what was wrong"
    assert longpole.json("store", kid, kid) == [first, first]
    longpole.workflow("kid", [{"id": "b", "handler": "sleep"}])
    [second] = longpole.json("store", kid)
    assert second["version"] == 2
