"""What a plan comes to, in sentences: for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.planning.objectives import objective_text
from longpole.cli.display import seconds_text
from longpole.cli.planning.clock import Clock, money, short_duration

if TYPE_CHECKING:
    from engine.planning.account import Account
    from engine.planning.scenarios import Comparison
    from planner.bottlenecks import Gain


def moments(account: Account) -> str:
    """From when to when."""
    clock = Clock(account)
    return f"{clock.whole(0)} to {clock.whole(account.plan.makespan)} {clock.zone}"


def how(account: Account) -> str:
    """How the plan was found, and how good it is."""
    plan = account.plan
    told = [f"{objective_text(plan.problem.objective)}, {plan.method.replace('_', ' ')}, {seconds_text(plan.seconds)}"]
    if plan.bound is not None and plan.gap:
        told.append(f"bound {plan.bound:.6g}, at most {plan.gap:.1%} from the best")
    if account.interrupted:
        told.append("stopped by Ctrl-C")
    return "; ".join(told)


def against(saved: float, text: str, better: str, worse: str) -> str:
    """The difference to the as-soon-as-possible plan."""
    return f"{text} {better if saved > 0 else worse} than starting everything as soon as possible"


def insights(account: Account) -> Iterator[tuple[str, str]]:
    """What would make the plan better: (kind, sentence)."""
    currency = account.case.currency
    for bottleneck in account.bottlenecks:
        waiting = f"{len(bottleneck.waiting)} step{'' if len(bottleneck.waiting) == 1 else 's'} wait for it"
        worth = _worth(bottleneck.gain, currency)
        yield "bottleneck", f"{bottleneck.pool}: {waiting}; {bottleneck.units:g} more would {worth}"
    for each in account.opportunities:
        steps, worth = " and ".join(each.tasks), _worth(each.gain, currency)
        yield "side by side", f"{steps}: with {each.units:g} more {each.pool}, which would {worth}"
    for scenario in account.scenarios:
        yield "what if", compared(scenario, currency)


def compared(each: Comparison, currency: str) -> str:
    """What a scenario comes to."""
    plan = each.plan
    if plan.schedule is None:
        return (
            f"{each.scenario}: {'no plan keeps every rule' if plan.status.value == 'infeasible' else 'no plan found'}"
        )
    unsure = "" if plan.status.value == "optimal" else ", as far as the search got"
    cost = f", {money(plan.cost, currency)}" if plan.cost else ""
    told = f"{each.scenario}: {seconds_text(plan.makespan)}{cost}"
    if each.moved is None:
        return f"{told}: there is a plan then"
    moved = f"{each.moved} step{'' if each.moved == 1 else 's'} moved"
    return f"{told}: it would {_saved(each.saves_seconds, each.saves_cost, currency)} ({moved}{unsure})"


def _worth(gain: Gain, currency: str) -> str:
    return _saved(gain.seconds, gain.money, currency) + ("" if gain.proven else " (as far as the search got)")


def _saved(seconds: float, cost: float, currency: str) -> str:
    told = []
    if abs(seconds) >= 0.5:
        told.append(
            f"{'save' if seconds > 0 else 'take'} {short_duration(abs(seconds))}{'' if seconds > 0 else ' more'}"
        )
    if abs(cost) >= 0.005:
        told.append(f"{'save' if cost > 0 else 'cost'} {money(abs(cost), currency)}{'' if cost > 0 else ' more'}")
    return " and ".join(told) or "save nothing"
