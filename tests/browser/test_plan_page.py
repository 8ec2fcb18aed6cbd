"""The page of a plan, in a browser."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "planning"


@pytest.fixture
async def plan_page(tmp_path: Path) -> str:
    """The address of the page of an example."""
    target = tmp_path / "plan.html"
    files = [EXAMPLES / "gpu_bottleneck.yaml", "--pools", EXAMPLES / "pools.yaml", "--html", target]
    command = [sys.executable, "-m", "longpole.cli", "plan", *map(str, files), "--start", "2025-07-02 18:00"]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL)
    assert await process.wait() == 0
    return target.as_uri()


@pytest.mark.parametrize("width", [1400, 390])
async def test_the_page_fits_and_tells_about_each_step(page: Page, plan_page: str, width: int) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    await page.set_viewport_size({"width": width, "height": 900})
    await page.goto(plan_page)
    rows = page.locator("#gantt .row")
    await expect(rows).to_have_count(8)
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    tip = page.locator("#tip")
    await expect(tip).to_be_hidden()
    await rows.nth(0).hover()
    await expect(tip).to_contain_text("load")
    await expect(tip).to_contain_text("on the critical path")
    await expect(page.locator("table tbody tr")).to_have_count(8)
    await expect(page.locator(".chart")).to_have_count(3)
    assert said == []
