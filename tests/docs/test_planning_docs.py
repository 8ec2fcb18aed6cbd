"""The commands and files of docs/planner.md, as a reader would use them."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from definitions.files import parse_document
from definitions.pools import PoolsDocument, PoolSpec, load_pools
from engine.planning.objectives import parse_objective
from tests.docs.blocks import blocks

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "planner.md").read_text()
SECTION = PAGE[PAGE.index("## From the command line") :]
COMMANDS = [line for block in blocks(SECTION, "sh") for line in block.code.splitlines()]
PROJECT = """\
  - renewable                 :  1   R
PRECEDENCE RELATIONS:
jobnr.    #modes  #successors   successors
   1 1 1 2
   2 1 1 3
   3 1 0
************************************************************************
REQUESTS/DURATIONS:
   1 1 0 0
   2 1 3 1
   3 1 0 0
************************************************************************
RESOURCEAVAILABILITIES:
   1
************************************************************************
"""


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_runs(command: str, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "small.sm").write_text(PROJECT)
    program, *arguments = shlex.split(command)
    assert program == "longpole"
    done = subprocess.run(
        [sys.executable, "-m", "longpole.cli", *arguments],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'temporal-dev'}", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if "--json" in arguments:
        assert json.loads(done.stdout)["status"] == "optimal"
    if "--html" in arguments:
        assert (tmp_path / "plan.html").exists()


def test_the_pools_file_is_one_and_every_field_is_documented() -> None:
    (block,) = blocks(SECTION, "yaml")
    found = load_pools(parse_document(block.code, ".yaml"))
    assert found.pools["gpu"].burst is not None
    for field in (*PoolsDocument.model_fields, *PoolSpec.model_fields):
        assert f"| `{field}` |" in SECTION


def test_every_objective_of_the_table_is_one() -> None:
    table = SECTION[SECTION.index("| `--objective` |") :].split("\n\n")[0]
    rows = [line.split("`")[1] for line in table.splitlines()[2:]]
    assert len(rows) == 6
    for name in rows:
        parse_objective(name)
