from __future__ import annotations

import subprocess
import sys

import pytest
from command_line import CommandLine

import definitions.errors
import longpole
from activities import errors, step
from longpole.workflow_engine.engine import WorkflowEngine
from longpole.workflow_engine.service import WorkflowService

HANDLER_ERRORS = [
    "InvalidInput",
    "ModelUnavailable",
    "PermanentFailure",
    "RateLimited",
    "StepCancelled",
    "StepError",
    "TemporaryFailure",
]
CALLER_ERRORS = ["Conflict", "DefinitionInvalid", "InputInvalid", "LongpoleError", "NotFound", "ServiceUnavailable"]
NAMES = sorted([*HANDLER_ERRORS, *CALLER_ERRORS, "WorkflowEngine", "WorkflowService", "step"])
OWN = {"definitions", "workflows", "activities", "planner", "store", "engine", "api"}
LIBRARIES = {"temporalio", "fastapi", "pydantic", "sqlalchemy", "sqlmodel", "uvicorn", "ortools", "typer"}


def test_exactly_these_names_are_exported() -> None:
    assert longpole.__all__ == NAMES
    assert dir(longpole) == NAMES


def test_the_names_are_those_of_the_handler_api() -> None:
    assert longpole.step is step
    for name in HANDLER_ERRORS:
        assert getattr(longpole, name) is getattr(errors, name)
    assert not hasattr(longpole, "nothing")


def test_the_other_names_are_those_of_the_engine() -> None:
    for name in CALLER_ERRORS:
        assert getattr(longpole, name) is getattr(definitions.errors, name)
    assert longpole.WorkflowEngine is WorkflowEngine
    assert longpole.WorkflowService is WorkflowService


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
