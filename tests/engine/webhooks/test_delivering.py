"""Events of real runs at a real receiver."""

from __future__ import annotations

import asyncio

import pytest
from receiver import got, receiving, told
from standardwebhooks import WebhookVerificationError

from definitions.webhook_events import EXECUTION_FAILED
from engine.core import Engine
from engine.webhooks.webhooks import Webhooks
from tests.running import run

ECHO = {
    "name": "echo",
    "steps": [
        {"id": "a", "handler": "steps.telling", "input": {"usage": {"cost_usd": 1.5}, "artifact": "s3://models/a"}},
        {"id": "b", "handler": "steps.echo", "depends_on": ["a"]},
    ],
}
BROKEN = {"name": "broken", "steps": [{"id": "a", "handler": "steps.fail", "input": {"message": "no luck"}}]}


async def test_a_run_is_told_in_order_signed_with_what_it_reported(service: Engine, webhooks: Webhooks) -> None:
    async with receiving() as receiver, receiving() as other:
        made = await webhooks.subscribe(receiver.url, ordered=True)
        await webhooks.subscribe(other.url, [EXECUTION_FAILED])
        execution = await run(service, ECHO)
        broken = await run(service, BROKEN)
        requests = await got(receiver, 7)
        of_first = [each for each in requests if each.payload["data"]["execution_id"] == execution.execution_id]
        assert told(of_first) == ["execution.started", "step.completed", "step.completed", "execution.completed"]
        assert len({request.message_id for request in requests}) == 7
        assert of_first[1].payload["data"]["step_id"] == "a"
        last = of_first[-1].verify(made.secret)
        assert last["data"] == {
            "execution_id": execution.execution_id,
            "workflow_id": execution.workflow_id,
            "status": "completed",
            "duration_seconds": pytest.approx(execution.duration_seconds),
            "cost_usd": 1.5,
            "artifacts": ["s3://models/a"],
        }
        with pytest.raises(WebhookVerificationError):
            of_first[-1].verify("whsec_" + "AAAA" * 8)
        (failed,) = await got(other, 1)
        assert failed.payload["data"]["execution_id"] == broken.execution_id
        assert failed.payload["data"]["status"] == "failed"
        assert "no luck" in failed.payload["data"]["error"]["message"]
        step = next(each for each in requests if each.payload["event"] == "workflow.step.failed")
        assert step.payload["data"]["error"] == {"code": "error", "message": "ValueError: no luck"}


async def test_a_webhook_of_one_run_is_told_what_has_happened_before_it_was_made(
    service: Engine, webhooks: Webhooks
) -> None:
    execution, _ = await asyncio.gather(run(service, ECHO), run(service, BROKEN))
    async with receiving() as receiver:
        await webhooks.per_run(execution.execution_id, receiver.url, ordered=True)
        requests = await got(receiver, 4)
        assert told(requests) == ["execution.started", "step.completed", "step.completed", "execution.completed"]
        assert {request.payload["data"]["execution_id"] for request in requests} == {execution.execution_id}
