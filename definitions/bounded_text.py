"""Text that every store can hold, in bounded size."""

from __future__ import annotations


def storable(text: str) -> bytes:
    """The text as UTF-8, without what no store can hold: NUL, and halves of surrogate pairs."""
    return text.replace("\0", "\ufffd").encode(errors="replace")


def bounded(text: str, limit: int) -> str:
    """The text in at most `limit` bytes of UTF-8, without what no store can hold."""
    content = storable(text)
    if len(content) <= limit:
        return content.decode()
    tail = f"... ({len(content):,} bytes in all)"
    return content[: limit - len(tail)].decode(errors="ignore") + tail
