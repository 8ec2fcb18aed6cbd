"""How a run is named on the command line: its id, the beginning of it, or `last`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from definitions.errors import ExecutionNotFound, LongpoleError

if TYPE_CHECKING:
    from engine.execution_records import ExecutionRecords

_WHOLE = re.compile(r"exec_[0-9a-f]{32}")
_BEGINNING = re.compile(r"(?:exec_)?(?P<digits>[0-9a-f]{1,31})")
_PAGE = 500
_SEARCHED = 10_000
"""Among this many of the newest runs a beginning is looked for."""
SHOWN_DIGITS = 8


def short(execution_id: str) -> str:
    """The beginning that lists show; it names the run as long as it is unique."""
    return execution_id[: len("exec_") + SHOWN_DIGITS]


async def find_execution(executions: ExecutionRecords, name: str) -> str:
    """The id of the run that is meant. Raises `ExecutionNotFound`, and `LongpoleError` (`run_ambiguous`)."""
    if _WHOLE.fullmatch(name):
        return name
    if name == "last":
        newest, _ = await executions.find(top_level=True, limit=1)
        if not newest:
            raise ExecutionNotFound("there is no run yet", remedy="start one with `longpole run FILE`")
        return newest[0].execution_id
    match = _BEGINNING.fullmatch(name)
    found = await _beginning_with(executions, f"exec_{match['digits']}") if match else []
    if not found:
        raise ExecutionNotFound(f"there is no run {name}", remedy="`longpole list` shows them")
    if len(found) > 1:
        shown = ", ".join(found[:3]) + (", ..." if len(found) > 3 else "")
        raise LongpoleError(
            f"{name} is the beginning of {len(found)} runs: {shown}", code="run_ambiguous", remedy="write more of it"
        )
    return found[0]


async def _beginning_with(executions: ExecutionRecords, beginning: str) -> list[str]:
    found: list[str] = []
    for offset in range(0, _SEARCHED, _PAGE):
        page, total = await executions.find(limit=_PAGE, offset=offset)
        found += [run.execution_id for run in page if run.execution_id.startswith(beginning)]
        if offset + _PAGE >= total:
            break
    return found
