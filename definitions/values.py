"""Values as they travel through a run: JSON, and two things that can only be settled where blobs can be read.

`BlobRef` and `Text` live inside value trees in memory. On their way through Temporal they are taken out of the tree and
carried beside it (`pack`, `unpack`), so that no data of a user's can ever be taken for one of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from definitions.errors import ReferenceUnresolved
from definitions.nearest import did_you_mean

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class BlobRef:
    """A value kept in blob storage, or the part of it at `path`. `size` is of the whole blob, in bytes."""

    digest: str
    size: int
    path: Path = ()


@dataclass(frozen=True, slots=True)
class Text:
    """A string still in parts: strings are joined as they are, everything else as JSON."""

    parts: tuple[Any, ...]


class Packed(NamedTuple):
    """A value as JSON, with null where something was taken out, and what was taken out, as JSON too."""

    json: Any
    slots: list[Any]


def compact_json(value: Any) -> str:
    """JSON without white space, as it is put into interpolated strings."""
    return _COMPACT.encode(value)


def json_size(value: Any) -> int:
    """Bytes of the value as compact JSON; a `BlobRef` counts as the little that a reference takes."""
    return len(_MEASURING.encode(value).encode(errors="replace"))


def _stand_in(value: Any) -> Any:
    if isinstance(value, BlobRef):
        return [value.digest, value.size, value.path]
    if isinstance(value, Text):
        return value.parts
    raise TypeError(f"a {type(value).__name__} is not JSON")


# Made once: with options, `json.dumps` makes one for each call.
_COMPACT = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
_MEASURING = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, default=_stand_in)


def contains_deferred(value: Any) -> bool:
    """Whether a `BlobRef` or `Text` is anywhere in the tree."""
    kind = type(value)
    if kind is str or kind is int or value is None:
        return False
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, BlobRef | Text):
            return True
        if isinstance(item, Mapping):
            stack.extend(item.values())
        elif isinstance(item, list | tuple):
            stack.extend(item)
    return False


def pack(value: Any) -> Packed:
    """Takes deferred values out of the tree. A tree without any is returned as it is, not copied.

    Slots: `{"at": path, "blob": [digest, size, path]}` or `{"at": path, "text": parts, "slots": slots of the parts}`.
    """
    if not contains_deferred(value):
        return Packed(value, [])
    slots: list[Any] = []
    return Packed(_take_out(value, (), slots), slots)


def _take_out(value: Any, at: Path, slots: list[Any]) -> Any:
    if isinstance(value, BlobRef):
        slots.append({"at": list(at), "blob": [value.digest, value.size, list(value.path)]})
        return None
    if isinstance(value, Text):
        parts = pack(list(value.parts))
        slots.append({"at": list(at), "text": parts.json, "slots": parts.slots})
        return None
    if isinstance(value, Mapping):
        return {key: _take_out(item, (*at, key), slots) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_take_out(item, (*at, index), slots) for index, item in enumerate(value)]
    return value


def digests_in(slots: list[Any]) -> Iterator[str]:
    """The digests of the blobs that slots of `pack` lead to."""
    for slot in slots:
        if "blob" in slot:
            yield slot["blob"][0]
        else:
            yield from digests_in(slot["slots"])


def unpack(value: Any, slots: list[Any]) -> Any:
    """What `pack` was given. The tree is changed in place where there is something to put back."""
    for slot in slots:
        item = _from_slot(slot)
        if not slot["at"]:
            return item
        holder = value
        for key in slot["at"][:-1]:
            holder = holder[key]
        holder[slot["at"][-1]] = item
    return value


def _from_slot(slot: Mapping[str, Any]) -> BlobRef | Text:
    if "blob" in slot:
        digest, size, path = slot["blob"]
        return BlobRef(digest, size, tuple(path))
    return Text(tuple(unpack(slot["text"], slot["slots"])))


def resolve_deferred(value: Any, fetch: Callable[[str], Any]) -> Any:
    """The tree with every `BlobRef` replaced by what it points at and every `Text` joined.

    `fetch` gives the value of a digest and is asked once for each. Raises `ReferenceUnresolved` where a path leads
    nowhere, and whatever `fetch` raises.
    """
    if not contains_deferred(value):
        return value
    fetched: dict[str, Any] = {}

    def settle(item: Any) -> Any:
        if isinstance(item, BlobRef):
            if item.digest not in fetched:
                fetched[item.digest] = fetch(item.digest)
            return look_up(fetched[item.digest], item.path)
        if isinstance(item, Text):
            return join([settle(part) for part in item.parts])
        if isinstance(item, Mapping):
            return {key: settle(part) for key, part in item.items()}
        if isinstance(item, list | tuple):
            return [settle(part) for part in item]
        return item

    return settle(value)


def join(parts: list[Any]) -> str:
    """Strings as they are, everything else as compact JSON."""
    return "".join([part if isinstance(part, str) else compact_json(part) for part in parts])


def look_up(value: Any, path: Path, origin: str = "value") -> Any:
    """What is at `path` in the value: keys of dictionaries, indexes of lists. A path into a `BlobRef` makes it longer.

    `origin` is what the value is called in messages. Raises `ReferenceUnresolved`.
    """
    for depth, key in enumerate(path):
        if isinstance(value, Mapping):
            if key not in value:
                raise _nowhere(origin, path, depth, _no_key(key, value), [k for k in value if isinstance(k, str)])
            value = value[key]
        elif isinstance(value, list | tuple):
            if isinstance(key, bool) or not isinstance(key, int):
                raise _nowhere(origin, path, depth, f"is a list, which has no key {key!r}; use an index such as [0]")
            if not -len(value) <= key < len(value):
                raise _nowhere(origin, path, depth, f"has {len(value)} items, so no index {key}")
            value = value[key]
        elif isinstance(value, BlobRef):
            return BlobRef(value.digest, value.size, (*value.path, *path[depth:]))
        else:
            raise _nowhere(origin, path, depth, f"is {_kind(value)}, which has no {_described(key)}")
    return value


def path_text(origin: str, path: Path) -> str:
    """`origin.key[0]['other key']`."""
    return origin + "".join(f".{key}" if isinstance(key, str) and key.isidentifier() else f"[{key!r}]" for key in path)


def _nowhere(origin: str, path: Path, depth: int, what: str, known: list[str] | None = None) -> ReferenceUnresolved:
    key = path[depth]
    whole = path_text(origin, path)
    remedy = did_you_mean(key, known) if known and isinstance(key, str) else ""
    return ReferenceUnresolved(f"`{whole}` leads nowhere: `{path_text(origin, path[:depth])}` {what}", remedy=remedy)


def _no_key(key: str | int, value: Mapping[Any, Any]) -> str:
    return f"has no {_described(key)}" if value else f"is empty, so it has no {_described(key)}"


def _described(key: str | int) -> str:
    return f"key `{key}`" if isinstance(key, str) else f"index {key}"


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a truth value"
    if isinstance(value, int | float):
        return "a number"
    return "a string" if isinstance(value, str | Text) else f"a {type(value).__name__}"
