"""Sizes and counts as people write them: "64 GB", "1.5TiB", "16 cores", "8x NVIDIA A100"."""

from __future__ import annotations

import re

from definitions.errors import QuantityInvalid

_BYTES: dict[str, int] = {"": 1, "b": 1, "byte": 1, "bytes": 1}
for _power, _letter in enumerate("kmgtp", start=1):
    _BYTES[_letter] = _BYTES[f"{_letter}b"] = 1000**_power
    _BYTES[f"{_letter}i"] = _BYTES[f"{_letter}ib"] = 1024**_power

_MAX_TEXT = 100
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([a-z]*)", re.ASCII)
_COUNT = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)\s*(?:[x×*](?=\s|[A-Z])\s*)?(.*)", re.ASCII | re.DOTALL)
_SIZE_REMEDY = 'write bytes (1024), "64 GB" (1000 based) or "64 GiB" (1024 based)'
_COUNT_REMEDY = 'write a number, "16 cores" or "8x NVIDIA A100"'
_MAX_SIZE = 1000**6


def parse_size(value: object) -> int:
    """Bytes of a size given as a number of bytes, "64 GB" (1000 based) or "64 GiB" (1024 based).

    A fraction of a byte is rounded down. Raises `QuantityInvalid` that quotes what it can't read.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not 0 <= value <= _MAX_SIZE:
            raise QuantityInvalid("a size is between 0 bytes and 1000 PB", remedy=_SIZE_REMEDY)
        return int(value)
    if isinstance(value, str) and len(value) <= _MAX_TEXT:
        match = _SIZE.fullmatch(value.strip().lower())
        if match and match[2] in _BYTES:
            # whole and fraction apart: a float has too few digits for exact bytes
            whole, _, fraction = match[1].partition(".")
            scale = _BYTES[match[2]]
            size = int(whole) * scale + (int(fraction) * scale // 10 ** len(fraction) if fraction else 0)
            if size <= _MAX_SIZE:
                return size
    raise QuantityInvalid(f"{_quoted(value)} is not a size", remedy=_SIZE_REMEDY)


def parse_count(value: object) -> tuple[float, str]:
    """How many of what: (16.0, "cores") of "16 cores", (8.0, "NVIDIA A100") of "8x NVIDIA A100", (4.0, "") of 4.

    Raises `QuantityInvalid` that quotes what it can't read.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not 0 <= value <= 10**12:
            raise QuantityInvalid("a count is between 0 and 10^12", remedy=_COUNT_REMEDY)
        return float(value), ""
    if isinstance(value, str) and len(value) <= _MAX_TEXT:
        match = _COUNT.fullmatch(value.strip())
        if match and not match[2][:1].isdigit() and not match[2].startswith((".", "-", ",")):
            return float(match[1]), match[2].strip()
    raise QuantityInvalid(f"{_quoted(value)} is not a count", remedy=_COUNT_REMEDY)


def _quoted(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}..."
