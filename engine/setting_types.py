"""Types of settings that are written in more than one way."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_settings import NoDecode


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


CommaList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
"""A list; environment variables hold it with commas."""
CommaPaths = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_split)]
"""The same of paths."""
