"""The files of a planning request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from definitions.durations import parse_duration
from definitions.errors import LongpoleError, QuantityInvalid
from definitions.moments import parse_when
from definitions.pools import load_pools
from engine.planning.objectives import parse_objective
from engine.planning.request import Request
from longpole.cli.documents import read_document


def read_request(
    files: Sequence[Path],
    pools: Path | None,
    start: str,
    deadline: str | None,
    objective: str,
    budget: float | None,
    default_duration: str,
) -> Request:
    """What the options ask for. Moments are read by the clock of the pools file, without one by that of this machine.

    Raises `DocumentUnreadable`, `TraceInvalid`, `PoolsInvalid`, `QuantityInvalid` and `ObjectiveInvalid`.
    """
    document = None if pools is None else read_document(pools)
    zone = _local_zone() if document is None else ZoneInfo(load_pools(document).time_zone)
    begins = _moment("--start", start, _next_minute().astimezone(zone), zone)
    return Request(
        workflows=tuple(read_workflow(file) for file in files),
        start=begins,
        pools=document,
        deadline=None if deadline is None else _moment("--deadline", deadline, begins, zone),
        objective=parse_objective(objective),
        budget=budget,
        default_duration=_duration("--default-duration", default_duration),
    )


def _moment(option: str, text: str, now: datetime, zone: tzinfo) -> datetime:
    try:
        return parse_when(text, now=now, zone=zone).astimezone(zone)
    except QuantityInvalid as error:
        raise QuantityInvalid(f"{option}: {error.message}", remedy=error.remedy) from None


def _duration(option: str, text: str) -> float:
    try:
        return parse_duration(text)
    except QuantityInvalid as error:
        raise QuantityInvalid(f"{option}: {error.message}", remedy=error.remedy) from None


def _next_minute() -> datetime:
    """Now, on a full minute: it takes a moment until a plan can be acted on."""
    return datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)


def _local_zone() -> tzinfo:
    zone = datetime.now(UTC).astimezone().tzinfo
    assert zone is not None  # noqa: S101 - an aware moment has one
    return zone


def read_workflow(path: Path) -> dict[str, Any]:
    """A definition document; a WfFormat trace (JSON) becomes one. Raises `DocumentUnreadable`, `TraceInvalid`."""
    document = read_document(path)
    if "schemaVersion" not in document or not isinstance(document.get("workflow"), Mapping):
        return document
    from definitions.wfformat import from_wfformat

    try:
        return from_wfformat(document)
    except LongpoleError as error:
        raise type(error)(f"{path}: {error.message}", remedy=error.remedy) from None
