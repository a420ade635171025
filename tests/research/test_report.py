"""The report of a selection, looked at in a browser."""

from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import expect

from remora.research.discovery import discover
from remora.research.report import selection_report
from remora.statistics.scoring_params import ScoringParams
from tests.research.seasons import season_store
from tests.system.browser import browsing, picture


@pytest.mark.system
async def test_the_report_shows_its_work_without_a_network(tmp_path: Path) -> None:
    store, season = season_store(tmp_path, 7)
    rng = np.random.default_rng(0)
    found = discover(store, as_of=season.window_start, params=ScoringParams(resamples=199), rng=rng)
    group = {"group": "selected", "positions": 12, "events": 9, "edge": 0.05, "low": -0.02, "high": 0.12}
    later = {"groups": [group], "purchases": {"purchases_after_the_date": 12}}
    path = tmp_path / "report.html"
    path.write_text(selection_report(found, later), encoding="utf-8")

    asked: list[str] = []
    async with browsing() as page:
        page.on("request", lambda request: asked.append(request.url))
        await page.goto(path.as_uri())
        chosen = len(found.result.roster)
        await expect(page.locator("#verdict")).to_contain_text(f"{chosen} of {found.wallets} wallets qualify")
        counts = await page.locator("#funnel svg text[text-anchor=start]").all_text_contents()
        assert sum(map(int, counts)) == found.wallets
        assert await page.locator("#intervals circle").count() > chosen
        assert await page.locator("#calibration circle").count() >= 5
        assert await page.locator("#controls rect").count() == 1 + len(found.controls)
        await expect(page.locator("#later")).to_contain_text("selected (12 in 9)")
        await expect(page.locator("#ranking")).to_contain_text(found.result.roster[0].wallet)
        await expect(page.locator("#parameters")).to_contain_text("half_spread")
        # nothing is wider than the page
        assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        await picture(page, "selection-report")
    assert [url for url in asked if not url.startswith("file:")] == []
