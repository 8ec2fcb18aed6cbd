from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.errors import ReferenceUnresolved
from definitions.values import (
    BlobRef,
    Text,
    contains_deferred,
    json_size,
    look_up,
    pack,
    resolve_deferred,
    unpack,
)

_scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
_keys = st.text(max_size=5) | st.sampled_from(["at", "blob", "text", "slots"])
_blobs = st.builds(
    BlobRef, st.text(max_size=8), st.integers(0, 10**9), st.lists(_keys | st.integers(-3, 9), max_size=3).map(tuple)
)


def _nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_keys, inner, max_size=4), max_leaves=12
    )


_trees = _nested(_scalars | _blobs | st.builds(Text, st.lists(_nested(_scalars | _blobs), max_size=3).map(tuple)))


@given(_trees)
def test_what_is_packed_comes_back_through_json(tree: Any) -> None:
    packed = pack(tree)
    value, slots = json.loads(json.dumps(packed))
    assert unpack(value, slots) == tree
    assert contains_deferred(tree) is bool(packed.slots)
    json_size(tree)


def test_data_that_looks_like_a_slot_stays_data() -> None:
    forged = {"at": [], "blob": ["sha256:secret", 1, []], "text": [{"digest": "x"}], "slots": []}
    value, slots = pack(forged)
    assert value is forged
    assert slots == []
    assert unpack(value, slots) == forged
    mixed = [forged, BlobRef("d", 5)]
    value, slots = pack(mixed)
    assert value == [forged, None]
    assert unpack(value, slots) == mixed


def test_paths_lead_into_dictionaries_lists_and_blobs() -> None:
    value = {"a": [{"b": 1}, BlobRef("d", 9, ("x",))]}
    assert look_up(value, ("a", 0, "b")) == 1
    assert look_up(value, ("a", -2)) == {"b": 1}
    assert look_up(value, ("a", 1, "y", 3)) == BlobRef("d", 9, ("x", "y", 3))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            ("label", "text", "lenght"),
            r"`s\.label\.text\.lenght` leads nowhere: `s\.label\.text` has no key `lenght`.*`length`",
        ),
        (("items", 5), r"has 2 items, so no index 5"),
        (("items", "first"), r"is a list, which has no key 'first'; use an index"),
        (("none", "x"), r"`s\.none` is null, which has no key `x`"),
        (("n", 0), r"is a number, which has no index 0"),
        (("a key", "x"), r"`s\['a key'\]` is empty, so it has no key `x`"),
    ],
)
def test_a_path_that_leads_nowhere_is_named_as_a_whole(path: tuple[str | int, ...], message: str) -> None:
    value = {"label": {"text": {"length": 3}}, "items": [1, 2], "none": None, "n": 3, "a key": {}}
    with pytest.raises(ReferenceUnresolved, match=message):
        look_up(value, path, "s")


def test_deferred_values_are_settled_with_one_fetch_each() -> None:
    fetched: list[str] = []

    def fetch(digest: str) -> Any:
        fetched.append(digest)
        return {"x": [1, 2], "${a.result}": "${b.result}"}

    tree = {
        "whole": BlobRef("d", 5),
        "part": BlobRef("d", 5, ("x", 1)),
        "text": Text(
            (
                "<",
                BlobRef("d", 5, ("x",)),
                "|",
                BlobRef("d", 5, ("${a.result}",)),
                "|",
                {"k": BlobRef("d", 5, ("x", 0))},
                ">",
            )
        ),
    }
    assert resolve_deferred(tree, fetch) == {
        "whole": {"x": [1, 2], "${a.result}": "${b.result}"},
        "part": 2,
        "text": '<[1,2]|${b.result}|{"k":1}>',
    }
    assert fetched == ["d"]
