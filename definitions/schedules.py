"""A schedule: when a workflow is to be run, with what, and what happens when runs overlap (`docs/schedules.md`).

Pure: read from a document with every problem at once; when it is due is `definitions.schedule_times`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError, model_validator

from definitions.cron import MAX_TEXT, read_cron
from definitions.errors import FieldsInvalid, Problem, ProblemsError
from definitions.field_problems import field_problems
from definitions.json_values import json_problems
from definitions.model import Duration, Frozen
from definitions.moments import in_zone
from definitions.pools import Moment, Zone
from definitions.schedule_parameters import filled_in, parameter_problems
from definitions.schedule_times import Timing, clock_of

OverlapPolicy = Literal["skip", "buffer_one", "buffer_all", "cancel_other", "terminate_other", "allow_all"]
DEFAULT_CATCHUP = 86_400.0
_LONGEST_JITTER = 7 * 86_400.0
_ONE_SECOND = timedelta(seconds=1)


class ScheduleInvalid(ProblemsError):
    """A schedule that can't be used."""

    default_code = "schedule_invalid"
    subject = "the schedule"


class ScheduleSpec(Frozen):
    """When it is due: by a cron expression, or at an interval."""

    type: Literal["cron", "interval"]
    expression: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)] | None = None
    """Of type cron: minute, hour, day of month, month, day of week (`definitions.cron`)."""
    every: Annotated[Duration, Field(ge=1)] | None = None
    """Of type interval: from one time to the next, counted from 1970-01-01T00:00:00Z."""
    offset: Annotated[Duration, Field(ge=0)] = 0.0
    """Of type interval: how long after these."""
    timezone: Zone = "UTC"
    """Whose clock `expression`, and `start_at` and `end_at` without an offset, are read by."""
    start_at: Moment | None = None
    """Nothing is due before."""
    end_at: Moment | None = None
    """Nothing is due after."""
    jitter: Annotated[Duration, Field(ge=0, le=_LONGEST_JITTER)] = 0.0
    """Each start is put off by up to that, the same each time it is asked; never past the next one."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        wanted, others = ("expression", ("every", "offset")) if self.type == "cron" else ("every", ("expression",))
        if getattr(self, wanted) is None:
            raise FieldsInvalid(f"a schedule of type {self.type} needs `{wanted}`", remedy=f"add `{wanted}`")
        for other in others:
            if other in self.model_fields_set and getattr(self, other) is not None:
                raise FieldsInvalid(
                    f"a schedule of type {self.type} has no `{other}`", remedy=f"remove `{other}`, or change `type`"
                )
        for name in ("every", "offset"):
            value = getattr(self, name)
            if value is not None and value != int(value):
                raise FieldsInvalid(f"`{name}` is {value:g} s", remedy="write whole seconds")
        if self.every is not None and self.offset >= self.every:
            raise FieldsInvalid(
                f"`offset` is {self.offset:g} s, and `every` {self.every:g} s", remedy="let `offset` be shorter"
            )
        start, end = self.start, self.end
        if start is not None and end is not None and end <= start:
            raise FieldsInvalid(
                f"`end_at` is {end.isoformat()}, not after `start_at`, {start.isoformat()}", remedy="let it end later"
            )
        return self

    @property
    def start(self) -> datetime | None:
        """`start_at`, aware."""
        return None if self.start_at is None else in_zone(self.start_at, ZoneInfo(self.timezone))

    @property
    def end(self) -> datetime | None:
        """`end_at`, aware."""
        return None if self.end_at is None else in_zone(self.end_at, ZoneInfo(self.timezone))

    @property
    def timing(self) -> Timing:
        """When it is due."""
        if self.every is not None:
            return Timing(every=int(self.every), offset=int(self.offset), start_at=self.start, end_at=self.end)
        calendars, _ = read_cron(self.expression or "", "")
        return Timing(calendars, clock_of(calendars, self.timezone), start_at=self.start, end_at=self.end)


class Schedule(Frozen):
    """A workflow's schedule."""

    schedule: ScheduleSpec
    enabled: bool | None = None
    """False: paused. None: as it is, and a new one is not paused."""
    parameters: Mapping[str, Any] = Field(default_factory=dict)
    """The input of each run; `${schedule.time}` and others stand for when it is due."""
    overlap_policy: OverlapPolicy = "skip"
    """What becomes of a start that is due while as many runs as may be are open."""
    max_concurrent_executions: Annotated[int, Field(ge=1, le=1000)] | None = None
    """How many runs of this schedule may be open at once; None: one, and with `allow_all` any number."""
    catchup_window: Annotated[Duration, Field(ge=10)] = DEFAULT_CATCHUP
    """How late a start may be that Temporal or the workers were away for."""
    pause_on_failure: bool = False
    """Pause it when a run fails or times out."""

    @property
    def most_open(self) -> int | None:
        """How many runs may be open at once; None: any number."""
        if self.max_concurrent_executions is None and self.overlap_policy != "allow_all":
            return 1
        return self.max_concurrent_executions

    def input_at(self, due: datetime) -> dict[str, Any]:
        """The input of the run that is due then."""
        filled: dict[str, Any] = filled_in(self.parameters, due, ZoneInfo(self.schedule.timezone))
        return filled


def load_schedule(document: object) -> Schedule:
    """The schedule in a document. Raises `ScheduleInvalid` with every problem there is."""
    if not isinstance(document, Mapping):
        raise ScheduleInvalid([Problem("not_a_mapping", "", "a schedule is a mapping", "see docs/schedules.md")])
    problems = json_problems(document)
    if problems:
        raise ScheduleInvalid(problems)
    found: Schedule | None = None
    try:
        found = Schedule.model_validate(document)
    except ValidationError as error:
        problems += field_problems(error, Schedule, ())
    spec = document.get("schedule")
    expression = spec.get("expression") if isinstance(spec, Mapping) else None
    if isinstance(expression, str) and expression and len(expression) <= MAX_TEXT:
        problems += read_cron(expression, "schedule.expression")[1]
    problems += parameter_problems(document.get("parameters"), "parameters")
    if found is not None and not problems and found.schedule.timing.next_after(_beginning(found.schedule)) is None:
        message = "it is never due: no time matches" + (" before `end_at`" if found.schedule.end else "")
        problems.append(Problem("never_due", "schedule", message, "write one that has a time"))
    if problems or found is None:
        raise ScheduleInvalid(problems)
    return found


def _beginning(spec: ScheduleSpec) -> datetime:
    start = spec.start
    return start - _ONE_SECOND if start is not None else datetime(2024, 1, 1, tzinfo=ZoneInfo("UTC"))
