"""Handlers of `conditions.yaml`: a letter and a parcel are priced differently."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from longpole import InvalidInput, step

LETTER_UP_TO = 500
HEAVIEST = 30_000


def weigh(data: Mapping[str, Any]) -> dict[str, Any]:
    """`{"grams": 1..30000}` as it is, with what kind of post it is: `{"grams", "kind": "letter" | "parcel"}`."""
    grams = data.get("grams")
    if isinstance(grams, bool) or not isinstance(grams, int) or not 1 <= grams <= HEAVIEST:
        raise InvalidInput(f"`grams` must be a whole number from 1 to {HEAVIEST}, not {grams!r}")
    kind = "letter" if grams <= LETTER_UP_TO else "parcel"
    step.log.info("weighed", grams=grams, kind=kind)
    return {"grams": grams, "kind": kind}


def price_letter(data: Mapping[str, Any]) -> dict[str, int]:
    """Cents for a letter: 95, and 65 for every 50 g begun after the first 50."""
    return {"cents": 95 + 65 * max(-(-data["grams"] // 50) - 1, 0)}


def price_parcel(data: Mapping[str, Any]) -> dict[str, int]:
    """Cents for a parcel: 549, and 120 for every kilogram begun after the second."""
    return {"cents": 549 + 120 * max(-(-data["grams"] // 1000) - 2, 0)}


def label(data: Mapping[str, Any]) -> dict[str, str]:
    """What to print. Of `letter` and `parcel` one is null: its step was skipped."""
    priced = data["letter"] or data["parcel"]
    return {"text": f"{data['kind']}, {data['grams']} g, {priced['cents'] / 100:.2f} EUR"}
