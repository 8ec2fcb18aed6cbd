"""Files named on the command line: read, with a clear error when they can't be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from definitions.errors import DocumentUnreadable
from definitions.files import parse_document


def read_document(path: Path) -> dict[str, Any]:
    """The mapping in a YAML or JSON file. Raises `DocumentUnreadable`, which names the file."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DocumentUnreadable(f"there is no file {path}", remedy="check the path") from None
    except OSError as error:
        raise DocumentUnreadable(f"{path} can't be read: {error.strerror}", remedy="check the path") from None
    except UnicodeDecodeError as error:
        raise DocumentUnreadable(f"{path} is no UTF-8 text (byte {error.start})", remedy="save it as UTF-8") from None
    try:
        return parse_document(text, path.suffix)
    except DocumentUnreadable as error:
        raise DocumentUnreadable(f"{path}: {error.message}", remedy=error.remedy) from None
