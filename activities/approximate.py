"""Anything a handler puts beside a log line or an artifact, as JSON: close enough for people to read."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from definitions.bounded_text import bounded
from definitions.values import compact_json

T = TypeVar("T")

_DEEPEST = 8
_MOST_ITEMS = 1_000
_LONGEST_TEXT = 8 * 1024


def approximately(value: Any, mask: Callable[[str], str]) -> Any:
    """JSON: what JSON can't hold becomes its text, what is too deep or too long is cut. Never raises.

    Texts are masked before they are cut: half a secret would not be recognised."""
    return _Approximation(mask).of(value, 0)


def approximately_within(values: Mapping[str, Any], limit: int, mask: Callable[[str], str]) -> dict[str, Any]:
    """The same for key-values, as one text under `truncated` where they take more than `limit` bytes."""
    told: dict[str, Any] = approximately(values, mask)
    text = compact_json(told)
    return told if len(text.encode()) <= limit else {"truncated": bounded(text, limit)}


class _Approximation:
    def __init__(self, mask: Callable[[str], str]) -> None:
        self._mask = mask
        self._left = _MOST_ITEMS

    def of(self, value: Any, depth: int) -> Any:
        if value is None or value is True or value is False:
            return value
        if type(value) is int and value.bit_length() <= 64:
            text = str(value)
            masked = self._mask(text)
            return value if masked == text else masked
        if type(value) is float and math.isfinite(value):
            return value
        try:
            if depth < _DEEPEST:
                if isinstance(value, Mapping):
                    return {self._text(key, 200): self.of(item, depth + 1) for key, item in self._some(value.items())}
                if isinstance(value, list | tuple | set | frozenset):
                    return [self.of(item, depth + 1) for item in self._some(value)]
            return self._text(value, _LONGEST_TEXT)
        except BaseException:  # noqa: BLE001 - the value is the user's, and so are its methods
            return f"({type(value).__name__} that can't be read)"

    def _some(self, items: Iterable[T]) -> Iterator[T]:
        for item in items:
            if self._left <= 0:
                return
            self._left -= 1
            yield item

    def _text(self, value: Any, limit: int) -> str:
        return bounded(self._mask(value if type(value) is str else str(value)), limit)
