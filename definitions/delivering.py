"""What crosses between the engine, the workflow that delivers to a webhook, and its activity: named once."""

from __future__ import annotations

from uuid import UUID

DELIVERY_WORKFLOW = "DeliverToWebhook"
DELIVER = "longpole.deliver"
WAKE = "wake"
"""The signal that there is something to send."""


def delivery_workflow_id(webhook_id: UUID) -> str:
    """One for each webhook: so none is delivered to from two places at once."""
    return f"webhook_{webhook_id.hex}"


def delivery_queue(task_queue: str) -> str:
    """A task queue of its own: receivers that hang must not take the places of steps."""
    return f"{task_queue}-webhooks"
