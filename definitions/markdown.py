"""Text of strangers (names, messages of errors) in the Markdown that people are shown."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"[\\`*\[\]<>|~$&#]|(?<![^\W_])_|_(?![^\W_])")
"""What Markdown could take for its own, with HTML and the math of the Temporal web UI; `_` only where a word ends."""


def plain(text: str, limit: int = 200) -> str:
    """`text` in one line that Markdown shows as it is, also in a table, cut to `limit` characters."""
    line = " ".join(text[: 4 * limit].split())
    if len(line) > limit:
        line = line[: limit - 1] + "…"
    return _SPECIAL.sub(r"\\\g<0>", line)
