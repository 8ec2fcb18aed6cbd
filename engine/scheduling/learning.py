"""What past runs of a user's workflows tell of how long steps take; and what there is to learn from a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from engine.planning.request import DEFAULT_DURATION
from engine.scheduling.estimates import Estimate, Source, estimate, guess, size_class
from engine.scheduling.wish import Wish
from store import step_durations
from store.database import Session
from store.scheduling_tables import ScheduledWorkflow, StepDuration
from store.tables import WorkflowStepExecution

STEP_RUNS = 5
"""From so many runs of a step on, its own past counts."""
AGENT_RUNS = 10
"""From so many runs of the same agent type with parameters of about the same size on, theirs counts."""
LAST_RUNS = 50
"""Older ones are forgotten."""


def learned(session: Session, owner: str, wish: Wish) -> Wish:
    """The same, with what is known about how long its steps take."""
    steps = [step for step in wish.document["steps"] if step.get("handler")]
    own = step_durations.of_definition(session, owner, wish.document["name"], LAST_RUNS)
    unknown = [step for step in steps if len(own.get(step["id"], ())) < STEP_RUNS]
    kinds = {_kind(step) for step in unknown}
    agents = step_durations.of_agents(session, owner, sorted(kinds), LAST_RUNS)
    estimates = {}
    for step in steps:
        if len(runs := own.get(step["id"], ())) >= STEP_RUNS:
            estimates[step["id"]] = estimate(runs, Source.STEP)
        elif len(runs := agents[_kind(step)]) >= AGENT_RUNS:
            estimates[step["id"]] = estimate(runs, Source.AGENT)
        else:
            given = step.get("estimated_duration")
            seconds = DEFAULT_DURATION if given is None else float(given)
            source = Source.ASSUMED if given is None else Source.GIVEN
            estimates[step["id"]] = guess(seconds, source)
    return replace(wish, estimates=estimates)


def durations(
    row: ScheduledWorkflow, document: Mapping[str, Any], attempts: Iterable[WorkflowStepExecution]
) -> Iterable[StepDuration]:
    """What there is to learn from a run: the attempts that completed. With other amounts than demanded they took longer
    or shorter by what the plan says."""
    steps = {step["id"]: step for step in document["steps"]}
    planned = {step["step_id"]: step for step in row.plan["steps"] if step.get("estimate")}
    for attempt in attempts:
        if attempt.status != "completed" or attempt.step_id not in planned or attempt.duration_seconds is None:
            continue
        if attempt.completed_at is None:
            continue
        plan, step = planned[attempt.step_id], steps[attempt.step_id]
        expected = Estimate.of_json(plan["estimate"])
        stretched = plan["seconds"] / expected.p50 if expected.p50 > 0 and plan["seconds"] > 0 else 1.0
        agent_type, size = _kind(step)
        yield StepDuration(
            workflow_id=row.id,
            owner=row.owner,
            definition=document["name"],
            step_id=attempt.step_id,
            agent_type=agent_type,
            size_class=size,
            source=expected.source.value,
            p50=expected.p50,
            p90=expected.p90,
            seconds=attempt.duration_seconds / stretched,
            ended_at=attempt.completed_at,
        )


def _kind(step: Mapping[str, Any]) -> tuple[str, int]:
    return step["handler"], size_class(step)
