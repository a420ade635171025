"""A headless Chromium for tests, and pictures of what it shows."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

CHROMIUM = "/usr/bin/chromium"
PATIENCE_MS = 60_000
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@asynccontextmanager
async def browsing() -> AsyncIterator[Page]:
    """Give a page of the system's Chromium; skip the test where there is none."""
    if shutil.which(CHROMIUM) is None:
        pytest.skip(f"needs a browser at {CHROMIUM}")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        page = await browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        yield page
        await browser.close()


async def picture(page: Page, name: str) -> None:
    """Save what the page shows for the docs, when REMORA_WRITE_PICTURES names their folder."""
    if folder := os.environ.get("REMORA_WRITE_PICTURES"):
        await page.screenshot(path=Path(folder) / f"{name}.png")
