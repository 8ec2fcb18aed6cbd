from __future__ import annotations

import base64
import json
import re
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.masking import Masker

SECRET = 'p@ss "wörd"\\/+&=\nline two'


@pytest.fixture
def masker() -> Masker:
    masker = Masker()
    masker.register("run", SECRET)
    return masker


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        repr(SECRET)[1:-1],
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        re.sub("%..", lambda match: match[0].lower(), quote(SECRET, safe="")),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
    ],
)
def test_every_form_is_masked(masker: Masker, form: str) -> None:
    masked = masker.text("run", f"before {form} after")
    assert form not in masked
    assert "p@ss" not in masked
    assert masked.startswith("before ***")
    assert masked.rstrip("=").endswith(" after")


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=12), st.text(max_size=8).filter(str.isascii))
def test_a_secret_inside_what_is_encoded_is_masked(before: str, after: str) -> None:
    masker = Masker()
    secret = "correct horse battery"
    masker.register("run", secret)
    encoded = base64.b64encode(f"{before}{secret}{after}".encode()).decode()
    masked = masker.text("run", encoded)
    assert "***" in masked
    for piece in (masked.split("***")[0], masked.split("***")[-1]):
        usable = piece[: len(piece) // 4 * 4]
        assert b"horse" not in base64.b64decode(usable + "=" * (-len(usable) % 4))


def test_trees_are_masked_in_values_and_keys(masker: Masker) -> None:
    tree = {"a": [SECRET, 1, None, {SECRET: f"x{SECRET}"}], "t": (SECRET,)}
    assert masker.tree("run", tree) == {"a": ["***", 1, None, {"***": "x***"}], "t": ["***"]}
    assert tree["t"] == (SECRET,)


def test_a_number_that_is_the_secret_is_masked() -> None:
    masker = Masker()
    masker.register("run", "493817")
    assert masker.tree("run", [493817, 49381, True]) == ["***", 49381, True]


def test_runs_are_kept_apart_and_forgotten(masker: Masker) -> None:
    tree = {"s": SECRET}
    assert masker.tree("other", tree) is tree
    masker.forget("run")
    assert masker.tree("run", tree) is tree


def test_short_secrets_are_left_alone() -> None:
    masker = Masker()
    masker.register("run", "abc")
    assert masker.text("run", "abc") == "abc"


def test_a_secret_that_another_begins_with_leaves_nothing_behind() -> None:
    masker = Masker()
    masker.register("run", "token-1")
    masker.register("run", "token-1-and-more")
    assert masker.text("run", "token-1-and-more token-1") == "*** ***"
