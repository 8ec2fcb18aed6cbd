"""From a planning request to what is printed about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console, Group, RenderableType
from rich.text import Text

from engine.planning.account import Account, tell
from engine.planning.case import Case, open_case
from engine.planning.request import Request
from engine.planning.scenarios import Scenario, compare, open_scenario, parse_scenario
from longpole.cli.console import err, out
from longpole.cli.inputs import json_or_text
from longpole.cli.planning.gantt import Gantt
from longpole.cli.planning.searching import Search
from longpole.cli.planning.summary import headline, show_infeasible, show_notes, show_summary
from longpole.cli.planning.table import show_steps
from planner import Limits, Plan, Reason, Status, solve

_DRAWN = 300
"""Of larger plans only figures are shown while a search goes on: drawing would take time from it."""
_RESERVED_LINES = 8
_VALUING_SHARE = 0.05
"""Of the limits of the search, for each plan that values a bottleneck."""


def answer(request: Request, limits: Limits, what_if: Sequence[str], console: Console) -> Account:
    """Plan, explain and compare; `console` shows the best plan so far while a search goes on.

    Raises what `open_case`, `parse_scenario` and `open_scenario` raise, before anything is searched for.
    """
    case = open_case(request)
    scenarios = [open_scenario(case, text, parse_scenario(text, json_or_text)) for text in what_if]
    search: Search[Plan] = Search(lambda within, better: solve(case.problem, within, better), limits)
    plan = search.run(console, lambda best: _draw(case, best, console))
    if search.interrupted:
        return tell(case, plan, interrupted=True)
    return _explained(case, plan, scenarios, limits, console)


def show(account: Account) -> None:
    """The plan on standard output; on standard error why there is none."""
    if account.plan.schedule is None:
        show_notes(account, err)
        show_infeasible(account, err)
        return
    show_summary(account, out)
    out.print()
    show_steps(account, out)
    out.print()
    out.print(Gantt(account, out).render())
    show_notes(account, out)


def _explained(case: Case, plan: Plan, scenarios: Sequence[Scenario], limits: Limits, console: Console) -> Account:
    """With what bottlenecks are worth, what scenarios come to, or why there is no plan; Ctrl-C leaves the rest out."""

    def find(within: Limits, _: object) -> Account:
        compared = tuple(
            compare(plan, scenario, within)
            for scenario in scenarios
            if within.cancelled is None or not within.cancelled()
        )
        marginals = _smaller(within, _VALUING_SHARE)
        return tell(case, plan, marginals=marginals, scenarios=compared, reasons=_reasons(plan, within))

    search: Search[Account] = Search(find, limits)
    account = search.run(console, lambda _: Text())
    return replace(account, interrupted=search.interrupted)


def _smaller(limits: Limits, share: float) -> Limits:
    return replace(
        limits,
        seconds=None if limits.seconds is None else limits.seconds * share,
        work=None if limits.work is None else limits.work * share,
    )


def _reasons(plan: Plan, limits: Limits) -> tuple[Reason, ...]:
    """Reasons that can't be left out; where that takes too long, those that the search gave."""
    if plan.status is not Status.INFEASIBLE:
        return ()
    from planner.infeasibility import explain

    return tuple(reason for reason in explain(plan.problem, limits) if reason.kind != "unknown") or plan.reasons


def _draw(case: Case, plan: Plan, console: Console) -> RenderableType:
    line = Text(headline(plan, case.currency), style="bold")
    if len(plan.problem.tasks) > _DRAWN:
        return line
    rows = max(console.height - _RESERVED_LINES - 2 * len(plan.problem.pools), 3)
    return Group(line, Gantt(tell(case, plan), console, rows=rows).render())
