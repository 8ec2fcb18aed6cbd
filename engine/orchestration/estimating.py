"""How long a run will take and what it will cost: planned on the pools, with what past runs tell of its steps."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from definitions.errors import Problem
from definitions.graph import dependencies, topological_order
from definitions.model import Definition
from definitions.nearest import did_you_mean
from definitions.pools import PoolsDocument
from engine.orchestration.plugin_steps import hint_of
from engine.orchestration.views import Estimate
from engine.planning.case import open_case
from engine.planning.request import DEFAULT_DURATION, Request
from engine.plugins import Plugins
from engine.scheduling.estimates import Source, estimate
from engine.scheduling.pools import PoolBook
from planner import Limits, solve
from store.database import Database
from store.orchestration import past_durations

_USD = "USD"
_AT_ONCE = Limits(seconds=0.0)
PLANNED_STEPS = 5_000
"""Of definitions with more, durations and prices are added up: a plan takes about a second for so many."""
_PAST_STEPS = 2_000
_ENOUGH_RUNS = 3
"""From so many runs of a step on, they count and not what was said of it."""
_UNPLANNED = frozenset({"cpu_cores", "memory_gb"})
"""What a step may name though there is no pool of it: it then only is what it says of its size."""


def usd_of(pools: PoolsDocument) -> float:
    """What one unit of the pools' currency is worth in USD; where nobody said, it counts as one."""
    return 1.0 if pools.currency == _USD else pools.rates.get(_USD, 1.0)


class Estimating:
    """Estimates on the pools of a service. Blocking work runs in threads."""

    def __init__(self, database: Database, pools: PoolBook, plugins: Plugins) -> None:
        self._database = database
        self._pools = pools
        self._plugins = plugins

    async def estimate(self, document: Mapping[str, Any], workflow_id: str | None = None) -> Estimate:
        """What a run that starts now will take. `workflow_id`: whose past runs count."""

        def work() -> Estimate:
            with self._database.read() as session:
                pools = self._pools.read(session)
                past = past_durations(session, workflow_id, limit=_PAST_STEPS) if workflow_id else {}
            expected, usd = self._expected(document, past)
            small = len(expected["steps"]) <= PLANNED_STEPS
            found = plan(expected, pools, datetime.now(UTC)) if small else roughly(expected, pools)
            return replace(found, usd=usd)

        return await asyncio.to_thread(work)

    async def usd(self) -> float:
        """What one unit of the pools' currency is worth in USD; where nobody said, it counts as one."""

        def read() -> float:
            with self._database.read() as session:
                return usd_of(self._pools.read(session))

        return await asyncio.to_thread(read)

    async def problems(self, document: Mapping[str, Any]) -> list[Problem]:
        """Demands that no pool can meet, however long a run waits: `resource_insufficient`, `unknown_node_type`."""

        def work() -> list[Problem]:
            with self._database.read() as session:
                pools = self._pools.read(session)
            return list(_impossible(document.get("steps", ()), "steps", pools))

        return await asyncio.to_thread(work)

    def _expected(self, document: Mapping[str, Any], past: Mapping[str, list[float]]) -> tuple[dict[str, Any], float]:
        """The document with what is known of its steps, and what their plugins cost beside the pools, in USD."""
        steps, cost = [], 0.0
        for step in document["steps"]:
            known: dict[str, Any] = {}
            hint = hint_of(self._plugins, step)
            runs = past.get(step["id"], [])
            if len(runs) >= _ENOUGH_RUNS:
                known["estimated_duration"] = estimate(runs, Source.STEP).p50
            elif step.get("estimated_duration") is None and hint.seconds is not None:
                known["estimated_duration"] = hint.seconds
            if not step.get("resources") and hint.resources:
                known["resources"] = dict(hint.resources)
            steps.append({**step, **known})
            cost += hint.cost or 0.0
        return {**document, "steps": steps}, cost


def plan(document: Mapping[str, Any], pools: PoolsDocument, now: datetime) -> Estimate:
    """A run that starts now on pools that nobody else uses."""
    plan = solve(open_case(Request((document,), now, pools)).problem, _AT_ONCE)
    if plan.schedule is None:
        return Estimate(0.0, 0.0, 0.0, pools.currency)
    seconds = sum((each.end - each.start) * workers_of(each.amounts) for each in plan.assignments.values())
    path = tuple(task for task, _ in plan.analysis.critical_path)
    return Estimate(plan.makespan, seconds / 3600, plan.cost, pools.currency, path)


def roughly(document: Mapping[str, Any], pools: PoolsDocument) -> Estimate:
    """A run as if there were enough of everything, at the pools' base prices: for more steps than are planned within a
    request."""
    definition = Definition.model_validate(document)
    before = dependencies(definition)
    steps = {step.id: step for step in definition.steps}
    ends: dict[str, float] = {}
    hours = cost = 0.0
    for step_id in topological_order(before):
        step = steps[step_id]
        assumed = DEFAULT_DURATION if step.handler is not None else 0.0
        seconds = assumed if step.estimated_duration is None else step.estimated_duration
        ends[step_id] = seconds + max((ends[each] for each in before[step_id]), default=0.0)
        hours += seconds / 3600 * workers_of(step.resources)
        priced = ((pools.pools[name].price, units) for name, units in step.resources.items() if name in pools.pools)
        cost += seconds / 3600 * sum(price.per_hour * units for price, units in priced)
    return Estimate(max(ends.values()), hours, cost, pools.currency, tuple(_longest(before, ends)))


def _longest(before: Mapping[str, Sequence[str]], ends: Mapping[str, float]) -> list[str]:
    """The steps that the last end waits for, each for the one before it."""
    path = [max(ends, key=lambda each: ends[each])]
    while before[path[-1]]:
        path.append(max(before[path[-1]], key=lambda each: ends[each]))
    return path[::-1]


def workers_of(amounts: Mapping[str, float]) -> float:
    """How many machines a step holds; one that names no type of machine takes a part of one, and counts as one."""
    workers = sum(amount for name, amount in amounts.items() if is_machine(name))
    return workers or 1.0


def is_machine(pool: str) -> bool:
    """Whether units of a pool are machines (`i3.xlarge`), and no parts of such (`cpu_cores`)."""
    return not pool.endswith(("_cores", "_gb", "_mbps"))


def _impossible(steps: Sequence[Mapping[str, Any]], path: str, pools: PoolsDocument) -> Iterator[Problem]:
    """Of a document that is checked."""
    for number, step in enumerate(steps):
        for name, amount in (step.get("resources") or {}).items():
            at = f"{path}[{number}].resources.{name}"
            if name in pools.pools:
                capacity = pools.pools[name].capacity
                if amount > capacity:
                    message = f"{amount:g} of `{name}` are wanted, and there are {capacity:g}"
                    yield Problem("resource_insufficient", at, message, "ask for less, or let the pool be larger")
            elif name not in _UNPLANNED:
                remedy = did_you_mean(name, pools.pools) or f"known: {', '.join(pools.pools)}"
                yield Problem("unknown_node_type", at, f"there is no pool `{name}`", remedy)
        for key, inner in (("branch", "then"), ("branch", "else"), ("loop", "steps"), ("parallel", "steps")):
            block = (step.get(key) or {}).get(inner)
            if block:
                yield from _impossible(block, f"{path}[{number}].{key}.{inner}", pools)
