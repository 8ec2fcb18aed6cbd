"""A plan as one HTML page that needs nothing else: no network, no other file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from definitions.errors import LongpoleError
from longpole.cli.display import seconds_text
from longpole.cli.planning.clock import Clock, money, short_duration
from longpole.cli.planning.page_data import page_data
from longpole.cli.planning.sentences import against, how, insights, moments

if TYPE_CHECKING:
    from engine.planning.account import Account

_TEMPLATE = Path(__file__).with_name("page.html")


def require_folder(path: Path) -> None:
    """Raises `LongpoleError` where there is no folder to write the page into: better known before a long search."""
    if not path.parent.is_dir():
        raise LongpoleError(f"--html {path}: there is no folder {path.parent}", remedy="make it, or choose another")


def write_page(account: Account, path: Path) -> None:
    """Write the page. Raises `LongpoleError` where that can't be done."""
    try:
        path.write_text(plan_page(account), encoding="utf-8")
    except OSError as error:
        raise LongpoleError(f"{path} can't be written: {error.strerror}", remedy="choose another --html") from None


def plan_page(account: Account) -> str:
    """The page of a plan that is there."""
    # a step may be called </script>
    data = json.dumps(page_data(account), ensure_ascii=False).replace("<", "\\u003c")
    parts = {
        "title": escape(", ".join(account.case.workflows)),
        "when": escape(moments(account)),
        "facts": _facts(account),
        "path": _path(account),
        "pools": _pools(account),
        "insights": _insights(account),
        "table": _table(account),
        "notes": _listed("Assumed", (note.message for note in account.notes), "notes"),
        "data": data,
    }
    page, *rest = _TEMPLATE.read_text(encoding="utf-8").split("{{")
    # in one pass, so that nothing in a value is taken for a place
    for piece in rest:
        name, _, text = piece.partition("}}")
        page += parts[name] + text
    return page


def _facts(account: Account) -> str:
    plan, currency = account.plan, account.case.currency
    saved = against(plan.time_saved, seconds_text(abs(plan.time_saved)), "shorter", "longer")
    cheaper = against(plan.savings, money(abs(plan.savings), currency), "less", "more")
    found = [
        ("takes", seconds_text(plan.makespan), saved if abs(plan.time_saved) >= 1 else "", ""),
        ("status", plan.status.value, how(account), plan.status.value),
    ]
    if plan.cost or account.baseline_cost:
        found.insert(1, ("costs", money(plan.cost, currency), cheaper if abs(plan.savings) >= 0.005 else "", ""))
    return "".join(
        f'<div class="fact"><dt>{escape(name)}</dt><dd><span class="{escape(style)}">{escape(value)}</span>'
        f"<small>{escape(aside)}</small></dd></div>"
        for name, value, aside, style in found
    )


def _path(account: Account) -> str:
    return " <b>→</b> ".join(escape(task) for task in account.critical_path)


def _pools(account: Account) -> str:
    return "".join(
        f"<section><h2>{escape(pool.name)}: {pool.busy:.0%} busy, at most {pool.peak:g} of {pool.capacity:g}"
        f"{escape(', ' + money(pool.cost, account.case.currency)) if pool.cost else ''}</h2>"
        f'<svg class="chart" id="pool-{number}" role="img" aria-label="Use of {escape(pool.name)} over time"></svg>'
        "</section>"
        for number, pool in enumerate(account.pools)
    )


def _insights(account: Account) -> str:
    return _listed(
        "What holds it up, and what would change it", (f"{kind}: {text}" for kind, text in insights(account)), ""
    )


def _listed(heading: str, items: Iterable[str], style: str) -> str:
    entries = "".join(f"<li>{escape(item)}</li>" for item in items)
    if not entries:
        return ""
    return f'<section class="{style}"><h2>{escape(heading)}</h2><ul class="plain">{entries}</ul></section>'


def _table(account: Account) -> str:
    clock, currency = Clock(account), account.case.currency
    headings = (("Step", 0), ("Start", 0), ("End", 0), ("Takes", 1), ("Holds", 0), ("Cost", 1), ("Slack", 1))
    head = "".join(f'<th class="number">{name}</th>' if number else f"<th>{name}</th>" for name, number in headings)
    rows = []
    for step in account.steps:
        cells = [
            f"<td>{'◆ ' if step.critical else ''}{escape(step.id)}</td>",
            f"<td>{clock.text(step.start_seconds)}</td><td>{clock.text(step.end_seconds)}</td>",
            f'<td class="number">{short_duration(step.work_seconds)}</td>',
            f"<td>{escape(', '.join(f'{amount:g} {name}' for name, amount in step.amounts.items()))}</td>",
            f'<td class="number">{escape(money(step.cost, currency)) if step.cost else ""}</td>',
            f'<td class="number">{"critical" if step.critical else short_duration(step.slack_seconds)}</td>',
            f"<td>{escape(step.why)}</td>",
        ]
        rows.append(f"<tr{' class=long' if step.critical else ''}>{''.join(cells)}</tr>")
    return f"<table><thead><tr>{head}<th>Why not earlier</th></tr></thead><tbody>{''.join(rows)}</tbody></table>"
