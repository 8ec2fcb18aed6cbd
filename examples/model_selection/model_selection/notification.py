"""Step `notify`: tells the outcome, on this machine only."""

from __future__ import annotations

import json
from typing import Any

from longpole import step
from model_selection import workspace
from model_selection.contracts import Report


async def notify(data: Any) -> dict[str, Any]:
    """Write the notification to the run's log and to `notification.json`. Nothing leaves this machine.

    Returns `{"channel": "local", "subject", "body", "report", "idempotency_key"}`; a real channel would send the key
    along, so that a repeated attempt is no second message."""
    report = Report.read(data)
    message = {
        "channel": "local",
        "subject": f"Model selection: {'accepted' if report.accepted else 'rejected'}",
        "body": report.summary,
        "report": report.file,
        "idempotency_key": step.idempotency_key,
    }
    workspace.write("notification.json", json.dumps(message, indent=2, ensure_ascii=False).encode())
    step.log.info(f"{message['subject']}. {message['body']}", channel="local", report=report.file)
    return message
