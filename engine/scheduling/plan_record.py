"""A plan as it is kept beside its workflow: what is told of it, and what its run goes by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from definitions.messages import Timetable
from engine.planning.account import tell
from engine.scheduling.proposing import Proposal
from engine.scheduling.wish import Wish
from planner.critical_path import HeldBy
from planner.occupancy import peak
from store.reservations import Held

_FREE = frozenset({HeldBy.PREDECESSOR.value, HeldBy.ORIGIN.value})


def plan_record(proposal: Proposal, wish: Wish) -> dict[str, Any]:
    """The plan as JSON: `terms` of the wish, and `steps` by start with all that is known of each."""
    plan, account = proposal.plan, tell(proposal.case, proposal.plan)
    estimates = proposal.estimates
    rates = proposal.case.pools.rates if proposal.case.pools is not None else {}
    return {
        "origin": proposal.origin.isoformat(),
        "start": proposal.start.isoformat(),
        "end": proposal.end.isoformat(),
        "method": plan.method,
        "status": plan.status.value,
        "cost": plan.cost,
        "cost_in": {name: plan.cost * rate for name, rate in rates.items()},
        "surcharge": plan.surcharge,
        "soonest_cost": proposal.soonest.cost,
        "soonest_end": proposal.at(proposal.soonest.makespan).isoformat(),
        "critical_path": list(account.critical_path),
        "terms": wish.terms(),
        "forecast": proposal.forecast.as_json(),
        "notes": [note.message for note in account.notes],
        "steps": [
            {
                "step_id": step.step,
                "title": step.title,
                "start": proposal.at(step.start_seconds).isoformat(),
                "end": proposal.at(step.end_seconds).isoformat(),
                "parts": [[proposal.at(a).isoformat(), proposal.at(b).isoformat()] for a, b in step.parts],
                "seconds": step.work_seconds,
                "estimate": estimates[step.step].as_json() if step.step in estimates else None,
                "amounts": dict(step.amounts),
                "cost": step.cost,
                "slack_seconds": step.slack_seconds,
                "critical": step.critical,
                "held_by": step.held_by,
                "why": step.why,
            }
            for step in sorted(account.steps, key=lambda step: (step.start_seconds, step.end_seconds))
        ],
    }


def holdings(proposal: Proposal, workflow_id: UUID) -> Iterator[Held]:
    """What the plan reserves."""
    shared = proposal.case.pools.pools if proposal.case.pools is not None else {}
    for task, each in proposal.plan.assignments.items():
        for pool, amount in each.amounts.items():
            if pool in shared and amount:
                for start, end in each.parts:
                    if end > start:
                        yield Held(pool, proposal.at(start), proposal.at(end), amount, workflow_id, task)


def most_held(record: Mapping[str, Any]) -> dict[str, float]:
    """Pool -> the most units of it that the steps of a plan that is kept hold at once."""
    held: dict[str, list[tuple[float, float, float]]] = {}
    for step in record["steps"]:
        for part in step["parts"]:
            start, end = (datetime.fromisoformat(moment).timestamp() for moment in part)
            for pool, amount in step["amounts"].items():
                held.setdefault(pool, []).append((start, end, amount))
    return {pool: peak(used) for pool, used in held.items()}


def timetable(record: Mapping[str, Any]) -> Timetable:
    """The hours that a run keeps: its start, and those of steps that the plan puts off for more than what they wait
    for: a price, or room. All others start as soon as they can."""
    begins = datetime.fromisoformat(record["start"])
    held = {
        step["step_id"]: datetime.fromisoformat(step["start"]).timestamp()
        for step in record["steps"]
        if step["held_by"] not in _FREE and datetime.fromisoformat(step["start"]) > begins
    }
    return Timetable(begins.timestamp(), held)
