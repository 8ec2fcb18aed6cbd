"""Schedules as they are printed, for people and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from longpole.cli.display import reason_text, seconds_text, status_style
from longpole.cli.naming import short

if TYPE_CHECKING:
    from definitions.schedules import ScheduleSpec
    from engine.schedules.views import OccurrenceView, Preview, ScheduleView

_SHOWN = 3
_ZONED = "%a %Y-%m-%d %H:%M:%S %Z"


def schedule_lines(view: ScheduleView) -> list[str]:
    """One schedule."""
    core, zone = view.schedule, ZoneInfo(view.schedule.schedule.timezone)
    state = "paused" if view.paused else "active"
    note = f": {view.note}" if view.note else ""
    most = "any number of runs" if core.most_open is None else f"{core.most_open} at once"
    lines = [
        f"{view.name}  {_when(core.schedule)}  {state}{note}",
        f"overlap {core.overlap_policy}, {most}, made up for within {seconds_text(core.catchup_window)}",
    ]
    if not view.applied:
        lines.append("Temporal does not have it yet, and will be told")
    if view.open_runs:
        lines.append(f"open runs  {', '.join(short(run) for run in view.open_runs)}")
    lines += [f"next  {at.astimezone(zone):{_ZONED}}" for at in view.next_times[:_SHOWN]]
    return [escape(line) for line in lines]


def _when(spec: ScheduleSpec) -> str:
    times = f"every {seconds_text(spec.every)}" if spec.every is not None else f"{spec.expression} {spec.timezone}"
    return times + (f", put off by up to {seconds_text(spec.jitter)}" if spec.jitter else "")


def schedules_table(found: Sequence[ScheduleView]) -> Table:
    """Several."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("WORKFLOW", "WHEN", "STATE", "NEXT", "OPEN"):
        table.add_column(heading, no_wrap=heading != "WORKFLOW")
    for view in found:
        zone = ZoneInfo(view.schedule.schedule.timezone)
        following = f"{view.next_times[0].astimezone(zone):%Y-%m-%d %H:%M %Z}" if view.next_times else ""
        state = Text("paused" if view.paused else "active", style=status_style("paused" if view.paused else "running"))
        table.add_row(
            Text(view.name), Text(_when(view.schedule.schedule)), state, following, str(len(view.open_runs) or "")
        )
    return table


def occurrences_table(found: Sequence[OccurrenceView]) -> Table:
    """What came of times."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("DUE", "STATE", "RUN", "LATE", "WHY"):
        table.add_column(heading, no_wrap=heading != "WHY")
    for each in found:
        late = each.late_seconds
        state = each.run_status or each.state
        many = f" and {each.count - 1} before" if each.count > 1 else ""
        why = ": ".join(part for part in (reason_text(each.reason), each.message) if part)
        table.add_row(
            f"{each.due_at:%Y-%m-%d %H:%M:%S}Z{many}",
            Text(state, style=status_style(state)),
            "" if each.state == "skipped" else short(each.execution_id),
            seconds_text(late) if late is not None and late >= 1 else "",
            Text(why),
        )
    return table


def preview_lines(found: Preview) -> list[str]:
    """Times, and what changes of clocks do to them."""
    zone = ZoneInfo(found.read_by)
    lines = [f"{at.astimezone(zone):{_ZONED}}  {at:%Y-%m-%dT%H:%M:%SZ}" for at in found.times]
    for each in found.clock_changes:
        said = "does not exist" if each.how == "skipped" else "exists twice"
        lines.append(f"{each.reading:%Y-%m-%d %H:%M} {said} in {found.read_by}")
    return lines or ["it is never due again"]


def schedule_json(view: ScheduleView) -> dict[str, Any]:
    """One schedule."""
    return {
        "workflow_id": view.workflow_id,
        "workflow_name": view.name,
        "enabled": not view.paused,
        "note": view.note,
        **view.schedule.model_dump(mode="json", exclude={"enabled"}),
        "max_concurrent_executions": view.schedule.most_open,
        "next_times": [at.isoformat() for at in view.next_times],
        "open_runs": list(view.open_runs),
        "applied": view.applied,
    }


def occurrence_json(each: OccurrenceView) -> dict[str, Any]:
    """One time."""
    return {
        "due_at": each.due_at.isoformat(),
        "kind": each.kind,
        "state": each.state,
        "reason": each.reason,
        "message": each.message,
        "execution_id": None if each.state == "skipped" else each.execution_id,
        "run_status": each.run_status,
        "late_seconds": each.late_seconds,
        "count": each.count,
    }
