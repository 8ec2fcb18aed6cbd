"""`longpole store`: definitions stored without being run."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from longpole.cli.boundary import show_error
from longpole.cli.console import err, out, print_json
from longpole.cli.documents import read_document
from longpole.cli.exit_codes import BAD_INPUT
from longpole.cli.options import DataDir, Json, settings_from


def store(
    files: Annotated[list[Path], typer.Argument(help="Workflow definitions, YAML or JSON.", show_default=False)],
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Store definitions **without running them**, e.g. those that are steps of others; all of them, or none.

    What a name's latest version says already is not stored again. Needs no running service.
    """
    from definitions.errors import DefinitionInvalid
    from engine.core import open_records
    from engine.definitions import Definitions
    from engine.handlers import open_handlers

    settings = settings_from(data_dir)
    documents = [read_document(file) for file in files]
    with open_records(settings) as records:
        definitions = Definitions(records.database, open_handlers(settings))
        found = [(file, definitions.check(document)) for file, document in zip(files, documents, strict=True)]
        wrong = [(file, problems) for file, problems in found if problems]
        for file, problems in wrong:
            err.print(f"{file}:", markup=False)
            show_error(DefinitionInvalid(problems))
        if wrong:
            raise typer.Exit(BAD_INPUT)
        stored = [asyncio.run(definitions.save(document)) for document in documents]
    if as_json:
        fields = ("name", "workflow_id", "version", "revision")
        print_json([{field: getattr(each, field) for field in fields} for each in stored])
        return
    for each in stored:
        out.print(f"stored {each.name}, version {each.version}: {each.workflow_id}", markup=False)
