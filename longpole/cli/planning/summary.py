"""What matters about a plan, in a few lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.planning.objectives import objective_text
from longpole.cli.display import seconds_text
from longpole.cli.planning.clock import Clock, money, short_duration

if TYPE_CHECKING:
    from engine.planning.account import Account
    from engine.planning.scenarios import Comparison
    from planner import Plan

_STATUS_STYLES = {"optimal": "green", "feasible": "yellow"}
_PATH_SHOWN = 12


def summary(account: Account) -> Table:
    """Facts, one a line."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for name, value in _facts(account):
        table.add_row(name, value)
    return table


def show_notes(account: Account, console: Console) -> None:
    """What was assumed."""
    for note in account.notes:
        console.print(Text(f"note: {note.message}", style="dim"))


def show_infeasible(account: Account, console: Console) -> None:
    """Why there is no plan."""
    plan = account.plan
    if plan.status.value == "unknown":
        message = f"neither a plan nor a proof that there is none was found in {seconds_text(plan.seconds)}"
        console.print(Text.assemble(("error: ", "bold red"), message))
        console.print(Text("  give it more time with --time-limit, or loosen deadline, windows or budget", style="dim"))
    else:
        console.print(Text.assemble(("error: ", "bold red"), "no plan keeps every rule"))
    clock = Clock(account)
    for reason in account.reasons:
        console.print(Text.assemble("  ", (reason.kind, "bold"), f": {clock.sentence(reason.message)}"))
    if len(account.reasons) > 1:
        console.print(Text("      together they leave no plan: loosen any one of them", style="dim"))
    for scenario in account.scenarios:
        console.print(Text.assemble("  ", ("what if", "bold"), f" {_scenario(scenario, account.case.currency)}"))


def headline(plan: Plan, currency: str) -> str:
    """A plan while a better one is looked for."""
    told = [seconds_text(plan.makespan)]
    if plan.cost:
        told.append(money(plan.cost, currency))
    if plan.gap is not None:
        told.append("optimal" if not plan.gap else f"at most {plan.gap:.1%} from the best")
    return ", ".join(told)


def _facts(account: Account) -> Iterator[tuple[str, Text]]:
    plan, currency, clock = account.plan, account.case.currency, Clock(account)
    status = plan.status.value
    yield "status", Text.assemble((status, _STATUS_STYLES.get(status, "")), f"  ({_how(account)})")
    moments = f"{clock.whole(0)} to {clock.whole(plan.makespan)} {clock.zone}"
    yield "makespan", Text.assemble((seconds_text(plan.makespan), "bold"), f"  {moments}")
    if account.baseline_makespan is not None and abs(plan.time_saved) >= 1:
        yield "", Text(_against(plan.time_saved, seconds_text(abs(plan.time_saved)), "shorter", "longer"))
    if plan.cost or (account.baseline_cost or 0):
        extra = f", {money(plan.surcharge, currency)} of it for bursts" if plan.surcharge else ""
        yield "cost", Text.assemble((money(plan.cost, currency), "bold"), extra)
        if account.baseline_cost is not None and abs(plan.savings) >= 0.005:
            yield "", Text(_against(plan.savings, money(abs(plan.savings), currency), "less", "more"))
    yield "long pole", Text(_path(account.critical_path))
    for pool in account.pools:
        cost = f", {money(pool.cost, currency)}" if pool.cost else ""
        yield f"pool {pool.name}", Text(f"{pool.busy:.0%} busy, at most {pool.peak:g} of {pool.capacity:g}{cost}")
    for bottleneck in account.bottlenecks:
        waiting = f"{len(bottleneck.waiting)} step{'' if len(bottleneck.waiting) == 1 else 's'} wait for it"
        worth = _worth(bottleneck.saves_seconds, bottleneck.saves_cost, currency)
        unsure = "" if bottleneck.proven else " (as far as the search got)"
        yield "bottleneck", Text(f"{bottleneck.pool}: {waiting}; {bottleneck.more:g} more would {worth}{unsure}")
    for each in account.opportunities:
        steps = ", ".join(each.steps[:4]) + (", ..." if len(each.steps) > 4 else "")
        saves = f"would end {short_duration(each.saves_seconds)} sooner"
        yield "side by side", Text(f"{steps}: with {each.missing:g} more {each.pool} it {saves}")
    for scenario in account.scenarios:
        yield "what if", Text(_scenario(scenario, currency))


def _how(account: Account) -> str:
    plan = account.plan
    told = [f"{objective_text(plan.problem.objective)}, {plan.method.replace('_', ' ')}, {seconds_text(plan.seconds)}"]
    if plan.bound is not None and plan.gap:
        told.append(f"bound {plan.bound:.6g}, at most {plan.gap:.1%} from the best")
    if account.interrupted:
        told.append("stopped by Ctrl-C")
    return "; ".join(told)


def _against(saved: float, text: str, better: str, worse: str) -> str:
    return f"{text} {better if saved > 0 else worse} than starting everything as soon as possible"


def _path(path: tuple[str, ...]) -> str:
    if len(path) <= _PATH_SHOWN:
        return " > ".join(path)
    half = _PATH_SHOWN // 2
    return " > ".join((*path[:half], f"({len(path) - 2 * half} more)", *path[-half:]))


def _worth(seconds: float, cost: float, currency: str) -> str:
    told = []
    if abs(seconds) >= 0.5:
        told.append(
            f"{'save' if seconds > 0 else 'take'} {short_duration(abs(seconds))}{'' if seconds > 0 else ' more'}"
        )
    if abs(cost) >= 0.005:
        told.append(f"{'save' if cost > 0 else 'cost'} {money(abs(cost), currency)}{'' if cost > 0 else ' more'}")
    return " and ".join(told) or "save nothing"


def _scenario(each: Comparison, currency: str) -> str:
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
    return f"{told}: it would {_worth(each.saves_seconds, each.saves_cost, currency)} ({moved}{unsure})"
