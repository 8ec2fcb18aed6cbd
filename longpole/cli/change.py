"""`longpole change`: steps that have not started, and limits, of a run that goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from definitions.errors import FieldsInvalid
from longpole.cli.console import out, print_json
from longpole.cli.control import with_engine
from longpole.cli.documents import read_document
from longpole.cli.login_name import login_name
from longpole.cli.naming import short
from longpole.cli.options import DataDir, Json, Run
from longpole.cli.run_json import as_json_value


def change(
    run: Run,
    file: Annotated[
        Path | None,
        typer.Argument(help="YAML or JSON with `inject`, `edit`, `skip`, ...", show_default=False),
    ] = None,
    skip: Annotated[
        list[str] | None, typer.Option("--skip", metavar="STEP", help="A step that is not to run. Repeatable.")
    ] = None,
    max_parallel: Annotated[
        int | None, typer.Option("--max-parallel", help="How many steps may run at once from now on.")
    ] = None,
    priority: Annotated[
        int | None, typer.Option("--priority", help="From 0 to 100; of steps that start from now on.")
    ] = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Change a **run that goes on**: inject, edit or skip steps that have not started, all of it or nothing.

    The changed definition is checked like any other, and kept with the run: reruns go by it, too.
    """
    asked: dict[str, Any] = read_document(file) if file is not None else {}
    if skip:
        listed = asked.get("skip") or []
        if not isinstance(listed, list):
            raise FieldsInvalid(f"`skip` in {file} is no list", remedy="write a list: [a, b]")
        asked["skip"] = [*listed, *skip]
    limits = {"max_parallel_steps": max_parallel, "priority": priority}
    asked |= {name: value for name, value in limits.items() if value is not None}
    asked.setdefault("by", login_name())
    execution_id, changed = with_engine(data_dir, run, lambda executions, found: executions.change(found, asked))
    if as_json:
        print_json(as_json_value(changed))
    else:
        out.print(f"changed {execution_id}; it goes by {changed.digest} now", markup=False)
        out.print(f"look at it with: longpole show {short(execution_id)}")
