"""What the page's drawings are made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from longpole.cli.planning.clock import Clock, money, short_duration
from longpole.cli.planning.timeline import ticks

if TYPE_CHECKING:
    from engine.planning.account import Account, StepAccount
    from engine.planning.pool_use import PoolUse

_MOST_TICKS = 12


def page_data(account: Account) -> dict[str, Any]:
    """Steps, pools and the time axis, with what tooltips say; times are seconds from the plan's start."""
    clock, currency = Clock(account), account.case.currency
    return {
        "span": account.plan.makespan or 1.0,
        "ticks": [{"at": moment, "text": clock.text(moment)} for moment in ticks(account, _MOST_TICKS)],
        "steps": [
            {
                "id": step.id,
                "start": step.start_seconds,
                "end": step.end_seconds,
                "parts": [list(part) for part in step.parts],
                "slack": step.slack_seconds,
                "critical": step.critical,
                "tip": step_tip(step, clock, currency),
            }
            for step in account.steps
        ],
        "path": list(account.critical_path),
        "pools": [_pool(pool, clock, currency) for pool in account.pools],
        "shaded": _shaded(account),
    }


def step_tip(step: StepAccount, clock: Clock, currency: str) -> str:
    """Everything about a step, a line each."""
    takes = short_duration(step.work_seconds) + (" (assumed)" if step.assumed else "")
    lines = [
        step.title,
        f"{clock.text(step.start_seconds)} to {clock.text(step.end_seconds)}, {takes}",
    ]
    if len(step.parts) > 1:
        lines.append("in parts: " + ", ".join(f"{clock.text(start)}-{clock.text(end)}" for start, end in step.parts))
    if step.amounts:
        lines.append("holds " + ", ".join(f"{amount:g} {name}" for name, amount in step.amounts.items()))
    if step.cost:
        lines.append(f"costs {money(step.cost, currency)}")
    lines.append("on the critical path" if step.critical else f"slack {short_duration(step.slack_seconds)}")
    lines.append(f"not earlier: {step.why}")
    return "\n".join(lines)


def _pool(pool: PoolUse, clock: Clock, currency: str) -> dict[str, Any]:
    spans = []
    for span in pool.spans:
        priced = f"\n{money(span.price, currency)} per unit and hour" if span.price else ""
        told = f"{clock.text(span.start)} to {clock.text(span.end)}\n{span.used:g} of {span.capacity:g} in use{priced}"
        spans.append(
            {
                "start": span.start,
                "end": span.end,
                "used": span.used,
                "capacity": span.capacity,
                "price": span.price,
                "tip": told,
            }
        )
    return {"name": pool.name, "spans": spans}


def _shaded(account: Account) -> dict[str, Any] | None:
    """The prices behind the bars: those of the pool that the most money goes to, of those whose price changes."""
    priced = [pool for pool in account.pools if pool.priced]
    if not priced:
        return None
    pool = max(priced, key=lambda each: each.cost)
    currency = account.case.currency
    low, high = min(span.price for span in pool.spans), max(span.price for span in pool.spans)
    spans = [{"start": span.start, "end": span.end, "price": span.price} for span in pool.spans]
    return {
        "text": f"{pool.name} costs more: {money(high, currency)} instead of {money(low, currency)}",
        "spans": spans,
    }
