"""A real browser for tests of what people see."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, async_playwright, expect

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# Nothing but what a test opens; no sandbox, as tests may run as root.
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
PATIENCE_MS = 90_000


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """An empty page of a headless Chromium."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed here (`make browser` installs Debian's)")
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        try:
            opened = await browser.new_page(viewport={"width": 1500, "height": 1100})
            opened.set_default_timeout(PATIENCE_MS)
            yield opened
        finally:
            await browser.close()
