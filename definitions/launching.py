"""What crosses between the launcher of a schedule and its activities: plain data, imported by both sides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypedDict
from uuid import NAMESPACE_URL, uuid5

from definitions.ids import execution_id, to_uuid

LAUNCHER_TYPE = "LauncherWorkflow"
LAUNCH = "longpole.launch"
FOLLOW_LAUNCHED = "longpole.follow_launched"

OccurrenceKind = Literal["schedule", "manual", "backfill"]
OccurrenceState = Literal["requested", "waiting", "started", "skipped"]


@dataclass(frozen=True)
class LaunchCall:
    """One start that is due. Times are Unix times."""

    workflow_id: str
    due: float
    launched: float
    """When Temporal started the launcher."""
    launcher_id: str
    launcher_run: str
    execution_id: str = ""
    """Of a start that somebody asked for; empty: it follows from when it is due."""

    @property
    def due_at(self) -> datetime:
        """When the run is due."""
        return datetime.fromtimestamp(self.due, UTC)

    @property
    def run_id(self) -> str:
        """`exec_...` of its run, however often it is launched."""
        return self.execution_id or scheduled_execution_id(self.workflow_id, self.due_at)


class Launched(TypedDict):
    """What `LAUNCH` answers."""

    state: Literal["started", "skipped", "gone"]
    """`gone`: there is no such schedule any more."""
    reason: str
    execution_id: str
    follow: bool
    """The schedule is to be paused if the run fails."""


def schedule_id(workflow_id: str) -> str:
    """A workflow's schedule in Temporal; its launchers are called that and their time."""
    return f"sched_{to_uuid(workflow_id).hex}"


def scheduled_execution_id(workflow_id: str, due: datetime) -> str:
    """The id of the run that is due then: the same each time that it is asked for. `due` is aware."""
    return execution_id(uuid5(NAMESPACE_URL, f"longpole:{workflow_id}@{due.astimezone(UTC).isoformat()}"))
