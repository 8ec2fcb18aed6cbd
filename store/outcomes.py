"""How steps ended by the workflow's own account: written once more at the end of a run, over whatever records say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Boolean, RowMapping, bindparam, case, func, insert, select, update
from sqlalchemy.orm import Session

from definitions.calls import StepOutcome
from store.locks import LockedRun, chunks
from store.steps import seconds_between
from store.tables import STEPS

WORKER_LOST = "worker_lost"
"""The error class of an attempt that never reported its end and was followed by another."""


def record_outcome_steps(session: Session, run: LockedRun, outcomes: Sequence[StepOutcome]) -> None:
    """Settles the last attempt of each step: changes its row, or makes one where none was recorded (with attempt 0 for
    a step that never ran). Earlier attempts that never reported an end count as lost with their worker. Safe to
    repeat."""
    for page in chunks(outcomes):
        _settle(session, run.id, page)


def _settle(session: Session, run_id: UUID, outcomes: Sequence[StepOutcome]) -> None:
    recorded = _recorded(session, run_id, [outcome["step_id"] for outcome in outcomes])
    changed: list[dict[str, Any]] = []
    added: list[dict[str, Any]] = []
    lost: list[UUID] = []
    for outcome in outcomes:
        attempts = recorded.get(outcome["step_id"], [])
        concerned = _of_its_start(attempts, outcome)
        last = concerned[-1] if concerned else None
        missing = _attempts_made(outcome) - _attempts_recorded(concerned)
        if last and missing <= 0:
            # The workflow hears of an end only once a worker is there to tell it; the attempt itself knew when it was.
            recorded_end = last["completed_at"] if last["status"] == outcome["status"] else None
            keeps = outcome["status"] == last["status"] == "completed" and "output" not in outcome
            changed.append({"row": last["id"], "keeps": keeps, **_ending(outcome, last["started_at"], recorded_end)})
            attempts = attempts[:-1]
        else:
            added.append(_new_row(run_id, outcome, attempts[-1] if attempts else None, last, missing))
        lost.extend(attempt["id"] for attempt in attempts if attempt["status"] == "running")
    if lost:
        session.execute(_LOST.where(STEPS.c.id.in_(lost)))
    if changed:
        session.execute(_CHANGE, changed)
    if added:
        session.execute(_ADD, added)


def _recorded(session: Session, run_id: UUID, step_ids: list[str]) -> dict[str, list[RowMapping]]:
    rows = session.execute(_ATTEMPTS, {"run": run_id, "steps": step_ids}).mappings()
    by_step: dict[str, list[RowMapping]] = {}
    for row in rows:
        by_step.setdefault(row["step_id"], []).append(row)
    return by_step


def _of_its_start(attempts: list[RowMapping], outcome: StepOutcome) -> list[RowMapping]:
    """The attempts that the outcome tells of: all of them, but in a step that was started again, by what it says."""
    start = outcome.get("start", 1)
    if start == 1 or (attempts and attempts[-1]["start"] > start):
        return attempts
    return [attempt for attempt in attempts if attempt["start"] == start]


def _attempts_made(outcome: StepOutcome) -> int:
    ran = outcome.get("started_at") is not None or outcome["status"] in ("completed", "failed")
    return outcome.get("attempts", 1 if ran else 0) + outcome.get("lost", 0)


def _attempts_recorded(attempts: Iterable[RowMapping]) -> int:
    """Attempts are numbered anew each time that the runner starts the step: the sum of each start's highest number."""
    highest: dict[int, int] = {}
    for attempt in attempts:
        highest[attempt["start"]] = max(highest.get(attempt["start"], 0), attempt["attempt_number"])
    return sum(highest.values())


def _new_row(
    run_id: UUID, outcome: StepOutcome, before: RowMapping | None, last: RowMapping | None, missing: int
) -> dict[str, Any]:
    """The attempt that is `missing` after the `last` of the same start; `before`: the last of any."""
    number = missing + (last["attempt_number"] if last else 0)
    ending = _ending(outcome, None, None)
    ending["usage"] = ending["usage"] or {}
    ending["artifacts"] = ending["artifacts"] or []
    return {
        "id": uuid4(),
        "workflow_instance_id": run_id,
        "step_id": outcome["step_id"],
        "attempt_number": number,
        "start": last["start"] if last else outcome.get("start", 1),
        "max_attempts": max(number, 1, before["max_attempts"] if before else 1),
        "progress_label": "",
        "worker": "",
        "settled": True,
        **ending,
    }


def _ending(outcome: StepOutcome, recorded_start: datetime | None, recorded_end: datetime | None) -> dict[str, Any]:
    error = outcome.get("error") or {}
    completed_at = recorded_end or from_unix(outcome.get("completed_at"))
    started_at = recorded_start or from_unix(outcome.get("started_at"))
    return {
        "status": outcome["status"],
        "reason": outcome.get("reason", ""),
        "output_data": outcome.get("output"),
        "output_slots": outcome.get("slots") or None,
        "error_message": error.get("message"),
        "error_class": error.get("error_class"),
        "error_traceback": error.get("traceback") or None,
        "will_retry": False,
        "started_at": started_at,
        "completed_at": completed_at,
        "duration_seconds": seconds_between(started_at, completed_at),
        "usage": outcome.get("usage") or None,
        "artifacts": outcome.get("artifacts") or None,
    }


def from_unix(seconds: float | None) -> datetime | None:
    """The moment of a Unix time."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _kept(name: str) -> Any:
    """The new value, or the recorded one where the workflow has none."""
    return func.coalesce(bindparam(name, type_=STEPS.c[name].type), STEPS.c[name])


def _told(name: str) -> Any:
    """The new value, or the recorded one where the workflow had no more room for it."""
    return case((bindparam("keeps", type_=Boolean), STEPS.c[name]), else_=bindparam(name, type_=STEPS.c[name].type))


# Made once: to make such a statement takes as long as to execute it.
_ATTEMPTS = (
    select(
        STEPS.c.id,
        STEPS.c.step_id,
        STEPS.c.start,
        STEPS.c.attempt_number,
        STEPS.c.max_attempts,
        STEPS.c.status,
        STEPS.c.started_at,
        STEPS.c.completed_at,
    )
    .where(STEPS.c.workflow_instance_id == bindparam("run"), STEPS.c.step_id.in_(bindparam("steps", expanding=True)))
    .order_by(STEPS.c.step_id, STEPS.c.start, STEPS.c.attempt_number)
)
_ADD = insert(STEPS)
_CHANGE = (
    update(STEPS)
    .where(STEPS.c.id == bindparam("row"))
    .values(
        {
            name: bindparam(name, type_=STEPS.c[name].type)
            for name in (
                "status",
                "reason",
                "error_message",
                "error_class",
                "will_retry",
                "started_at",
                "completed_at",
                "duration_seconds",
            )
        }
        | {name: _told(name) for name in ("output_data", "output_slots")}
        | {name: _kept(name) for name in ("error_traceback", "usage", "artifacts")}
        | {"settled": True}
    )
)

_LOST = update(STEPS).values(
    status="failed", error_class=WORKER_LOST, error_message="lost with its worker", will_retry=True
)
