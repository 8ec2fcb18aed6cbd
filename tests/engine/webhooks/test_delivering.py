"""Events of real runs at a real receiver."""

from __future__ import annotations

import pytest
from receiver import Received, Receiver, receiving
from standardwebhooks import WebhookVerificationError

from engine.core import Engine
from engine.webhooks.webhooks import Webhooks
from tests.polling import eventually
from tests.running import run

ECHO = {
    "name": "echo",
    "steps": [{"id": "a", "handler": "steps.echo"}, {"id": "b", "handler": "steps.echo", "depends_on": ["a"]}],
}
BROKEN = {"name": "broken", "steps": [{"id": "a", "handler": "steps.fail"}]}


async def got(receiver: Receiver, count: int) -> list[Received]:
    async def enough() -> bool:
        return len(receiver.accepted) >= count

    await eventually(enough)
    return receiver.accepted


def told(requests: list[Received]) -> list[str]:
    return [request.payload["event"].removeprefix("workflow.") for request in requests]


async def test_a_run_is_told_in_order_and_signed(service: Engine, webhooks: Webhooks) -> None:
    async with receiving() as receiver:
        made = await webhooks.subscribe(receiver.url, ordered=True)
        execution = await run(service, ECHO)
        requests = await got(receiver, 4)
        assert told(requests) == ["execution.started", "step.completed", "step.completed", "execution.completed"]
        assert len({request.message_id for request in requests}) == 4
        last = requests[-1].verify(made.secret)
        assert last["data"] == {
            "execution_id": execution.execution_id,
            "workflow_id": execution.workflow_id,
            "workflow_name": "echo",
            "status": "completed",
            "duration_seconds": pytest.approx(execution.duration_seconds),
            "cost_usd": 0.0,
            "artifacts": [],
        }
        with pytest.raises(WebhookVerificationError):
            requests[-1].verify("whsec_" + "AAAA" * 8)
