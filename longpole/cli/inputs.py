"""A run's input from the command line: `--input key=value` and `--input-file`."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from definitions.errors import LongpoleError
from longpole.cli.documents import read_document


class InputOptionInvalid(LongpoleError):
    """An `--input` that can't be used."""

    default_code = "input_option_invalid"


def run_input(pairs: Sequence[str], file: Path | None) -> dict[str, Any]:
    """The input: what the file has, and over it what each `key=value` says.

    A value is taken as JSON when it is JSON (`true`, `3`, `[1, 2]`), else as the text it is. Raises
    `InputOptionInvalid`, `DocumentUnreadable`.
    """
    given = pairs_of("--input", pairs)
    return {**(read_document(file) if file else {}), **given}


def pairs_of(option: str, pairs: Sequence[str]) -> dict[str, Any]:
    """What each `key=value` of an option says. Raises `InputOptionInvalid`."""
    given: dict[str, Any] = {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        if not separator or not key.strip():
            raise InputOptionInvalid(f"{option} {pair!r} is not key=value", remedy=f"write e.g. {option} rows=100")
        if key in given:
            raise InputOptionInvalid(f"{option} {key}=... is there twice", remedy="keep one of them")
        given[key] = json_or_text(text)
    return given


def json_or_text(text: str) -> Any:
    """The value that a text is as JSON, else the text itself."""
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError):
        return text


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number
