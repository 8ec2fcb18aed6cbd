"""`longpole plan`, as users call it."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from command_line import ROOT, CommandLine, until

EXAMPLES = ROOT / "examples" / "planning"
SHARED = ROOT.parent / "shared"
NIGHTLY = [str(EXAMPLES / "nightly_training.yaml"), "--pools", str(EXAMPLES / "pools.yaml")]
BOTTLENECK = [str(EXAMPLES / "gpu_bottleneck.yaml"), "--pools", str(EXAMPLES / "pools.yaml")]
EVENING = ["--start", "2025-07-02 18:00", "--deadline", "08:00"]
NOON = ["--start", "2025-07-02 12:00"]
SMALL_PROJECT = """\
jobs (incl. supersource/sink ):  5
RESOURCES
  - renewable                 :  1   R
  - nonrenewable              :  {nonrenewable}   N
  - doubly constrained        :  0   D
************************************************************************
PRECEDENCE RELATIONS:
jobnr.    #modes  #successors   successors
   1        1          2           2   3
   2        {modes}          1           4
   3        1          1           5
   4        1          1           5
   5        1          0
************************************************************************
REQUESTS/DURATIONS:
jobnr. mode duration  R 1{head}
------------------------------------------------------------------------
{rows}
************************************************************************
RESOURCEAVAILABILITIES:
  R 1{head}
   {available}
************************************************************************
"""


def project(folder: Path, *, multi: bool) -> str:
    """A project of three jobs that two units let run nearly side by side; its file's name."""
    if multi:
        rows = ["1 1 0 0 0", "2 1 9 1 0", "  2 3 1 4", "3 1 4 1 0", "4 1 2 1 0", "5 1 0 0 0"]
        text = SMALL_PROJECT.format(nonrenewable=1, modes=2, head="  N 1", rows="\n".join(rows), available="2 4")
    else:
        rows = ["1 1 0 0", "2 1 3 1", "3 1 4 2", "4 1 2 1", "5 1 0 0"]
        text = SMALL_PROJECT.format(nonrenewable=0, modes=1, head="", rows="\n".join(rows), available="2")
    name = "small.mm" if multi else "small.sm"
    (folder / name).write_text(text)
    return name


def without_times(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name != "planning_seconds"}


def test_the_bottleneck_example_says_what_a_third_card_is_worth(longpole: CommandLine) -> None:
    found = longpole.json("plan", *BOTTLENECK, *NOON, "--what-if", "pools.gpu=3")
    assert found["status"] == "optimal"
    assert found["makespan_seconds"] == 12_600
    assert found["end"] == "2025-07-02T15:30:00+02:00"
    (bottleneck,) = found["bottlenecks"]
    assert (bottleneck["pool"], bottleneck["more"], bottleneck["saves_seconds"]) == ("gpu", 1, 3000)
    assert found["what_if"][0]["makespan_seconds"] == 9600
    assert {"load", "compare"} <= set(found["critical_path"])
    assert all(step["why"] for step in found["steps"])


def test_the_nightly_example_saves_money_at_night(longpole: CommandLine) -> None:
    found = longpole.json("plan", *NIGHTLY, *EVENING, "--objective", "cost", "--time-limit", "15")
    assert found["savings"]["cost"] > 2
    steps = {step["id"]: step for step in found["steps"]}
    assert steps["report"]["end"] <= "2025-07-03T08:00:00+02:00"
    maintenance = (7 * 3600, 8.5 * 3600)
    for step in ("train_small", "train_large", "evaluate"):
        assert all(end <= maintenance[0] or start >= maintenance[1] for start, end in steps[step]["parts"])


def test_text_is_plain_and_whole_when_piped(longpole: CommandLine) -> None:
    done = longpole("plan", *BOTTLENECK, *NOON, COLUMNS="60")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert "…" not in re.sub(r".*│.*", "", done.stdout)
    drawn = [line for line in done.stdout.splitlines() if "│" in line]
    assert max(map(len, drawn)) <= 60
    critical = [line for line in drawn if line.startswith("◆")]
    assert all("█" in line and "▒" not in line for line in critical)
    for told in ("status", "makespan", "long pole", "bottleneck", "side by side", "gpu: held by train_b", "critical"):
        assert told in done.stdout


def test_a_terminal_that_knows_no_unicode_gets_ascii(longpole: CommandLine) -> None:
    done = longpole("plan", *BOTTLENECK, *NOON, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    assert "####" in done.stdout


def test_the_same_work_and_seed_give_the_same_plan(longpole: CommandLine) -> None:
    arguments = ["plan", *BOTTLENECK, *NOON, "--objective", "balanced", "--work", "0.1", "--seed", "3"]
    assert without_times(longpole.json(*arguments)) == without_times(longpole.json(*arguments))


def test_several_files_share_the_pools(longpole: CommandLine) -> None:
    steps = [{"id": "a", "handler": "sleep", "estimated_duration": "1h", "resources": {"gpu": 1}}]
    files = [longpole.workflow("one", steps), longpole.workflow("two", steps)]
    (longpole.folder / "pools.yaml").write_text("pools: {gpu: 1}")
    found = longpole.json("plan", *files, "--pools", "pools.yaml")
    assert found["makespan_seconds"] == 7200
    assert sorted(step["id"] for step in found["steps"]) == ["one/a", "two/a"]


def test_no_plan_has_its_reasons_and_its_exit_code(longpole: CommandLine) -> None:
    tight = ["--start", "2025-07-02 18:00", "--deadline", "22:00", "--what-if", "deadline=16h"]
    done = longpole("plan", *NIGHTLY, *tight)
    assert done.returncode == 5, done.stdout
    assert done.stdout == ""
    assert "no plan keeps every rule" in done.stderr
    assert "2025-07-02 22:00" in done.stderr
    assert "there is a plan then" in done.stderr
    found = longpole.json("plan", *NIGHTLY, *tight)
    assert (found["status"], found["steps"], found["cost"]) == ("infeasible", [], None)
    assert {"horizon", "precedence"} <= {reason["kind"] for reason in found["reasons"]}
    assert all(reason["message"] for reason in found["reasons"])


def test_a_budget_below_the_least_cost_is_told(longpole: CommandLine) -> None:
    done = longpole("plan", *BOTTLENECK, *NOON, "--budget", "1")
    assert done.returncode == 5
    assert "1.00" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nosuch.yaml"], "nosuch.yaml"),
        ([], "workflow file"),
        ([BOTTLENECK[0], "--pools", "nosuch.yaml"], "nosuch.yaml"),
        ([BOTTLENECK[0], "--pools", BOTTLENECK[0]], "the pools file has"),
        ([*BOTTLENECK, "--start", "tomorrow"], "--start"),
        ([*BOTTLENECK, "--start", "2025-07-02 12:00", "--deadline", "2025-07-01 12:00"], "not after the start"),
        ([*BOTTLENECK, "--objective", "makspan"], "`makespan`"),
        ([*BOTTLENECK, "--what-if", "pools.gup=3"], "`gpu`"),
        ([*BOTTLENECK, "--default-duration", "long"], "--default-duration"),
        ([*BOTTLENECK, "--budget", "-1"], "--budget"),
        (["--psplib", "x.txt"], ".sm"),
        (["--psplib", "x.sm"], "x.sm"),
        (["--psplib", "x.sm", "--pools", "y.yaml"], "--psplib"),
        ([*BOTTLENECK, "--html", "no/such/folder.html"], "--html"),
    ],
)
def test_what_can_not_be_planned_is_told(longpole: CommandLine, arguments: list[str], told: str) -> None:
    done = longpole("plan", *arguments)
    assert done.returncode == 2, done.stdout
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_the_problems_of_a_definition_are_those_of_validate(longpole: CommandLine) -> None:
    file = longpole.workflow("cycle", [{"id": "a", "depends_on": ["b"]}, {"id": "b", "depends_on": ["a"]}])
    done = longpole("plan", file)
    assert done.returncode == 2
    assert "these steps wait for each other" in done.stderr


def test_ctrl_c_keeps_the_best_plan_so_far(longpole: CommandLine) -> None:
    arguments = ["plan", NIGHTLY[0], *BOTTLENECK, "--start", "2025-07-02 18:00", "--objective", "balanced"]
    running = longpole.start(*arguments, "--time-limit", "3000", "--json")
    status = Path(f"/proc/{running.pid}/status")

    def searching() -> bool:
        """Ctrl-C is held back while a search runs."""
        masks = re.findall(r"^SigBlk:\s+([0-9a-f]+)$", status.read_text(), re.MULTILINE)
        return bool(int(masks[0], 16) & 1 << (signal.SIGINT - 1))

    until(searching, "it searches")
    running.signal(signal.SIGINT)
    assert running.wait() == 0, running.stderr
    found = json.loads(running.stdout)
    assert (found["status"], found["interrupted"]) == ("feasible", True)
    assert len(found["steps"]) == 16


def test_psplib_has_exactly_the_promised_keys(longpole: CommandLine) -> None:
    found = longpole.json("plan", "--psplib", project(longpole.folder, multi=False), "--time-limit", "60")
    assert list(found) == ["status", "makespan", "lower_bound", "start_times"]
    assert (found["status"], found["makespan"], found["lower_bound"]) == ("optimal", 9, 9)
    starts = found["start_times"]
    assert list(starts) == ["1", "2", "3", "4", "5"]
    assert starts["1"] == 0
    assert starts["5"] == 9
    assert starts["4"] >= starts["2"] + 3


def test_psplib_of_several_modes_names_them_as_the_file_does(longpole: CommandLine) -> None:
    found = longpole.json("plan", "--psplib", project(longpole.folder, multi=True), "--workers", "1")
    assert list(found) == ["status", "makespan", "lower_bound", "start_times", "modes"]
    assert (found["status"], found["makespan"]) == ("optimal", 5)
    assert found["modes"] == {"1": 1, "2": 2, "3": 1, "4": 1, "5": 1}


def test_a_trace_is_planned(longpole: CommandLine) -> None:
    traces = sorted((SHARED / "wfinstances").glob("*.json"))
    if not traces:
        pytest.skip("no traces here: they lie in ../shared/wfinstances")
    smallest = min(traces, key=lambda path: path.stat().st_size)
    trace = json.loads(smallest.read_text())
    (longpole.folder / "pools.yaml").write_text("pools: {cpu_cores: 96, memory_gb: 256}")
    found = longpole.json("plan", str(smallest), "--pools", "pools.yaml", "--time-limit", "2")
    assert found["status"] in ("optimal", "feasible")
    assert len(found["steps"]) == len(trace["workflow"]["specification"]["tasks"])


def test_the_page_needs_nothing_else(longpole: CommandLine) -> None:
    name = "</script><b>bold"
    steps = [{"id": "a", "name": name, "handler": "sleep", "estimated_duration": 60}]
    file = longpole.workflow("named", steps, description="x")
    assert longpole("plan", file, "--html", "plan.html").returncode == 0
    page = (longpole.folder / "plan.html").read_text()
    assert not re.search(r"(?:src|href)\s*=|https?://(?!www\.w3\.org/2000/svg)|@import|url\((?!#)", page)
    assert name not in page
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert data is not None
    assert json.loads(data[1])["steps"][0]["tip"].startswith(name)
