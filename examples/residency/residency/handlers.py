"""The steps of the workflow. Each takes a dict and returns `{"success", "result", "message"}`; failures raise.

What they do is in the modules beside this one.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import Any

from longpole import InvalidInput, step
from residency import compliance, conflicts, notification, resilience, run_files
from residency.impossible import find_impossible
from residency.infeasibility import Infeasible
from residency.problem import roster_output
from residency.reading import read_problem
from residency.search import Effort
from residency.settings import LONGEST, GenerateInput, NotificationInput, RosterInput, Settings
from residency.solving import solve
from residency.tables import Mistakes
from residency.wishes import WEIGHTS

Answer = dict[str, Any]
MOST_TOLD = 20


def validate_input(input_data: Any) -> Answer:
    """The run's settings and the CSV files, checked. `result`: `problem`, all that a roster depends on, and `settings`.

    Raises `InvalidInput` with every mistake: file, row, field, what is wrong, what to do; also in `mistakes.json`."""
    settings = Settings.read(input_data)
    mistakes = Mistakes()
    length = (settings.last_day - settings.start_date).days + 1
    if not 1 <= length <= LONGEST:
        wrong = f"from {settings.start_date} to {settings.last_day} are {length} days"
        mistakes.add("input", 0, "end_date", wrong, f"let it be on or after start_date, for {LONGEST} days at most")
        raise _refused(mistakes)
    problem = read_problem(settings.folder, settings.start_date, settings.last_day, mistakes)
    if not mistakes.found and not problem.posts:
        mistakes.add("coverage.csv", 0, "residents", "nothing is needed on these days", "add a row for them")
    # Leave that could not be read only takes away: what can't be met without it can't be met with it either.
    if all(mistake.file in ("leave.csv", "requests.csv") for mistake in mistakes.found):
        find_impossible(problem, mistakes)
    if mistakes.found:
        raise _refused(mistakes)
    duties = sum(count for needed in problem.needed.values() for count in needed.values())
    message = f"{len(problem.residents)} residents, {length} days, {duties} duties to fill; no mistakes"
    step.log.info(message, folder=str(settings.folder))
    chosen = settings.model_dump(mode="json") | {"end_date": settings.last_day.isoformat()}
    return _answer({"problem": problem.output(), "settings": chosen, "duties": duties}, message)


def generate_schedule(input_data: Any) -> Answer:
    """A roster that keeps every hard rule and costs little. `result`: `roster`, `objective`, `bound`, `gap`, `costs`.

    Raises `Infeasible` (a `PermanentFailure`) naming which rules clash, where and for whom; `infeasible.json` has all
    of it."""
    given = GenerateInput.read(input_data)
    effort = Effort(given.time_limit_seconds, given.workers, given.seed, given.accepted_gap)
    try:
        solved = solve(given.problem, effort)
    except Infeasible as error:
        run_files.keep_json("infeasible.json", error.output(), name="why there is no roster")
        raise
    roster = roster_output(solved.roster)
    run_files.keep("roster.csv", _as_csv(roster), name="roster as CSV", media_type="text/csv")
    facts = solved.found.facts()
    costs = [
        {"wish": str(wish), "amount": amount, "weight": WEIGHTS[wish], "cost": amount * WEIGHTS[wish]}
        for wish, amount in solved.amounts.items()
    ]
    if facts["status"] == "optimal":
        quality = "proven that no roster costs less"
    elif facts["bound"] is None:
        quality = "no bound is known"
    else:
        quality = f"no roster can cost less than {facts['bound']} (gap {facts['gap']:.1%})"
    message = f"{len(roster)} duties, cost {facts['objective']}: {quality}"
    step.progress(1.0, message)
    step.log.info(message, **{key: facts[key] for key in ("status", "seconds")})
    return _answer({"roster": roster, **facts, "costs": costs, "blocks": solved.blocks}, message)


def check_acgme_compliance(input_data: Any) -> Answer:
    """The duty-hour rules, counted again over the roster. `result`: `compliant`, `findings` (one for each resident and
    rule, with numbers) and `violations` (those that are broken)."""
    given = RosterInput.read(input_data)
    findings = [finding.output(given.problem) for finding in compliance.check(given.problem, given.roster)]
    violations = [finding for finding in findings if not finding["kept"]]
    for violation in violations:
        step.log.error(violation["text"])
    people = len({finding["resident"] for finding in violations})
    message = f"{people} residents beyond the duty hours" if violations else "no duty-hour rule is broken"
    step.log.info(message, findings=len(findings))
    run_files.keep_json("compliance.json", findings, name="duty hours by resident and rule")
    return _answer({"compliant": not violations, "findings": findings, "violations": violations}, message)


def detect_conflicts(input_data: Any) -> Answer:
    """Double bookings, leave clashes, who is not eligible, staffing, requests. `result`: a list for each kind, and
    `conflicts`, how many there are without the requests."""
    given = RosterInput.read(input_data)
    found = conflicts.detect(given.problem, given.roster)
    broken = conflicts.hard(found)
    for conflict in broken:
        step.log.error(conflict["text"])
    asked = sum(1 for each in given.problem.requests if given.problem.start <= each.day <= given.problem.end)
    met = asked - len(found["requests_not_met"])
    message = f"{len(broken) or 'no'} conflicts; {met} of {asked} requests met"
    step.log.info(message)
    return _answer({**found, "conflicts": len(broken), "requests": asked, "requests_met": met}, message)


def calculate_resilience(input_data: Any) -> Answer:
    """What single absences do to the roster. `result`: see `residency.resilience`."""
    given = RosterInput.read(input_data)
    found = resilience.resilience(given.problem, given.roster)
    posts = Counter(f"{each['rotation']} {each['shift']}" for each in found["breaking"])
    worst = f"; most often {posts.most_common(1)[0][0]}" if posts else ""
    message = (
        f"resilience {found['score']:g} of 100: {len(found['breaking'])} of {len(found['absences'])} single absences "
        f"can't be made good{worst}"
    )
    step.log.info(message, fragile=found["fragile"])
    return _answer(found, message)


def send_notification(input_data: Any) -> Answer:
    """Write the page and the message, and send it where the input says. `result`: `subject`, `body`, `page`, `sent_to`.

    Raises `InvalidInput` for an address that can't be used; `TemporaryFailure` when a receiver does not answer."""
    message = notification.notify(NotificationInput.read(input_data))
    return _answer(message, message["subject"])


def _refused(mistakes: Mistakes) -> InvalidInput:
    run_files.keep_json("mistakes.json", [vars(mistake) for mistake in mistakes.found], name="mistakes in the input")
    count = len(mistakes.found)
    lines = [f"{number}. {mistake}" for number, mistake in enumerate(mistakes.found[:MOST_TOLD], start=1)]
    more = [f"and {count - MOST_TOLD} more in mistakes.json"] if count > MOST_TOLD else []
    return InvalidInput("\n".join([f"the input has {count} mistake{'s' * (count != 1)}:", *lines, *more]))


def _as_csv(roster: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, ["date", "rotation", "shift", "resident"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(roster)
    return text.getvalue()


def _answer(result: Any, message: str) -> Answer:
    return {"success": True, "result": result, "message": message}
