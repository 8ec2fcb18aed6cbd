"""What if: a scheduled workflow planned with other pools, prices, deadline or budget, and nothing done about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import yaml

from definitions import validation
from definitions.pools import load_pools
from engine.planning.case import open_case
from engine.planning.request import Request
from engine.planning.scenarios import ScenarioInvalid, changed, parse_scenario
from engine.scheduling.plan_record import plan_record
from engine.scheduling.proposing import propose
from engine.scheduling.views import ScheduledView
from engine.scheduling.wish import Wish
from store.reservations import Taken

_SAME = 1.0


@dataclass(frozen=True)
class WhatIf:
    """The plan that there would be (in `view`), against the one in force."""

    view: ScheduledView
    changes: str
    saves_seconds: float
    """By how much it would end earlier."""
    saves_cost: float
    steps_moved: int


def what_if(
    view: ScheduledView, wish: Wish, pools: Mapping[str, Any], held: Sequence[Taken], now: datetime, text: str
) -> WhatIf:
    """`text` is as `longpole plan --what-if` has it. Raises `ScenarioInvalid`,
    `DefinitionInvalid`, and as `propose`."""
    case = open_case(Request((wish.document,), now, pools, budget=wish.budget))
    request = changed(case, parse_scenario(text, _value))
    document = request.workflows[0]
    if request.deadline is not None:
        planning = {**(document.get("planning") or {}), "deadline": request.deadline.isoformat()}
        document = {**document, "planning": planning}
    validation.load(document)
    steps = {step["id"]: step for step in wish.document["steps"]}
    # What a scenario says of a step's time counts more than what was learned of it.
    told = {step["id"] for step in document["steps"] if step != steps[step["id"]]}
    estimates = {step_id: each for step_id, each in wish.estimates.items() if step_id not in told}
    other = replace(wish, document=document, budget=request.budget, estimates=estimates)
    assert request.pools is not None  # noqa: S101  # they were given
    proposal = propose(other, load_pools(request.pools), held, now)
    record = plan_record(proposal, other)
    starts = {step["step_id"]: datetime.fromisoformat(step["start"]) for step in view.plan["steps"]}
    moved = [
        step
        for step in record["steps"]
        if abs((datetime.fromisoformat(step["start"]) - starts[step["step_id"]]).total_seconds()) > _SAME
    ]
    there = replace(
        view,
        planned_start=proposal.start,
        planned_end=proposal.end,
        estimated_cost=proposal.cost,
        cost_savings=proposal.savings,
        plan=record,
    )
    sooner = (view.planned_end - proposal.end).total_seconds()
    return WhatIf(there, text, sooner, view.estimated_cost - proposal.cost, len(moved))


def _value(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise ScenarioInvalid(f"{text[:80]!r} is no value", remedy="write a number, a time or a text") from None
