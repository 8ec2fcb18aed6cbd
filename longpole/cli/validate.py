"""`longpole validate`: everything that is wrong with a definition, at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from definitions.errors import DefinitionInvalid, DocumentUnreadable, Problem
from engine.settings import Settings
from longpole.cli import exit_codes
from longpole.cli.boundary import show_error
from longpole.cli.console import out, print_json
from longpole.cli.documents import read_document
from longpole.cli.options import DataDir, Json, settings_for_looking


def validate(
    file: Annotated[Path, typer.Argument(help="A workflow definition, YAML or JSON.", show_default=False)],
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Check a definition and its handlers; print **every** problem.

    Exit code 0: it can be run; 2: it can't.
    """
    settings = settings_for_looking(data_dir)
    try:
        document = read_document(file)
        problems = _problems(settings, document)
    except DocumentUnreadable as error:
        if not as_json:
            raise
        problems = [Problem(error.code, "", error.message, error.remedy)]
    if as_json:
        print_json({"valid": not problems, "problems": [problem.as_dict() for problem in problems]})
    elif problems:
        show_error(DefinitionInvalid(problems))
    else:
        count = len(document["steps"])
        out.print(Text.assemble(("valid", "green"), f": {document['name']}, {count} step{'' if count == 1 else 's'}"))
    if problems:
        raise typer.Exit(exit_codes.BAD_INPUT)


def _problems(settings: Settings, document: dict[str, object]) -> list[Problem]:
    """Unlike when a run starts, handlers are loaded as well: a function that is not there is found now."""
    from definitions import validation
    from engine.handlers import open_handlers

    registry = open_handlers(settings)
    return validation.check(
        document, check_handler=lambda name: registry.check(name, load=True), check_config=registry.check_config
    )
