"""What matters about a plan, in a few lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from longpole.cli.display import seconds_text
from longpole.cli.planning.clock import Clock, money
from longpole.cli.planning.columns import uncut
from longpole.cli.planning.sentences import against, compared, how, insights, moments

if TYPE_CHECKING:
    from engine.planning.account import Account
    from planner import Plan

_STATUS_STYLES = {"optimal": "green", "feasible": "yellow"}
_PATH_SHOWN = 12


def show_summary(account: Account, console: Console) -> None:
    """Facts, one a line; longer ones are wrapped on a terminal."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for name, value in _facts(account):
        table.add_row(name, value)
    uncut(console).print(table)


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
        console.print(Text.assemble("  ", ("what if", "bold"), f" {compared(scenario, account.case.currency)}"))


def headline(plan: Plan, currency: str) -> str:
    """A plan while a better one is looked for."""
    told = [seconds_text(plan.makespan)]
    if plan.cost:
        told.append(money(plan.cost, currency))
    if plan.gap is not None:
        told.append("optimal" if not plan.gap else f"at most {plan.gap:.1%} from the best")
    return ", ".join(told)


def _facts(account: Account) -> Iterator[tuple[str, Text]]:
    plan, currency = account.plan, account.case.currency
    status = plan.status.value
    yield "status", Text.assemble((status, _STATUS_STYLES.get(status, "")), f"  ({how(account)})")
    yield "makespan", Text.assemble((seconds_text(plan.makespan), "bold"), f"  {moments(account)}")
    if account.baseline_makespan is not None and abs(plan.time_saved) >= 1:
        yield "", Text(against(plan.time_saved, seconds_text(abs(plan.time_saved)), "shorter", "longer"))
    if plan.cost or (account.baseline_cost or 0):
        extra = f", {money(plan.surcharge, currency)} of it for bursts" if plan.surcharge else ""
        yield "cost", Text.assemble((money(plan.cost, currency), "bold"), extra)
        if account.baseline_cost is not None and abs(plan.savings) >= 0.005:
            yield "", Text(against(plan.savings, money(abs(plan.savings), currency), "less", "more"))
    yield "long pole", Text(_path(account.critical_path))
    for pool in account.pools:
        cost = f", {money(pool.cost, currency)}" if pool.cost else ""
        yield f"pool {pool.name}", Text(f"{pool.busy:.0%} busy, at most {pool.peak:g} of {pool.capacity:g}{cost}")
    for name, text in insights(account):
        yield name, Text(text)


def _path(path: tuple[str, ...]) -> str:
    if len(path) <= _PATH_SHOWN:
        return " > ".join(path)
    half = _PATH_SHOWN // 2
    return " > ".join((*path[:half], f"({len(path) - 2 * half} more)", *path[-half:]))
