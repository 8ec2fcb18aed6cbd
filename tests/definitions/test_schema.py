from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from definitions.schema import definition_schema

KEPT = Path(__file__).parents[2] / "docs" / "definition.schema.json"


def test_the_kept_schema_is_current() -> None:
    assert json.loads(KEPT.read_text()) == definition_schema(), (
        "write it again: python -c 'import json; from definitions.schema import definition_schema; "
        "print(json.dumps(definition_schema(), indent=2))' > docs/definition.schema.json"
    )


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(definition_schema())


@pytest.mark.parametrize(
    ("step", "valid"),
    [
        ({"id": "a", "timeout": "30m"}, True),
        ({"id": "a", "timeout": 5}, True),
        ({"id": "a", "timeout": 0}, False),
        ({"id": "a", "timeout": []}, False),
        ({"id": "a", "tmeout": 5}, False),
        ({"id": "1"}, False),
        ({}, False),
    ],
)
def test_editors_see_what_is_wrong(step: dict[str, Any], valid: bool) -> None:
    document = {"name": "w", "steps": [step]}
    assert Draft202012Validator(definition_schema()).is_valid(document) is valid
