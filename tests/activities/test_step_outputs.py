from __future__ import annotations

import enum
import json
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.errors import PermanentFailure
from activities.outputs import INLINE_LIMIT, OUTPUT_LIMIT, check_json, is_small, keep, load
from definitions.values import BlobRef, contains_deferred, json_size, resolve_deferred
from store.blobs import BlobStore


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path)


class Colour(str, enum.Enum):  # noqa: UP042 - its str() differs from its value, unlike a StrEnum's
    RED = "red"


def test_subclasses_become_plain(blobs: BlobStore) -> None:
    value = OrderedDict(a=(1, Colour.RED), b=enum.IntEnum("N", {"ONE": 1}).ONE)
    plain = keep(value, blobs)
    assert plain == {"a": [1, "red"], "b": 1}
    assert [type(item) for item in (plain, plain["a"], plain["a"][1], plain["b"])] == [dict, list, str, int]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": {"b c": [object()]}}, "`result.a['b c'][0]` is a object, which JSON can't hold"),
        ({"a": {1: 2}}, "`result.a` has the key 1, a int; keys in JSON are strings"),
        ([float("nan")], "`result[0]` is nan, which JSON has no number for; use null"),
        ({1, 2}, "`result` is a set, which JSON can't hold; use `list(...)`"),
        ("a\ud800", "`result` has half a surrogate pair at character 1, which is no text"),
        ([1 << 2000], "`result[0]` is a number of more than 1024 bits; use a string"),
    ],
)
def test_what_json_cannot_hold_is_named(value: Any, message: str) -> None:
    with pytest.raises(PermanentFailure) as caught:
        check_json(value)
    assert str(caught.value) == message
    assert caught.value.error_class == "result_not_json"


def test_the_largest_values_are_moved_first(blobs: BlobStore) -> None:
    value = {"small": 1, "middle": "m" * 40_000, "large": "l" * 50_000, "huge": "h" * 90_000, "flag": False}
    kept = keep(value, blobs)
    assert {key for key, item in kept.items() if isinstance(item, BlobRef)} == {"huge", "large"}
    assert list(kept) == list(value)
    assert resolve_deferred(kept, lambda digest: load(digest, blobs)) == value


def test_other_values_are_moved_as_a_whole(blobs: BlobStore) -> None:
    for value in (["x" * 100] * 1000, {f"key{n}": "v" * 40 for n in range(3000)}, "x" * 70_000):
        kept = keep(value, blobs)
        assert isinstance(kept, BlobRef)
        assert load(kept.digest, blobs) == value
        assert kept.size == json_size(value)


def test_masking_comes_before_storing(blobs: BlobStore) -> None:
    kept = keep(["secret" * 20_000], blobs, mask=lambda tree: [item.replace("secret", "***") for item in tree])
    assert load(kept.digest, blobs) if isinstance(kept, BlobRef) else kept == ["***" * 20_000]


@pytest.mark.parametrize("value", ["x" * (OUTPUT_LIMIT + 1), {"a": ["y" * 1_000_000] * 70}, '"' * (OUTPUT_LIMIT // 2)])
def test_too_much_is_a_typed_failure(blobs: BlobStore, value: Any) -> None:
    with pytest.raises(PermanentFailure, match=r"step\.workdir") as caught:
        keep(value, blobs)
    assert caught.value.error_class == "result_too_large"
    assert not list(blobs.all())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
)


@given(JSON)
def test_json_stays_as_it_is(value: Any) -> None:
    try:
        plain = check_json(value)
    except PermanentFailure:
        assert "\\ud" in json.dumps(value)
        return
    assert plain == value
    assert not contains_deferred(plain)


def test_small_is_what_no_one_notices() -> None:
    assert is_small({"a": [1, 2.5, None, True, "text"]})
    for value in ("x" * 30_000, list(range(300)), {"a": {"b": [0] * 250}}, OrderedDict(a=1), object(), 1 << 100_000):
        assert not is_small(value)
    assert json_size({"a": "x" * 19_000}) < INLINE_LIMIT
