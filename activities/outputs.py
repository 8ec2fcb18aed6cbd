"""What handlers return: checked for JSON, and what is large moved into blob storage. What they get: blobs fetched."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from activities.errors import RESULT_NOT_JSON, RESULT_TOO_LARGE, PermanentFailure
from definitions.values import BlobRef, Path, compact_json, path_text
from store.blobs import BlobStore

INLINE_LIMIT = 64 * 1024
"""Bytes of JSON that may travel through Temporal."""
OUTPUT_LIMIT = 64 * 1024 * 1024
"""Bytes of JSON that a step may return."""
DEEPEST = 64
_SMALL = 200
_LARGEST_BITS = 1024
_REFERENCE_BYTES = 256
"""What a reference and its slot take at most."""
_MOST_REFERENCES = 50
_TOO_LARGE_REMEDY = (
    "write it to a file in `step.workdir`, name it with `step.artifact`, and return what later steps need"
)


def is_small(value: Any) -> bool:
    """Whether it can be checked and kept without being noticed: a few plain values. Looks at 200 values at most."""
    stack = [value]
    left = _SMALL
    while stack:
        item = stack.pop()
        left -= 1
        kind = type(item)
        if kind is str:
            left -= len(item) // 100
        elif kind is dict:
            stack.extend(item)
            stack.extend(item.values())
        elif kind is list or kind is tuple:
            stack.extend(item)
        elif kind is int:
            left -= item.bit_length() // 100
        elif item is not None and kind is not float and kind is not bool:
            return False
        if left < 0 or len(stack) > _SMALL:
            return False
    return True


def check_json(value: Any, origin: str = "result") -> Any:
    """The value as plain JSON types (subclasses of `dict`, `list`, `str`, ... and tuples become the plain ones).

    Raises `PermanentFailure`: `result_not_json`, which names the place and what is wrong with it, or
    `result_too_large`."""
    return _Check(origin).plain(value, ())


def keep(
    value: Any, blobs: BlobStore, *, mask: Callable[[Any], Any] = lambda tree: tree, origin: str = "result"
) -> Any:
    """Checks, masks and keeps a result: JSON, with `BlobRef`s for what was moved away.

    Over 64 KiB of JSON, the largest top-level values of a dictionary are moved into blobs until the rest fits, so that
    the small ones stay at hand for conditions; anything else is moved as a whole. Raises `PermanentFailure`
    (`result_not_json`, `result_too_large`) and what `blobs` raises. May take long: not for an event loop, unless
    `is_small`."""
    plain = mask(check_json(value, origin))
    if is_small(plain):
        return plain
    content = compact_json(plain).encode()
    size = len(content)
    if size > OUTPUT_LIMIT:
        raise too_large(f"{size:,}", OUTPUT_LIMIT, origin, _TOO_LARGE_REMEDY)
    if size <= INLINE_LIMIT:
        return plain
    if not isinstance(plain, dict):
        return _put(content, blobs)
    contents = {key: compact_json(item).encode() for key, item in plain.items()}
    moved: list[str] = []
    for key in sorted(contents, key=lambda key: (-len(contents[key]), key)):
        if size <= INLINE_LIMIT or len(contents[key]) <= _REFERENCE_BYTES:
            break
        moved.append(key)
        size -= len(contents[key]) - _REFERENCE_BYTES
    if size > INLINE_LIMIT or len(moved) > _MOST_REFERENCES:
        # Many keys that are small each: a blob for each of them would make thousands of blobs of nothing.
        return _put(content, blobs)
    return {**plain, **{key: _put(contents[key], blobs) for key in moved}}


def load(digest: str, blobs: BlobStore) -> Any:
    """The value of a blob that `keep` made. Raises what `BlobStore.get` raises."""
    return json.loads(blobs.get(digest))


def put(value: Any, blobs: BlobStore) -> BlobRef:
    """Moves a JSON value into a blob. Raises what `BlobStore.put` raises."""
    return _put(compact_json(value).encode(), blobs)


def _put(content: bytes, blobs: BlobStore) -> BlobRef:
    return BlobRef(blobs.put(content), len(content))


def too_large(size: str, limit: int, origin: str, remedy: str) -> PermanentFailure:
    """The failure of a value that is over a limit, in bytes."""
    return PermanentFailure(
        f"{origin} takes {size} bytes as JSON, the limit is {limit:,}; {remedy}", error_class=RESULT_TOO_LARGE
    )


class _Check:
    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._above: list[int] = []
        # Counted on the way, so that what is far too large is not turned into JSON first.
        self._left = OUTPUT_LIMIT

    def plain(self, value: Any, at: Path) -> Any:
        self._spend(2)
        if value is None or value is True or value is False:
            return value
        if isinstance(value, str):
            return self._string(value, at)
        if isinstance(value, int):
            if value.bit_length() > _LARGEST_BITS:
                raise self._not_json(at, f"is a number of more than {_LARGEST_BITS} bits; use a string")
            return int(value)
        if isinstance(value, float):
            if not math.isfinite(value):
                raise self._not_json(at, f"is {value}, which JSON has no number for; use null")
            return float(value)
        if isinstance(value, Mapping | list | tuple):
            return self._collection(value, at)
        raise self._not_json(at, f"is a {type(value).__name__}, which JSON can't hold{_advice(value)}")

    def _collection(self, value: Mapping[Any, Any] | list[Any] | tuple[Any, ...], at: Path) -> Any:
        if id(value) in self._above:
            raise self._not_json(at, "contains itself")
        if len(self._above) >= DEEPEST:
            raise self._not_json(at, f"is nested more than {DEEPEST} deep")
        self._above.append(id(value))
        if isinstance(value, Mapping):
            plain: Any = {self._key(key, at): self.plain(item, (*at, key)) for key, item in value.items()}
        else:
            plain = [self.plain(item, (*at, index)) for index, item in enumerate(value)]
        self._above.pop()
        return plain

    def _key(self, key: Any, at: Path) -> str:
        if not isinstance(key, str):
            raise self._not_json(at, f"has the key {key!r:.80}, a {type(key).__name__}; keys in JSON are strings")
        return self._string(key, at)

    def _string(self, value: str, at: Path) -> str:
        self._spend(len(value))
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise self._not_json(
                at, f"has half a surrogate pair at character {error.start}, which is no text"
            ) from None
        # Not str(value): an enumeration's own __str__ says something else than its value.
        return str.__str__(value)

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise too_large(f"more than {OUTPUT_LIMIT:,}", OUTPUT_LIMIT, self._origin, _TOO_LARGE_REMEDY)

    def _not_json(self, at: Path, what: str) -> PermanentFailure:
        shown = tuple(key[:60] if isinstance(key, str) else key for key in at[:12])
        return PermanentFailure(f"`{path_text(self._origin, shown)}` {what}", error_class=RESULT_NOT_JSON)


def _advice(value: Any) -> str:
    for method, advice in (
        ("isoformat", "; use `.isoformat()`"),
        ("model_dump", "; use `.model_dump(mode='json')`"),
        ("to_dict", "; use `.to_dict()`"),
        ("tolist", "; use `.tolist()`"),
        ("decode", "; use `.decode()`"),
    ):
        if hasattr(type(value), method):
            return advice
    return "; use `list(...)`" if isinstance(value, set | frozenset) else ""
