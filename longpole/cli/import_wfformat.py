"""`longpole import-wfformat`: a recorded run of another system as a definition."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from definitions.errors import DocumentUnreadable, LongpoleError
from longpole.cli.console import say
from longpole.cli.documents import read_document


def import_wfformat(
    file: Annotated[Path, typer.Argument(help="A WfFormat 1.5 trace (JSON).", show_default=False)],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write it; YAML for .yaml and .yml, else JSON.")
    ] = None,
    speedup: Annotated[float, typer.Option(help="Divide the traced times by this.")] = 1.0,
) -> None:
    """Turn a WfFormat 1.5 trace into a definition whose steps take the traced times.

    Prints the definition, or writes it with `-o`.
    """
    from definitions.wfformat import from_wfformat

    if file.suffix.lower() != ".json":
        raise DocumentUnreadable(f"{file} is not named .json", remedy="WfFormat traces are JSON files")
    document = from_wfformat(read_document(file), speedup=speedup)
    if output is None:
        sys.stdout.write(_text(document, ".json"))
        return
    try:
        output.write_text(_text(document, output.suffix.lower()), encoding="utf-8")
    except OSError as error:
        raise LongpoleError(f"{output} can't be written: {error.strerror}", remedy="choose another -o") from None
    say(f"{output}: {len(document['steps'])} steps; run it with `longpole run {output}`")


def _text(document: dict[str, object], suffix: str) -> str:
    if suffix in (".yaml", ".yml"):
        import yaml

        return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
