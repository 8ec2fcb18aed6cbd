"""The commands beside a running `longpole up`."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import httpx
from command_line import CommandLine, until
from temporalio.client import Client

from engine.core import open_records
from engine.settings import Settings
from engine.views import Execution


def echo(step_id: str, **fields: Any) -> dict[str, Any]:
    return {"id": step_id, "handler": "steps.echo", "input": {"said": "${input_data.word}"}, **fields}


def nap(step_id: str, seconds: float, **fields: Any) -> dict[str, Any]:
    return {"id": step_id, "handler": "sleep", "input": {"seconds": seconds}, **fields}


def begin(served: CommandLine, name: str, steps: list[dict[str, Any]]) -> str:
    """Start a run without waiting; its id."""
    done = served("run", served.workflow(name, steps), "--no-wait")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


async def signal(served: CommandLine, execution_id: str, name: str, argument: Any) -> None:
    """Send a signal as the Temporal web UI does."""
    client = await Client.connect((served.service() or {})["temporal"]["address"])
    await client.get_workflow_handle(execution_id).signal(name, argument)


def recorded(served: CommandLine, execution_id: str) -> Execution:
    """A run as the records have it, without a command that shows it."""
    with open_records(Settings(data_dir=served.data_dir)) as records:
        return asyncio.run(records.executions.get(execution_id))


def status(served: CommandLine, execution_id: str) -> str:
    return recorded(served, execution_id).status


def step_status(served: CommandLine, execution_id: str, place: int = 0) -> str:
    return recorded(served, execution_id).steps[place].status


def test_a_run_that_completes(served: CommandLine) -> None:
    file = served.workflow("good", [echo("a"), echo("b", name="Second", depends_on=["a"])])
    done = served("run", file, "--input", "word=hello")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"run exec_[0-9a-f]{32} of good, 2 steps", lines[0])
    assert [line.split(maxsplit=1)[1].split(" after")[0] for line in lines[1:6]] == [
        "▶ a  started",
        "✓ a  completed",
        "▶ Second  started",
        "✓ Second  completed",
        "run  completed",
    ]
    assert lines[6].startswith("good completed in ")
    assert "/namespaces/default/workflows/exec_" in lines[7]
    assert lines[8].startswith("next    longpole show exec_")


def test_a_run_as_json(served: CommandLine) -> None:
    done = served("run", served.workflow("json", [echo("a")]), "--input", "word=[1, 2]", "--json")
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert told["status"] == "completed"
    assert told["name"] == "json"
    assert told["input"] == {"word": [1, 2]}
    assert told["error"] is None
    assert told["artifacts"] == []
    assert told["temporal_ui_url"].endswith(told["execution_id"])
    (step,) = told["steps"]
    assert (step["step_id"], step["status"], step["attempts"]) == ("a", "completed", 1)
    assert step["output"] == {"said": [1, 2]}
    assert "completed" in done.stderr


def test_a_run_that_fails(served: CommandLine) -> None:
    step = {"id": "a", "handler": "steps.fail", "input": {"message": "no more paper"}}
    done = served("run", served.workflow("bad", [step]))
    assert done.returncode == 1
    assert "no more paper" in done.stdout
    assert "no more paper" in served("show", "last").stdout


def test_a_run_that_is_cancelled(served: CommandLine) -> None:
    command = served.start("run", served.workflow("long", [nap("a", 600)]))
    command.says("a  started")
    done = served("cancel", "last", "--reason", "enough", "--grace", "5s", "--discard-partial-results")
    assert done.returncode == 0, done.stderr
    assert command.wait() == 4
    assert "enough" in command.stdout


def test_ctrl_c_cancels_and_a_second_one_leaves(served: CommandLine) -> None:
    command = served.start("run", served.workflow("interrupted", [nap("a", 600)]))
    command.says("a  started")
    command.signal(2)
    assert command.wait() == 4
    assert "cancelling the run" in command.stdout

    stubborn = {"id": "a", "handler": "steps.stubborn", "input": {"seconds": 20}}
    command = served.start("run", served.workflow("stubborn", [stubborn]))
    command.says("a  started")
    command.signal(2)
    command.says("cancelling the run")
    command.signal(2)
    assert command.wait() == 130
    assert "left exec_" in command.stdout


def test_a_run_that_failed_is_resumed_from_what_is_done(served: CommandLine) -> None:
    missing = served.folder / "missing"
    steps = [
        echo("a"),
        {"id": "b", "handler": "steps.read", "input": {"file": str(missing)}, "depends_on": ["a"]},
        echo("c", depends_on=["b"]),
        echo("d", condition="input_data.get('word') == 'other'"),
    ]
    failed = served("run", served.workflow("repaired", steps), "--input", "word=hello")
    assert failed.returncode == 1
    missing.write_text("x")
    resumed = served("resume", "last")
    assert resumed.returncode == 0, resumed.stderr
    first, *lines, follow, last = resumed.stdout.splitlines()
    execution_id = first.split()[0]
    assert first == f"{execution_id} goes on from what is done"
    assert [line.split(maxsplit=1) for line in lines] == [
        ["reused", "a"],
        ["run", "again      b, c"],
        ["decided", "again  d"],
    ]
    assert follow == f"follow it with: longpole logs {execution_id[:13]} --follow"
    assert last == f"look at it with: longpole show {execution_id[:13]}"
    assert served("logs", execution_id[:13], "--follow").returncode == 0
    assert status(served, execution_id) == "completed"
    again = served("resume", execution_id)
    assert again.returncode == 2
    assert "is completed: there is nothing left to do" in again.stderr


def test_a_step_that_may_run_once_is_repeated_only_by_name(served: CommandLine) -> None:
    step = {"id": "charge", "handler": "steps.fail", "input": {}, "at_most_once": True}
    assert served("run", served.workflow("charged", [step])).returncode == 1
    execution_id = served.json("list")["runs"][0]["execution_id"]
    refused = served("resume", execution_id)
    assert refused.returncode == 2
    assert "--repeat" in refused.stderr
    assert served("resume", execution_id, "--repeat", "charge").returncode == 0
    until(lambda: status(served, execution_id) == "failed", "it fails again")


def test_pause_and_resume(served: CommandLine) -> None:
    door = served.folder / "door"
    held = {"id": "a", "handler": "steps.occupy", "input": {"parameters": {"until": str(door)}}}
    execution_id = begin(served, "paused", [held, nap("b", 0, depends_on=["a"])])
    until(lambda: step_status(served, execution_id) == "running", "the first step runs")
    assert served("pause", execution_id[:14]).returncode == 0
    until(lambda: status(served, execution_id) == "paused", "it is paused")
    door.touch()
    assert served("resume", execution_id).returncode == 0
    until(lambda: status(served, execution_id) == "completed", "it has completed")
    again = served("pause", execution_id)
    assert again.returncode == 2
    assert "completed" in again.stderr


def test_logs_follow_until_the_end(served: CommandLine) -> None:
    execution_id = begin(served, "talk", [{"id": "a", "handler": "cli_steps.talk"}])
    done = served("logs", execution_id, "--follow", "--level", "info")
    assert done.returncode == 0
    assert [line.split(maxsplit=1)[1] for line in done.stdout.splitlines()] == [
        "INFO  a  first  rows=3",
        "WARN  a  second",
    ]
    every = [json.loads(line) for line in served("logs", execution_id, "--json").stdout.splitlines()]
    assert [line["level"] for line in every] == ["DEBUG", "INFO", "WARN"]
    assert served("logs", execution_id, "--step", "b").stdout == ""


def test_runs_are_listed_and_found_by_their_beginning(served: CommandLine) -> None:
    execution_id = begin(served, "listed", [nap("a", 0)])
    until(lambda: status(served, execution_id) == "completed", "it has completed")
    told = served.json("list", "--name", "listed")
    assert [run["execution_id"] for run in told["runs"]] == [execution_id]
    assert execution_id[:13] in served("list", "--status", "completed").stdout
    assert served.json("show", execution_id[5:15])["execution_id"] == execution_id
    ambiguous = served("show", "exec_")
    assert ambiguous.returncode == 2
    unknown = served("cancel", "exec_" + "0" * 32)
    assert unknown.returncode == 2
    assert "no run" in unknown.stderr or "no execution" in unknown.stderr


def test_the_api_answers(served: CommandLine) -> None:
    service = served.service()
    assert service is not None
    assert httpx.get(f"{service['api_url']}/healthz").json() == {"status": "ok"}

    def ready() -> bool:
        return httpx.get(f"{service['api_url']}/readyz").status_code == 200

    until(ready, "it is ready")


def test_a_second_service_is_refused(served: CommandLine) -> None:
    done = served("up")
    assert done.returncode == 2
    assert "already" in done.stderr


def test_other_settings_are_refused(served: CommandLine) -> None:
    file = served.workflow("other", [nap("a", 0)])
    for variable, value in [("LONGPOLE_HANDLER_ALLOW", "other"), ("TEMPORAL_ADDRESS", "127.0.0.1:9")]:
        done = served("run", file, **{variable: value})
        assert done.returncode == 2
        assert variable.removeprefix("LONGPOLE_").lower() in done.stderr.lower()


def test_doctor_sees_the_service(served: CommandLine) -> None:
    (finding,) = [each for each in served.json("doctor")["findings"] if each["subject"] == "service"]
    assert finding["state"] == "ok"


def test_explain_says_why_a_step_waits(served: CommandLine) -> None:
    run = begin(served, "explained", [nap("a", 600), {"id": "b", "handler": "steps.echo", "depends_on": ["a"]}])
    until(lambda: step_status(served, run) == "running", "the first step runs")
    done = served("explain", run)
    assert done.returncode == 0, done.stderr
    assert "it waits for `a`" in done.stdout
    assert [each["why"] for each in served.json("explain", run, "b")] == ["dependencies"]
    assert "has no step 'z'" in served("explain", run, "z").stderr
    assert served("cancel", run, "--grace", "0s").returncode == 0


def test_a_run_is_rerun(served: CommandLine) -> None:
    file = served.workflow("twice", [echo("a"), echo("b", depends_on=["a"], input={"n": "${input_data.n}"})])
    done = served("run", file, "--input", "word=hello", "--input", "n=1", "--json")
    first = json.loads(done.stdout)["execution_id"]
    told = served("rerun", first, "--input", "n=2", "--dry-run")
    assert told.returncode == 0, told.stderr
    assert [line.split() for line in told.stdout.splitlines()[1:3]] == [
        ["reused", "a"],
        ["runs", "b:", "input", "changed"],
    ]
    assert "nothing was started" in told.stdout
    refused = served("rerun", first)
    assert (refused.returncode, "everything of it would be reused" in refused.stderr) == (2, True)
    again = served.json("rerun", first, "--input", "n=2")
    assert (again["reused"], again["runs"], again["forked_from"]) == (["a"], {"b": "input changed"}, first)
    until(lambda: status(served, again["execution_id"]) == "completed", "the rerun completes")
    assert served.json("show", again["execution_id"])["output"] == {"n": 2}


def test_a_run_is_changed(served: CommandLine, tmp_path: Path) -> None:
    execution_id = begin(served, "changed", [nap("a", 600), echo("b", depends_on=["a"])])
    until(lambda: step_status(served, execution_id) == "running", "the first step runs")
    file = tmp_path / "change.yaml"
    file.write_text("inject:\n- {id: late, handler: steps.echo, input: {n: 7}}\nskip: [a]\n")
    refused = served("change", execution_id, str(file))
    assert (refused.returncode, "skip[0]: `a` has started (running)" in refused.stderr) == (2, True)
    file.write_text("inject:\n- {id: late, handler: steps.echo, input: {n: 7}}\n")
    changed = served.json("change", execution_id, str(file), "--skip", "b", "--max-parallel", "2", "--priority", "80")
    assert (changed["execution_id"], changed["changes"]) == (execution_id, 1)
    until(lambda: step_status(served, execution_id, -1) == "completed", "the injected step runs")
    shown = served.json("show", execution_id)
    assert [each["step_id"] for each in shown["steps"]] == ["a", "b", "late"]
    assert shown["priority"] == 80
    assert served("cancel", execution_id).returncode == 0


def test_people_answer_what_a_run_waits_for(served: CommandLine) -> None:
    steps = [
        {"id": "paid", "wait": {"event": "paid"}},
        {"id": "ask", "approval": {"message": "Publish?", "approvers": ["ann"], "values": {"limit": 5}}},
        {"id": "each", "loop": {"iterate_over": [1], "max_iterations": 1, "steps": [{"id": "said"}]}},
    ]
    run = begin(served, "asking", steps)
    asyncio.run(signal(served, run, "approve", {"step": "paid", "approved": True}))
    [refused] = until(lambda: served.json("show", run)["refused"], "the refusal")
    assert (refused["type"], refused["data"]["signal"]) == ("signal.refused", "approve")
    assert "approve: step 'paid' is no open approval (open are `ask`)" in served("show", run).stdout
    done = served("send", run, "paid", "--data", '{"sum": 3}')
    assert done.returncode == 0, done.stderr
    [asked] = until(lambda: served.json("approvals"), "the question")
    assert (asked["execution_id"], asked["step"], asked["values"]) == (run, "ask", {"limit": 5})
    rejected = served("reject", run, "--by", "eve")
    assert (rejected.returncode, "`ann` may answer" in rejected.stderr) == (2, True)
    done = served("approve", run, "ask", "--by", "ann", "--comment", "fine", "--value", "limit=7")
    assert done.returncode == 0, done.stderr

    until(lambda: status(served, run) == "completed", "the end of the run")
    told = served.json("show", run)
    outputs = {step["step_id"]: step["output"] for step in told["steps"]}
    assert outputs["ask"]["values"] == {"limit": 7}
    assert outputs["paid"] == {"sum": 3}
    assert [step["step_id"] for step in told["inner_steps"]] == ["each[0].said"]


def test_a_schedule_from_its_making_to_its_end(served: CommandLine) -> None:
    file = served.workflow("nightly", [echo("a")])
    # It is not due while this runs.
    when = ("--cron", "30 2 1 3 *", "--timezone", "Europe/Berlin", "--input", "day=${schedule.date}")
    done = served("schedules", "set", file, *when)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("nightly  30 2 1 3 * Europe/Berlin  active")
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


def test_what_is_wrong_with_a_schedule_is_told_field_by_field(served: CommandLine) -> None:
    done = served("schedules", "set", served.workflow("bad", [echo("a")]), "--cron", "99 * * * *", "--overlap", "hop")
    assert done.returncode == 2
    assert "schedule.expression: minute: 99 is not between 0 and 59" in done.stderr
    assert "overlap_policy" in done.stderr
    assert "there is no workflow 'nobody'" in served("schedules", "show", "nobody").stderr
