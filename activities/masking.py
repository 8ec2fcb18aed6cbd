"""Secrets out of logs, results, errors and events."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "***"
SHORTEST = 4
"""Secrets shorter than this are not masked: they would take half of every text with them."""


class Masker:
    """The secret values that steps of this worker process were given, by run: what one step was given stays masked in
    what later steps of the run log and return. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._secrets: dict[str, set[str]] = {}
        self._patterns: dict[str, re.Pattern[str]] = {}

    def register(self, execution_id: str, secret: str) -> None:
        """From now on this value is masked in everything of the run."""
        if len(secret) < SHORTEST:
            return
        with self._lock:
            secrets = self._secrets.setdefault(execution_id, set())
            if secret in secrets:
                return
            secrets.add(secret)
            forms = {form for known in secrets for form in _forms(known) if len(form) >= SHORTEST}
            # The longest first: a form that another begins with must not leave the rest of it behind.
            ordered = sorted(forms, key=lambda form: (-len(form), form))
            self._patterns[execution_id] = re.compile("|".join(map(re.escape, ordered)))

    def forget(self, execution_id: str) -> None:
        """The run has ended."""
        with self._lock:
            self._secrets.pop(execution_id, None)
            self._patterns.pop(execution_id, None)

    def text(self, execution_id: str, text: str) -> str:
        """The text with every form of every secret of the run replaced."""
        pattern = self._patterns.get(execution_id)
        return text if pattern is None else pattern.sub(MASK, text)

    def tree(self, execution_id: str, value: Any) -> Any:
        """The JSON tree with strings masked, keys too; the tree itself, not a copy, when the run has no secrets."""
        pattern = self._patterns.get(execution_id)
        return value if pattern is None else _masked(value, pattern)


def _masked(value: Any, pattern: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return pattern.sub(MASK, value)
    if isinstance(value, Mapping):
        return {_masked(key, pattern): _masked(item, pattern) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(item, pattern) for item in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        text = str(value)
        return MASK if pattern.fullmatch(text) else value
    return value


def _forms(secret: str) -> Iterator[str]:
    yield secret
    stripped = secret.strip()
    if stripped != secret:
        yield stripped
    for ascii_only in (True, False):
        yield json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
    yield repr(secret)[1:-1]
    content = secret.encode("utf-8", errors="surrogatepass")
    for encoded in (quote(content), quote(content, safe=""), quote_plus(content)):
        yield encoded
        yield re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), encoded)
    for encode in (base64.standard_b64encode, base64.urlsafe_b64encode):
        yield encode(content).decode().rstrip("=")
        for shift in range(3):
            inner = _inside(encode, content, shift)
            # Short pieces of base64 turn up in other texts by chance.
            if len(inner) >= 2 * SHORTEST:
                yield inner


def _inside(encode: Any, content: bytes, shift: int) -> str:
    """The base64 characters that stand for nothing but the secret when `shift` (mod 3) bytes come before it and any
    after it, as in `user:secret` of basic authentication."""
    encoded: str = encode(b"\0" * shift + content).decode().rstrip("=")
    first = -(-shift * 8 // 6)
    last = (shift + len(content)) * 8 // 6
    return encoded[first:last]
