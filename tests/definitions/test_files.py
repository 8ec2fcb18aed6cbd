from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.errors import DocumentUnreadable
from definitions.files import parse_document


def test_yaml_is_read_as_version_1_2() -> None:
    text = """
    country: no
    on: off
    date: 2024-01-01
    stamp: 2024-01-01T10:00:00Z
    clock: 10:15:00
    octal: 010
    yes: true
    nothing: ~
    empty:
    numbers: [1, -2, 1.5, 1e3, .5]
    quoted: "1"
    """
    assert parse_document(text, ".yaml") == {
        "country": "no",
        "on": "off",
        "date": "2024-01-01",
        "stamp": "2024-01-01T10:00:00Z",
        "clock": "10:15:00",
        "octal": 10,
        "yes": True,
        "nothing": None,
        "empty": None,
        "numbers": [1, -2, 1.5, 1000.0, 0.5],
        "quoted": "1",
    }


def test_aliases_and_merges_work() -> None:
    text = "base: &base {retry: 3}\nstep:\n  <<: *base\n  id: a\nagain: *base\n"
    assert parse_document(text, ".yml") == {
        "base": {"retry": 3},
        "step": {"retry": 3, "id": "a"},
        "again": {"retry": 3},
    }


LAUGHS = "a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n" + "".join(
    f"{chr(98 + level)}: &{chr(98 + level)} [{', '.join(['*' + chr(97 + level)] * 10)}]\n" for level in range(9)
)


@pytest.mark.parametrize(
    ("text", "suffix", "line", "column", "message"),
    [
        ("a: 1\nb: 2\na: 3", ".yaml", 3, 1, "'a' is there twice, first on line 1"),
        ("s:\n- {id: a, id: b}", ".yaml", 2, 11, "'id' is there twice"),
        ("a: [1, 2\nb: 3", ".yaml", 2, 2, "not YAML"),
        ("a: 1\n\tb: 2", ".yaml", 2, 1, "not YAML"),
        ("a: !!python/object/apply:os.system [ls]", ".yaml", 1, 4, "constructor for the tag"),
        ("a: 1\n---\nb: 2", ".yaml", 2, 1, "another document"),
        ("? [1]\n: 2", ".yaml", 1, 3, "a key must be a string"),
        ("a: &a [*a]", ".yaml", 1, 4, "part of"),
        (LAUGHS, ".yaml", 8, 4, "aliases make this larger"),
        ("[" * 100_000, ".yaml", 1, 66, "nested deeper than 64"),
        ("- " * 10_000, ".yaml", 1, 131, "nested deeper than 64"),
        ("[1]", ".yaml", 0, 0, "holds a mapping, not a list"),
        ("", ".yaml", 0, 0, "holds a mapping, not nothing"),
        ("{}", ".toml", 0, 0, "not a workflow file"),
        ('{"a": 1,\n "a": 2}', ".json", 2, 2, "'a' is there twice"),
        ('{"a": "NaN",\n "b": NaN}', ".json", 2, 7, "NaN is not JSON"),
        ('{"a": -Infinity}', ".json", 1, 7, "-Infinity is not JSON"),
        ('{"a": 1,\n "b" 2}', ".json", 2, 6, "not JSON"),
        ("[" * 100_000, ".json", 0, 0, "nested deeper"),
        ('{"a": ' + "9" * 5_000 + "}", ".json", 0, 0, "too long"),
        ("3", ".json", 0, 0, "holds a mapping, not a int"),
    ],
    ids=range(21),
)
def test_what_can_not_be_read_says_where(text: str, suffix: str, line: int, column: int, message: str) -> None:
    with pytest.raises(DocumentUnreadable) as unreadable:
        parse_document(text, suffix)
    assert message in str(unreadable.value)
    assert (unreadable.value.line, unreadable.value.column) == (line, column)


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=6), _json, max_size=4))
def test_json_comes_back(document: dict[str, object]) -> None:
    assert parse_document(json.dumps(document), ".json") == document


@given(st.text() | st.text("{}[]&*:-!?<>|'\"#, \n\tab1"), st.sampled_from([".yaml", ".json"]))
def test_any_text_is_read_or_unreadable(text: str, suffix: str) -> None:
    with contextlib.suppress(DocumentUnreadable):
        assert isinstance(parse_document(text, suffix), dict)
