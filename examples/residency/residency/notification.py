"""What the run has come to: the roster's page, and a message for the run's folder, its log and whoever wants it."""

from __future__ import annotations

import json
from typing import Any

from longpole import step
from residency import delivery, run_files
from residency.page import render
from residency.problem import Problem
from residency.settings import NotificationInput

FILE = "notification.json"


def notify(given: NotificationInput) -> dict[str, Any]:
    """Write everything, then send it. A repeated attempt does not send again what was sent.

    Raises what `delivery` raises."""
    message = _of_failure(given) if given.error or given.problem is None else _of_roster(given, given.problem)
    message |= {"idempotency_key": step.idempotency_key, "sent_to": _sent_before()}
    _keep(message)
    step.log.info(f"{message['subject']}. {message['body']}")
    if given.webhook_url and given.webhook_url not in message["sent_to"]:
        delivery.post(given.webhook_url, {key: message[key] for key in ("subject", "body", "facts")})
        message["sent_to"].append(given.webhook_url)
        _keep(message)
    missing = [address for address in given.email_to if address not in message["sent_to"]]
    if missing:
        delivery.mail(missing, message["subject"], message["body"])
        message["sent_to"] += missing
        _keep(message)
    return message


def _of_failure(given: NotificationInput) -> dict[str, Any]:
    failed = given.error.step_id if given.error else "?"
    body = given.error.message if given.error else "no roster was handed on"
    return {"subject": f"No duty roster: step `{failed}` failed", "body": body, "page": None, "facts": {}}


def _of_roster(given: NotificationInput, problem: Problem) -> dict[str, Any]:
    schedule, found, bears = given.schedule, given.conflicts, given.resilience
    violations, conflicts = len(given.compliance["violations"]), found["conflicts"]
    verdict = "ready" if not violations and not conflicts else "NOT LEGAL"
    if schedule["status"] == "optimal":
        quality = "proven to be the least possible"
    elif schedule["bound"] is None:
        quality = "no bound known"
    else:
        quality = f"at least {schedule['bound']} whatever the roster, gap {schedule['gap']:.1%}"
    body = (
        f"{len(schedule['roster'])} duties of {len(problem.residents)} residents. Duty-hour violations: {violations}. "
        f"Conflicts: {conflicts}. Requests met: {found['requests_met']} of {found['requests']}. Resilience: "
        f"{bears['score']:g} of 100. Cost {schedule['objective']} ({quality})."
    )
    page = run_files.keep("roster.html", render(given, problem), name="roster", media_type="text/html")
    facts = {
        "violations": violations,
        "conflicts": conflicts,
        "requests_met": found["requests_met"],
        "requests": found["requests"],
        "resilience": bears["score"],
        "objective": schedule["objective"],
        "bound": schedule["bound"],
    }
    subject = f"Duty roster {problem.start} to {problem.end}: {verdict}"
    return {"subject": subject, "body": body, "page": page.name, "facts": facts}


def _keep(message: dict[str, Any]) -> None:
    run_files.keep_json(FILE, message, name="notification")


def _sent_before() -> list[str]:
    """Where an earlier attempt of this step has sent the message."""
    path = step.workdir / FILE
    if not path.is_file():
        return []
    earlier = json.loads(path.read_text("utf-8"))
    return list(earlier["sent_to"]) if earlier["idempotency_key"] == step.idempotency_key else []
