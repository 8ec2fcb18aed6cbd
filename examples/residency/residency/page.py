"""The roster as one self-contained HTML page: no scripts, nothing from elsewhere."""

from __future__ import annotations

from html import escape
from pathlib import Path
from string import Template
from typing import Any

from residency import page_grids
from residency.duty_rules import Rule
from residency.problem import ROSTER, Problem
from residency.settings import NotificationInput

PAGE = Template(Path(__file__).with_name("roster_page.html").read_text("utf-8"))
MOST_LISTED = 200


def render(given: NotificationInput, problem: Problem) -> str:
    """The page of a roster with what was found about it."""
    roster = ROSTER.validate_python(given.schedule["roster"])
    absences = given.resilience["absences"]
    return PAGE.substitute(
        title=f"Duty roster, {problem.start:%-d %B %Y} to {problem.end:%-d %B %Y}",
        verdict=escape(_verdict(given, problem)),
        facts=_facts(given),
        legend=page_grids.legend(problem),
        day_heads=page_grids.day_heads(problem),
        total_heads=page_grids.total_heads(),
        roster_rows=page_grids.roster_rows(problem, roster, _wrong(given)),
        problems=_problems(given),
        heat_note=escape(_heat_note(given.resilience)),
        heat_rows=page_grids.heat_rows(problem, absences),
        breaking=_breaking(problem, given.resilience["breaking"]),
        rule_heads=_rule_heads(given.compliance["findings"]),
        rule_rows=_rule_rows(problem, given.compliance["findings"]),
        cost_note=escape(_cost_note(given.schedule)),
        cost_rows=_cost_rows(given.schedule),
    )


def _verdict(given: NotificationInput, problem: Problem) -> str:
    duties = f"{len(given.schedule['roster'])} duties of {len(problem.residents)} residents."
    broken = len(given.compliance["violations"]) + given.conflicts["conflicts"]
    if broken:
        return f"{duties} Not legal as it stands: hard rules are broken {broken} times, listed below."
    return f"{duties} No hard rule is broken."


def _facts(given: NotificationInput) -> str:
    violations, found = len(given.compliance["violations"]), given.conflicts
    gap = given.schedule["gap"]
    entries = [
        ("Duty-hour violations", str(violations), "good" if not violations else "bad", ""),
        ("Conflicts", str(found["conflicts"]), "good" if not found["conflicts"] else "bad", ""),
        ("Requests met", f"{found['requests_met']} of {found['requests']}", "", ""),
        ("Resilience", f"{given.resilience['score']:g} %", "", "of single absences made good"),
        ("Cost", str(given.schedule["objective"]), "", _bound(given.schedule["bound"], gap)),
    ]
    return "".join(
        f'<div><dt>{escape(name)}</dt><dd class="{kind}">{escape(value)}<small>{escape(note)}</small></dd></div>'
        for name, value, kind, note in entries
    )


def _bound(bound: int | None, gap: float | None) -> str:
    if bound is None or gap is None:
        return "no bound known"
    return "proven least" if gap == 0 else f"none below {bound}, gap {gap:.1%}"


def _problems(given: NotificationInput) -> str:
    kinds = {
        "Duty hours": given.compliance["violations"],
        "Double bookings": given.conflicts["double_bookings"],
        "Duty on leave": given.conflicts["leave_clashes"],
        "Not eligible": given.conflicts["not_eligible"],
        "Understaffed": given.conflicts["understaffed"],
        "Overstaffed": given.conflicts["overstaffed"],
        "Requests not met": given.conflicts["requests_not_met"],
    }
    parts = [f"<h3>{name} ({len(found)})</h3>{_texts(found)}" for name, found in kinds.items() if found]
    return "".join(parts) or "<p>Nothing: no rule is broken, and every request is met.</p>"


def _wrong(given: NotificationInput) -> set[tuple[str, str]]:
    """Resident and date of the duties that are to be marked."""
    kinds = ("double_bookings", "leave_clashes", "not_eligible")
    wrong = {(each["resident"], each["date"]) for kind in kinds for each in given.conflicts[kind]}
    # Of two duties without rest between them, the later one.
    return wrong | {
        (each["resident"], each["last"]) for each in given.compliance["violations"] if each["rule"] == Rule.REST
    }


def _texts(found: list[dict[str, Any]]) -> str:
    items = [f"<li>{escape(each['text'])}</li>" for each in found[:MOST_LISTED]]
    if len(found) > MOST_LISTED:
        items.append(f"<li>and {len(found) - MOST_LISTED} more</li>")
    return f'<ul class="texts">{"".join(items)}</ul>'


def _heat_note(bears: dict[str, Any]) -> str:
    count, total = len(bears["breaking"]), len(bears["absences"])
    return (
        f"Of {total} single absences {count} leave a post short and {bears['fragile']} depend on one person; on "
        f"average {bears['average_replacements']:g} could step in. Only those who are off are asked: nobody is moved."
    )


def _breaking(problem: Problem, breaking: list[dict[str, Any]]) -> str:
    if not breaking:
        return ""
    texts = [
        {
            "text": f"{each['date']}: without {problem.resident[each['resident']].name} ({each['resident']}) "
            f"{each['rotation']} {each['shift']} is {each['missing']} short"
        }
        for each in breaking
    ]
    return f"<details><summary>The {len(breaking)} absences that can't be made good</summary>{_texts(texts)}</details>"


def _rules(findings: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(finding["rule"] for finding in findings))


def _rule_heads(findings: list[dict[str, Any]]) -> str:
    limits = {finding["rule"]: finding["unit"] for finding in findings}
    return "".join(
        f'<th class="number" scope="col">{escape(rule)}<br><small>{escape(limits[rule])}</small></th>'
        for rule in _rules(findings)
    )


def _rule_rows(problem: Problem, findings: list[dict[str, Any]]) -> str:
    by_resident: dict[str, dict[str, dict[str, Any]]] = {}
    for finding in findings:
        by_resident.setdefault(finding["resident"], {})[finding["rule"]] = finding
    rows = []
    for resident, found in by_resident.items():
        cells = [_measured(found.get(rule)) for rule in _rules(findings)]
        name = escape(problem.resident[resident].name)
        rows.append(f'<tr><th scope="row">{name}</th>{"".join(cells)}</tr>')
    return "\n".join(rows)


def _measured(finding: dict[str, Any] | None) -> str:
    if finding is None:
        return '<td class="number">–</td>'
    kind, mark = ("", "") if finding["kept"] else (" bad", " ✗")
    sign = "≥" if finding["rule"] in (Rule.FREE_DAYS, Rule.REST) else "≤"
    return (
        f'<td class="number{kind}" title="{escape(finding["text"])}">{finding["measured"]:.4g}{mark} '
        f'<span class="note">{sign} {finding["limit"]:g}</span></td>'
    )


def _cost_note(schedule: dict[str, Any]) -> str:
    if schedule["status"] == "optimal":
        return "It is proven that no legal roster costs less."
    if schedule["bound"] is None:
        parts = len(schedule["blocks"])
        how = f"Planned in {parts} parts, each after the one before it: no" if parts > 1 else "No"
        return f"{how} bound on the cost is known."
    return (
        f"The search ended after {schedule['seconds']:g} s. No legal roster can cost less than {schedule['bound']}: at "
        f"most {schedule['gap']:.1%} of the cost could be saved with more time."
    )


def _cost_rows(schedule: dict[str, Any]) -> str:
    rows = [(each["wish"], each["amount"], each["weight"], each["cost"]) for each in schedule["costs"]]
    return "\n".join(
        f"<tr><td>{escape(wish)}</td>" + "".join(f'<td class="number">{number}</td>' for number in numbers) + "</tr>"
        for wish, *numbers in [*rows, ("all", "", "", schedule["objective"])]
    )
