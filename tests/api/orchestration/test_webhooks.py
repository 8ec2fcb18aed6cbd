"""Webhooks over HTTP, the documented payload, and notifications of a workflow's document."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from orchestration_requests import BASE, WEBHOOK, data, documented, error, same_shape, step, stored, workflow
from serving import Service
from standardwebhooks import WebhookVerificationError

from engine.settings import Settings
from tests.engine.webhooks.receiver import got, receiving, told
from tests.polling import eventually

HOOKS = f"{BASE}/webhooks"
URL = "https://hooks.example/in"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    changed = {"outbound_allow": ("127.0.0.0/8",), "webhook_plain_http": True, "webhook_retries": (0.0, 0.1)}
    return settings.model_copy(update=changed)


async def test_events_arrive_with_the_documented_payload_signed(running: Service) -> None:
    shown = documented()[WEBHOOK]
    said = {"usage": {"cost_usd": 18.45}, "artifact": "s3://bucket/models/churn_model_v1.2.pkl"}
    async with running.client() as ann, receiving() as all_of_it, receiving() as one:
        one_step = step("train", "steps.telling", config=said)
        workflow_id = await stored(ann, workflow(one_step))
        hook = data(await ann.post(HOOKS, json={"url": all_of_it.url, "ordered": True}), 201)
        asked = {"url": one.url, "events": ["workflow.execution.completed"]}
        wanted = {"async": False, "webhooks": [asked]}
        execution = data(await ann.post(f"{BASE}/{workflow_id}/execute", json=wanted))
        requests = await got(all_of_it, 3)
        assert told(requests) == ["execution.started", "step.completed", "execution.completed"]
        payload = requests[-1].verify(hook["secret"])
        same_shape(payload, shown)
        assert payload["data"]["execution_id"] == execution["execution_id"]
        assert payload["data"]["workflow_id"] == workflow_id
        assert payload["data"]["cost_usd"] == 18.45
        assert payload["data"]["artifacts"] == ["s3://bucket/models/churn_model_v1.2.pkl"]
        (only,) = await got(one, 1)
        assert only.payload == payload
        of_run = data(await ann.get(f"{BASE}/executions/{execution['execution_id']}/webhooks"))
        assert [(each["url"], each["execution_id"]) for each in of_run] == [(one.url, execution["execution_id"])]
        assert [each["id"] for each in data(await ann.get(HOOKS))] == [hook["id"]]


async def test_a_webhook_of_one_execution_is_told_of_it_alone_signed_with_its_own_secret(running: Service) -> None:
    secret = "whsec_" + base64.b64encode(b"s" * 32).decode()
    async with running.client() as ann, receiving() as own, receiving() as all_of_it:
        workflow_id = await stored(ann, workflow(step("one")))
        await ann.post(HOOKS, json={"url": all_of_it.url})
        wanted = {"async": False, "webhooks": [{"url": own.url, "secret": secret, "ordered": True}]}
        execute = f"{BASE}/{workflow_id}/execute"
        first = data(await ann.post(execute, json=wanted))["execution_id"]
        second = data(await ann.post(execute, json={"async": False}))["execution_id"]
        # Deliveries are made with their events: once all have come to the other receiver, there is no more to come.
        assert {each.payload["data"]["execution_id"] for each in await got(all_of_it, 6)} == {first, second}
        requests = await got(own, 3)
        assert told(requests) == ["execution.started", "step.completed", "execution.completed"]
        assert {each.verify(secret)["data"]["execution_id"] for each in requests} == {first}
        with pytest.raises(WebhookVerificationError):
            requests[0].verify("whsec_" + base64.b64encode(b"t" * 32).decode())
        (hook,) = data(await ann.get(f"{BASE}/executions/{first}/webhooks"))
        deliveries = data(await ann.get(f"{HOOKS}/{hook['id']}/deliveries"))
        assert {each["id"] for each in deliveries} == {each.message_id for each in requests}
        assert "secret" not in hook
        assert data(await ann.get(f"{BASE}/executions/{second}/webhooks")) == []


async def test_a_webhook_is_changed_rotated_listed_and_sent_again(running: Service) -> None:
    async with running.client() as ann, running.client("bob") as bob, receiving() as receiver:
        workflow_id = await stored(ann, workflow(step("one")))
        made = data(await ann.post(HOOKS, json={"url": URL, "workflow_id": workflow_id, "description": "CRM"}), 201)
        path = f"{HOOKS}/{made['id']}"
        secret = made.pop("secret")
        assert secret.startswith("whsec_")
        assert data(await ann.get(path)) == made
        assert error(await bob.get(path), 404)["code"] == "WEBHOOK_NOT_FOUND"
        changed = data(await ann.patch(path, json={"url": receiver.url, "events": ["workflow.step.completed"]}))
        assert (changed["url"], changed["events"]) == (receiver.url, ["workflow.step.completed"])
        new = data(await ann.post(f"{path}/rotate", json={"overlap": "1h"}))
        assert new["former_secret_until"] > new["updated_at"]
        data(await ann.post(f"{BASE}/{workflow_id}/execute", json={"async": False}))
        (request,) = await got(receiver, 1)
        assert request.verify(secret) == request.verify(new["secret"])

        async def delivered() -> bool:
            return [each["status"] for each in data(await ann.get(f"{path}/deliveries"))] == ["delivered"]

        await eventually(delivered)
        (delivery,) = data(await ann.get(f"{path}/deliveries", params={"status": "delivered"}))
        assert delivery["id"] == request.message_id
        assert [(each["number"], each["status"]) for each in delivery["attempts"]] == [(1, 204)]
        assert delivery["payload"] == request.payload
        again = f"{path}/deliveries/{delivery['id']}"
        assert data(await ann.post(f"{again}/redeliver"))["status"] == "pending"
        assert {each.message_id for each in await got(receiver, 2)} == {delivery["id"]}
        assert data(await ann.post(f"{path}/recover", json={"since": "2026-01-01T00:00:00Z"})) == {"deliveries": 0}
        assert data(await ann.delete(path)) == {"id": made["id"], "status": "deleted"}
        assert error(await ann.get(again), 404)["code"] == "WEBHOOK_NOT_FOUND"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"url": "https://10.0.0.1/"}, "ADDRESS_REFUSED"),
        ({"url": "not a url"}, "URL_INVALID"),
        ({"url": URL, "secret": "short"}, "SECRET_INVALID"),
        ({"url": URL, "events": ["workflow.exploded"]}, "UNKNOWN_EVENT"),
        ({"url": URL, "workflow_id": "wf_" + "0" * 32}, "WORKFLOW_NOT_FOUND"),
        ({"url": URL, "colour": "red"}, "INVALID_REQUEST"),
    ],
)
async def test_a_wrong_subscription_is_refused(running: Service, body: dict[str, Any], code: str) -> None:
    async with running.client() as ann:
        answer = await ann.post(HOOKS, json=body)
        assert error(answer, 404 if code == "WORKFLOW_NOT_FOUND" else 422)["code"] == code


async def test_notifications_are_checked_with_the_document(running: Service) -> None:
    wrong = {"on_success": ["nobody", "ann@example.org"], "on_failure": ["https://10.0.0.1/"]}
    async with running.client() as ann:
        found = error(await ann.post(BASE, json=workflow(step("one"), notifications=wrong)), 422)
        assert {each["path"]: each["code"] for each in found["details"]["problems"]} == {
            "notifications.on_success[0]": "ADDRESS_INVALID",
            "notifications.on_failure[0]": "ADDRESS_REFUSED",
        }
        # What is kept of others is no address of this process.
        data(await ann.post(BASE, json=workflow(step("one"), notifications={"on_success": ["a@example.org"]})), 201)
