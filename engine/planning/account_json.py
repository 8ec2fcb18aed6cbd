"""An account of a plan as JSON: the shape that `docs/planner.md` tells."""

from __future__ import annotations

from typing import Any

from engine.planning.account import Account, StepAccount
from engine.planning.objectives import objective_text
from engine.planning.pool_use import PoolUse
from engine.planning.scenarios import Comparison


def account_json(account: Account) -> dict[str, Any]:
    """The whole account; what needs a plan is null or empty where there is none."""
    plan = account.plan
    there = plan.schedule is not None
    return {
        "status": plan.status.value,
        "interrupted": account.interrupted,
        "workflows": list(account.case.workflows),
        "start": account.start.isoformat(),
        "end": account.end.isoformat() if there else None,
        "makespan_seconds": _short(plan.makespan) if there else None,
        "cost": _money(plan.cost) if there else None,
        "burst_surcharge": _money(plan.surcharge) if there else None,
        "currency": account.case.currency,
        "as_soon_as_possible": {
            "makespan_seconds": _short(account.baseline_makespan) if there else None,
            "cost": _money(account.baseline_cost) if there else None,
        },
        "savings": {
            "seconds": _short(plan.time_saved) if there else None,
            "cost": _money(plan.savings) if there else None,
        },
        "objective": {
            "name": objective_text(plan.problem.objective),
            "value": plan.objective,
            "bound": plan.bound,
            "gap": plan.gap,
        },
        "method": plan.method,
        "planning_seconds": round(plan.seconds, 3),
        "steps": [_step(account, step) for step in account.steps],
        "critical_path": list(account.critical_path),
        "pools": [_pool(pool) for pool in account.pools],
        "bottlenecks": [
            {
                "pool": each.pool,
                "waiting": list(each.waiting),
                "more": each.units,
                "saves_seconds": _short(each.gain.seconds),
                "saves_cost": _money(each.gain.money),
                "proven": each.gain.proven,
            }
            for each in account.bottlenecks
        ],
        "parallelisation": [
            {
                "steps": list(each.tasks),
                "pool": each.pool,
                "missing": each.units,
                "saves_seconds": _short(each.gain.seconds),
                "saves_cost": _money(each.gain.money),
                "proven": each.gain.proven,
            }
            for each in account.opportunities
        ],
        "what_if": [_comparison(each) for each in account.scenarios],
        "reasons": [
            {
                "kind": each.kind,
                "message": each.message,
                "steps": list(each.tasks),
                "pool": each.pool,
                "needed": each.needed,
                "available": each.available,
            }
            for each in account.reasons
        ],
        "notes": [{"code": note.code, "message": note.message, "steps": list(note.steps)} for note in account.notes],
    }


def _step(account: Account, step: StepAccount) -> dict[str, Any]:
    return {
        "id": step.id,
        "workflow": step.workflow,
        "step": step.step,
        "title": step.title,
        "start": account.at(step.start_seconds).isoformat(),
        "end": account.at(step.end_seconds).isoformat(),
        "start_seconds": _short(step.start_seconds),
        "end_seconds": _short(step.end_seconds),
        "parts": [[_short(start), _short(end)] for start, end in step.parts],
        "amounts": dict(step.amounts),
        "cost": _money(step.cost),
        "slack_seconds": _short(step.slack_seconds),
        "free_slack_seconds": _short(step.free_slack_seconds),
        "critical": step.critical,
        "held_by": step.held_by,
        "why": step.why,
        "waits_for": list(step.waits_for),
        "pool": step.pool,
        "assumed_duration": step.assumed,
    }


def _pool(pool: PoolUse) -> dict[str, Any]:
    return {
        "name": pool.name,
        "capacity": pool.capacity,
        "peak": pool.peak,
        "busy": round(pool.busy, 4),
        "cost": _money(pool.cost),
        "use": [
            {
                "start_seconds": _short(span.start),
                "end_seconds": _short(span.end),
                "used": span.used,
                "capacity": span.capacity,
                "per_hour": span.price,
            }
            for span in pool.spans
        ],
    }


def _comparison(each: Comparison) -> dict[str, Any]:
    there = each.plan.schedule is not None
    return {
        "scenario": each.scenario,
        "status": each.plan.status.value,
        "makespan_seconds": _short(each.plan.makespan) if there else None,
        "cost": _money(each.plan.cost) if there else None,
        "saves_seconds": _short(each.saves_seconds),
        "saves_cost": _money(each.saves_cost),
        "steps_moved": each.moved,
    }


def _short(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _money(amount: float | None) -> float | None:
    return None if amount is None else round(amount, 4)
