"""What a run can be told, and what each step is given, checked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from longpole import InvalidInput
from residency.problem import Duty, Problem

EXAMPLE = Path(__file__).parents[1]
FIRST_DAY = date(2026, 1, 5)
USUAL_DAYS = 28
LONGEST = 366


class Given(BaseModel):
    """A handler's input."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def read(cls, data: Any) -> Self:
        """Checked. Raises `InvalidInput` that names every field in which it is wrong."""
        if not isinstance(data, Mapping):
            raise InvalidInput(f"the input must be an object with {', '.join(cls.model_fields)}, not {data!r:.60}")
        try:
            return cls.model_validate(dict(data))
        except ValidationError as error:
            raise InvalidInput(
                "; ".join(
                    f"`{'.'.join(map(str, each['loc'])) or 'input'}`: {each['msg']}"
                    for each in error.errors(include_url=False, include_input=False)
                )
            ) from None


class Search(Given):
    """How long and how hard the solver searches."""

    time_limit_seconds: Annotated[float, Field(ge=1, le=540)] = 30.0
    accepted_gap: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """The search ends early when at most this share of the cost could still be saved."""
    workers: Annotated[int, Field(ge=1, le=64)] = 2
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 1


class Settings(Search):
    """The run's input. The `input_schema` of `workflow.yaml` documents the same fields and defaults."""

    start_date: date = FIRST_DAY
    end_date: date | None = None
    """Default: four weeks in all."""
    data_dir: str = "data"
    """The folder with the CSV files; a relative one is beside the definition."""
    email_to: list[str] = []
    webhook_url: str | None = None

    @property
    def last_day(self) -> date:
        """The end, or what stands for it."""
        return self.end_date or self.start_date + timedelta(days=USUAL_DAYS - 1)

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return (EXAMPLE / self.data_dir).resolve()


class GenerateInput(Search):
    problem: Problem


class RosterInput(Given):
    """What the checks of a roster are given."""

    problem: Problem
    roster: list[Duty]

    @classmethod
    def read(cls, data: Any) -> Self:
        """Also raises `InvalidInput` where the roster names what the problem does not have."""
        given = super().read(data)
        problem = given.problem
        unknown = [
            f"`roster.{number}.{field}`: there is no `{value}`"
            for number, duty in enumerate(given.roster)
            for field, value, known in (
                ("resident", duty.resident, problem.resident),
                ("rotation", duty.rotation, problem.rotation),
                ("shift", duty.shift, problem.shift),
            )
            if value not in known
        ]
        if unknown:
            raise InvalidInput("; ".join(unknown[:20]))
        return given


class Failure(Given):
    """What is told of a step that failed."""

    model_config = ConfigDict(extra="allow", frozen=True)

    step_id: str
    message: str


class NotificationInput(Given):
    """Of a run that has made a roster; `error` instead of one for a run that has failed."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    error: Failure | None = None
    problem: Problem | None = None
    schedule: dict[str, Any] = {}
    compliance: dict[str, Any] = {}
    conflicts: dict[str, Any] = {}
    resilience: dict[str, Any] = {}
    email_to: list[str] = []
    webhook_url: str | None = None
