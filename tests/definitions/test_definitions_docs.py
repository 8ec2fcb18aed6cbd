from __future__ import annotations

import re
from pathlib import Path

import pytest

from definitions.files import parse_document
from definitions.model import Definition, Step
from definitions.validation import load

PAGE = (Path(__file__).parents[2] / "docs" / "definitions.md").read_text()
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=[example.split("\n")[0] for example in EXAMPLES])
def test_documented_examples_load(example: str) -> None:
    load(parse_document(example, ".yaml"))


@pytest.mark.parametrize("field", [*Definition.model_fields, *Step.model_fields])
def test_every_field_is_documented(field: str) -> None:
    assert f"| `{field}` |" in PAGE
