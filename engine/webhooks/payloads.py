"""The payloads of webhook events, from what is recorded of the run: `{"event", "data", "timestamp"}`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from definitions.ids import workflow_id
from definitions.webhook_events import EXECUTION_STARTED
from engine.webhooks.costs import Costs
from store import events
from store.database import Session
from store.step_results import step_results
from store.tables import WorkflowEvent, WorkflowInstance, WorkflowStepExecution
from store.webhook_tables import NOTIFICATION, Webhook, WebhookDelivery

MOST_ARTIFACTS = 500
"""Named in a payload."""
_STATUS = {"timed_out": "failed", "cancelled": "stopped"}
"""The Orchestration API's words, where they are not the core's."""


class Payloads:
    """Makes payloads from records alone."""

    def __init__(self, costs: Costs) -> None:
        self._costs = costs

    def made(self, session: Session, deliveries: Sequence[WebhookDelivery]) -> dict[UUID, dict[str, Any]]:
        """What is said in each delivery."""
        found = {}
        for delivery in deliveries:
            run = session.get(WorkflowInstance, delivery.instance_id)
            if run is not None:  # else it was deleted, and its deliveries with it
                found[delivery.id] = self._payload(session, run, delivery)
        return found

    def _payload(self, session: Session, run: WorkflowInstance, delivery: WebhookDelivery) -> dict[str, Any]:
        data = {
            "execution_id": run.execution_id,
            "workflow_id": workflow_id(run.template_id),
        }
        webhook = session.get(Webhook, delivery.webhook_id)
        if webhook is not None and webhook.purpose == NOTIFICATION:  # people read it
            data["workflow_name"] = run.name
        if delivery.event == EXECUTION_STARTED:
            data |= {"status": "running"}
        else:
            event = events.since(session, run.execution_id, delivery.sequence - 1, limit=1)[0]
            data |= self._step(session, run, event) if event.step_id is not None else self._end(session, run, event)
        return {"event": delivery.event, "data": data, "timestamp": f"{delivery.happened_at:%Y-%m-%dT%H:%M:%SZ}"}

    def _end(self, session: Session, run: WorkflowInstance, event: WorkflowEvent) -> dict[str, Any]:
        results = step_results(session, run.id)
        status = event.type.removeprefix("run.")
        return {
            "status": _STATUS.get(status, status),
            "duration_seconds": event.data.get("duration_seconds") or 0.0,  # stopped before it began: none
            "cost_usd": self._costs.of(session, run, results),
            **_artifacts(results),
            **_error(event.data.get("error")),
        }

    def _step(self, session: Session, run: WorkflowInstance, event: WorkflowEvent) -> dict[str, Any]:
        assert event.step_id is not None  # noqa: S101  # that is what it is asked for
        results = step_results(session, run.id, event.step_id)
        attempt = event.data.get("attempt")
        told = [each for each in results if attempt in (None, each.attempt_number) and each.completed_at is not None]
        last = told[-1] if told else None
        error = {"error_class": event.data.get("error_class"), "message": _message(event, last)}
        return {
            "step_id": event.step_id,
            "status": event.type.removeprefix("step."),
            "duration_seconds": last.duration_seconds if last else None,
            "cost_usd": self._costs.of(session, run, results),
            **_artifacts([last] if last else []),
            **(_error(error) if event.type == "step.failed" else {}),
        }


def _message(event: WorkflowEvent, last: WorkflowStepExecution | None) -> str | None:
    return event.data.get("error_message") or event.data.get("message") or (last.error_message if last else None)


def _artifacts(results: Sequence[WorkflowStepExecution]) -> dict[str, Any]:
    uris = list(dict.fromkeys(str(each["uri"]) for result in results for each in result.artifacts if "uri" in each))
    cut = {"artifacts_total": len(uris)} if len(uris) > MOST_ARTIFACTS else {}
    return {"artifacts": uris[:MOST_ARTIFACTS], **cut}


def _error(error: dict[str, Any] | None) -> dict[str, Any]:
    if not error:
        return {}
    return {"error": {"code": error.get("error_class") or "error", "message": error.get("message") or ""}}
