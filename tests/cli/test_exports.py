from __future__ import annotations

import subprocess
import sys

import pytest
from command_line import CommandLine

import longpole
from activities import errors, step

NAMES = [
    "InvalidInput",
    "ModelUnavailable",
    "PermanentFailure",
    "RateLimited",
    "StepCancelled",
    "StepError",
    "TemporaryFailure",
    "step",
]
OWN = {"definitions", "workflows", "activities", "planner", "store", "engine", "api"}
LIBRARIES = {"temporalio", "fastapi", "pydantic", "sqlalchemy", "sqlmodel", "uvicorn", "ortools", "typer"}


def test_exactly_these_names_are_exported() -> None:
    assert longpole.__all__ == NAMES
    assert dir(longpole) == NAMES


def test_the_names_are_those_of_the_handler_api() -> None:
    assert longpole.step is step
    for name in NAMES[:-1]:
        assert getattr(longpole, name) is getattr(errors, name)
    assert not hasattr(longpole, "nothing")


@pytest.mark.parametrize(
    ("program", "packages"),
    [
        ("import longpole", OWN | LIBRARIES),
        ("from longpole import TemporaryFailure, step", (OWN | LIBRARIES) - {"activities", "store", "definitions"}),
    ],
)
def test_what_handlers_import_loads_no_server(longpole: CommandLine, program: str, packages: set[str]) -> None:
    loaded = f"import sys; {program}; print(*{{name.partition('.')[0] for name in sys.modules}} & {packages!r})"
    command = [sys.executable, "-c", loaded]
    done = subprocess.run(command, env=longpole.env, cwd=longpole.folder, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
