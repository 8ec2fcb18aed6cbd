"""The residency example from its definition to its page, on a real Temporal server."""

from __future__ import annotations

import csv
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from duty_checker import broken

from definitions.files import parse_document
from definitions.validation import check, check_input, load
from engine.settings import Settings
from tests.running import begin, ended, statuses

FOLDER = Path(__file__).parents[2] / "examples" / "residency"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """As in the checkout's `longpole.toml`."""
    return settings.model_copy(update={"handler_paths": (FOLDER,), "handler_allow": ("residency",)})


@pytest.fixture
def document() -> dict[str, Any]:
    return parse_document((FOLDER / "workflow.yaml").read_text(), ".yaml")


def test_the_definition_is_valid_and_documents_the_settings(document: dict[str, Any], residency: Any) -> None:
    assert check(document) == []
    for each in load(document).steps:
        assert callable(getattr(residency, (each.handler or "").rpartition(".")[2]))
    fields = residency.Settings.model_fields
    documented = document["input_schema"]["properties"]
    assert documented.keys() == fields.keys()
    for name, field in documented.items():
        default = fields[name].default
        assert field.get("default") == (default.isoformat() if isinstance(default, date) else default)
    check_input(load(document), {"start_date": "2024-01-01", "end_date": "2024-12-31"})


async def test_a_run_makes_a_legal_roster_and_its_page(service: Any, document: dict[str, Any]) -> None:
    execution = await ended(service, await begin(service, document, {"accepted_gap": 0.5, "time_limit_seconds": 120}))
    assert execution.status == "completed", execution.error
    assert statuses(execution).pop("notify_failure") == "skipped"
    assert execution.output["success"] is True
    assert execution.output["result"]["facts"]["violations"] == 0
    artifacts = {
        Path(unquote(urlsplit(artifact["uri"]).path)).name: Path(unquote(urlsplit(artifact["uri"]).path))
        for step in execution.steps
        for artifact in step.artifacts
    }
    assert {"roster.csv", "compliance.json", "roster.html", "notification.json"} == artifacts.keys()
    with artifacts["roster.csv"].open(newline="") as stream:
        roster = list(csv.DictReader(stream))
    files = {path.name: path.read_text() for path in (FOLDER / "data").iterdir()}
    first = date(2026, 1, 5)
    assert broken(files, roster, first, first + timedelta(days=27)) == []
    assert "No hard rule is broken." in artifacts["roster.html"].read_text()


async def test_a_run_on_wrong_data_fails_with_every_mistake_and_tells_so(
    service: Any, document: dict[str, Any], tmp_path: Path
) -> None:
    for path in (FOLDER / "data").iterdir():
        (tmp_path / path.name).write_text(path.read_text())
    with (tmp_path / "leave.csv").open("a") as stream:
        stream.write("R99,2026-01-05,2026-01-06,vacation\nR01,2026-01-09,2026-01-08,vacation\n")
    execution = await ended(service, await begin(service, document, {"data_dir": str(tmp_path)}))
    assert execution.status == "failed"
    found = statuses(execution)
    assert (found["validate"], found["generate"], found["notify_failure"]) == ("failed", "skipped", "completed")
    steps = {step.step_id: step for step in execution.steps}
    assert "the input has 2 mistakes" in json.dumps(steps["notify_failure"].output)
    assert "there is no `R99`" in json.dumps(steps["notify_failure"].output)
