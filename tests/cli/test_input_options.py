from __future__ import annotations

from pathlib import Path

import pytest

from definitions.errors import LongpoleError
from longpole.cli.inputs import run_input


def test_values_are_json_when_they_are_json() -> None:
    pairs = ["n=3", "x=1.5", "on=true", "none=null", "list=[1, 2]", 'map={"a": 1}', 'text="3"']
    assert run_input(pairs, None) == {
        "n": 3,
        "x": 1.5,
        "on": True,
        "none": None,
        "list": [1, 2],
        "map": {"a": 1},
        "text": "3",
    }


@pytest.mark.parametrize("text", ["hello world", "", "NaN", "1e999", "[1,", "a=b", "true story", "[" * 100_000])
def test_everything_else_is_text(text: str) -> None:
    assert run_input([f"key={text}"], None) == {"key": text}


def test_options_win_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "input.yaml"
    file.write_text("rows: 10\nname: from file\n")
    assert run_input(["rows=20"], file) == {"rows": 20, "name": "from file"}


@pytest.mark.parametrize("pairs", [["rows"], ["=3"], ["a=1", "a=1"]])
def test_what_can_not_be_meant_is_refused(pairs: list[str]) -> None:
    with pytest.raises(LongpoleError, match="--input"):
        run_input(pairs, None)
