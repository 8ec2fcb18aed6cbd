"""What an operator sees and can do in the Temporal web UI alone."""

from __future__ import annotations

import contextlib
import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import quote

import pytest
from playwright.async_api import FrameLocator, Page, expect
from temporal_dev.server import DevServer

from definitions.errors import Conflict
from engine.core import Engine
from tests.polling import eventually
from tests.running import begin, ended

DEFINITION = {
    "version": "2.1",
    "description": "Fetches the orders of the night.",
    "priority": 70,
    "tags": ["nightly"],
    "max_parallel_steps": 1,
    "steps": [
        {"id": "fetch", "name": "Fetch orders", "handler": "steps.give", "input": {"value": {"orders": 3}}},
        {"id": "check", "handler": "steps.flaky", "input": {"succeeds_at": 2}, "depends_on": ["fetch"],
         "retry": {"max_attempts": 3, "initial_interval": 0.1}},
        {"id": "alert", "name": "Alert finance", "handler": "steps.echo", "condition": "${fetch.result.orders} > 99",
         "depends_on": ["check"]},
        {"id": "eu", "name": "Orders | <EU>", "handler": "steps.wait", "input": {"seconds": 600},
         "depends_on": ["check"]},
        {"id": "us", "handler": "steps.wait", "input": {"seconds": 600}, "depends_on": ["check"]},
        {"id": "report", "handler": "steps.echo", "depends_on": ["eu", "us"]},
    ],
}  # fmt: skip


@dataclass
class RunPage:
    """A run that stays in the middle of its steps, and its pages in the web UI."""

    engine: Engine
    page: Page
    ui_url: str
    name: str
    execution_id: str
    temporal_run_id: str

    async def open(self, tab: str) -> None:
        await self.page.goto(
            f"{self.ui_url}/namespaces/default/workflows/{self.execution_id}/{self.temporal_run_id}/{tab}"
        )

    async def filter_runs(self, query: str) -> None:
        await self.page.goto(f"{self.ui_url}/namespaces/default/workflows?query={quote(query)}")

    async def open_details(self) -> tuple[FrameLocator, FrameLocator, FrameLocator]:
        """Summary, details and current details."""
        await self.open("user-metadata")
        frames = self.page.frame_locator("iframe[title=output]")
        return frames.nth(0), frames.nth(1), frames.nth(2)

    async def has_attributes(self, *shown: str) -> None:
        await self.open("search-attributes")
        for text in shown:
            await expect(self.page.locator(".cm-content:visible")).to_contain_text(text)

    async def send_signal(self, name: str, data: str = "") -> None:
        await self.page.get_by_role("button", name="More Actions").first.click()
        await self.page.get_by_role("menuitem", name="Send a Signal").click()
        dialog = self.page.get_by_role("dialog", name="Send a Signal")
        await dialog.get_by_test_id("signal-select-button").click()
        await dialog.get_by_role("option", name=re.compile(f"^{name} ")).click()
        if data:
            await dialog.locator("[contenteditable=true]").fill(data)
        await dialog.get_by_role("button", name="Submit").click()
        await expect(dialog).to_be_hidden()

    async def recorded(self, status: str) -> None:
        async def is_recorded() -> bool:
            return (await self.engine.executions.get(self.execution_id)).status == status

        await eventually(is_recorded)


@pytest.fixture
async def run(page: Page, service: Engine, temporal: DevServer) -> AsyncIterator[RunPage]:
    assert temporal.ui_url is not None
    name = f"nightly-{uuid.uuid4().hex[:8]}"
    execution_id = await begin(service, {"name": name, **DEFINITION})
    handle = service.client.get_workflow_handle(execution_id)

    async def is_in_the_middle_and_listed() -> bool:
        listed = await service.client.count_workflows(f"LongpoleDefinition = '{name}'")
        return listed.count == 1 and "eu" in (await handle.query("progress"))["running"]

    await eventually(is_in_the_middle_and_listed)
    yield RunPage(service, page, temporal.ui_url, name, execution_id, (await handle.describe()).run_id)
    with contextlib.suppress(Conflict):  # else its step would get the worker's grace period
        await service.executions.cancel(execution_id, grace_seconds=0)
        await ended(service, execution_id)


async def test_a_run_is_found_by_its_search_attributes(run: RunPage) -> None:
    for query in (f'LongpoleDefinition="{run.name}"', 'LongpoleVersion="2.1" AND LongpoleTags="nightly"'):
        await run.filter_runs(f"{query} AND LongpolePriority >= 70 AND LongpolePaused=false")
        await expect(run.page.get_by_role("link", name=run.execution_id)).to_be_visible()
    await run.page.get_by_test_id("workflows-summary-table-configuration-button").click()
    await run.page.get_by_role("button", name="Add LongpoleOwner column").click()
    await run.page.keyboard.press("Escape")
    await expect(run.page.get_by_role("cell", name="local")).to_be_visible()
    await run.filter_runs(f'LongpoleDefinition="{run.name}" AND LongpolePaused=true')
    await expect(run.page.get_by_role("heading", name="0 Workflows")).to_be_visible()
    await run.has_attributes(
        f'"LongpoleDefinition": "{run.name}"', '"LongpoleOwner": "local"', '"LongpoleVersion": "2.1"',
        '"LongpolePriority": 70', '"LongpolePaused": false', '"nightly"',
    )  # fmt: skip


async def test_a_run_shows_what_it_is_and_where_it_stands(run: RunPage) -> None:
    summary, details, now = await run.open_details()
    await expect(summary.locator("main")).to_have_text(f"{run.name} 2.1")
    await expect(details.locator("main")).to_contain_text("Fetches the orders of the night.")
    await expect(details.locator("main")).to_contain_text("owner local · priority 70 · tags nightly")
    await expect(now.locator("main")).to_contain_text(f"{run.name} version 2.1: running, at most 1 at once")
    await expect(now.locator("main")).to_contain_text("6 steps: 2 completed, 1 running, 2 pending, 1 skipped")
    for step_id, name, status, note in (
        ("fetch", "Fetch orders", "completed", ""),
        ("check", "", "completed", "2 attempts"),
        ("alert", "Alert finance", "skipped", "its condition was false"),
        ("eu", "Orders | <EU>", "running", ""),
        ("us", "", "pending", "ready"),
        ("report", "", "pending", "waits for eu and us"),
    ):
        cells = now.locator("tr", has=run.page.locator("code", has_text=re.compile(f"^{step_id}$"))).first.locator("td")
        shown = [text.strip() for text in await cells.all_inner_texts()]
        assert [shown[1], shown[2], shown[5]] == [name, status, note]

    await run.open("history")
    timeline = run.page.locator("svg")
    for activity in ("steps.give • Fetch orders", "steps.flaky • check", "steps.wait • Orders | <EU>"):
        await expect(timeline.get_by_text(activity).first).to_be_visible()


async def test_a_run_is_paused_resumed_and_cancelled_by_signals(run: RunPage) -> None:
    *_, now = await run.open_details()
    await run.send_signal("pause")
    await run.recorded("paused")
    await run.page.keyboard.press("r")
    await expect(now.locator("main")).to_contain_text("paused: running steps go on to their end")
    await run.has_attributes('"LongpolePaused": true')

    await run.send_signal("resume")
    await run.recorded("running")
    await run.has_attributes('"LongpolePaused": false')

    await run.engine.executions.pause(run.execution_id)
    await run.recorded("paused")
    await run.send_signal("cancel", '{"reason": "enough"}')
    execution = await ended(run.engine, run.execution_id)
    assert execution.status == "cancelled"
    assert execution.error is not None
    assert execution.error["message"] == "enough"
    *_, now = await run.open_details()
    await expect(run.page.get_by_text("Canceled").first).to_be_visible()
    await expect(now.locator("main")).to_contain_text("cancelled: enough")
    await expect(now.locator("main")).to_contain_text("6 steps: 2 completed, 1 skipped, 3 cancelled")
    await run.has_attributes('"LongpolePaused": false')
