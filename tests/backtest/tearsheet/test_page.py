"""The tearsheet in a real browser: on a desk, on a phone, in the dark, without a network."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from remora.backtest.history import BUY, SELL, History
from remora.backtest.study import Plan, Tried, study
from remora.backtest.tearsheet.page import tearsheet
from remora.backtest.tearsheet.picture import save_picture
from remora.statistics.scoring_params import ScoringParams
from tests.backtest.recordings import DAY, HOUR, LIMITS, START, Row, recording, resolved, spec
from tests.system.browser import browsing

TONES = {"light": "rgb(246, 245, 242)", "dark": "rgb(19, 20, 23)"}


class Notebook:
    """Trials of this test."""

    def remember(self, recording: str, tried: Sequence[Tried]) -> list[float]:
        return [one.sharpe or 0.0 for one in tried]


def seasoned() -> History:
    """Return 24 markets with winners and losers, a question that is markup, and long names."""
    rows: list[Row] = []
    for number in range(24):
        at = number * DAY + HOUR
        rows += [(at, number % 3, number, 0, BUY, 0.50, 1000.0), (at + 60, 4, number, 0, BUY, 0.50, 5000.0)]
        rows += [(at + 90, 5, number, 1, BUY, 0.51, 5000.0), (at + 5 * HOUR, 4, number, 0, SELL, 0.46, 5000.0)]
    listings = [
        resolved(number, number % 3 != 0, number * DAY + 20 * HOUR, question="<b>Will & it?</b>", category="a<b>c")
        for number in range(24)
    ]
    return recording(rows, listings, notices=("A notice with <script>alert(1)</script> in it.",))


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    history = seasoned()
    return study(
        spec(end=START + 40 * DAY, whales=tuple(history.wallets[:3])),
        history,
        LIMITS,
        ScoringParams(),
        plan=Plan(simulations=60),
        memory=Notebook(),
        progress=lambda _stage, _done, _total: None,
    )


@pytest.fixture(scope="module")
def page_file(report: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tearsheet") / "tearsheet.html"
    path.write_text(tearsheet(report), encoding="utf-8")
    return path


def test_the_page_asks_for_nothing_and_runs_nothing(page_file: Path) -> None:
    text = page_file.read_text(encoding="utf-8")

    assert not re.search(r"""(src|href)=|@import|url\(|https?://|<script""", text)
    assert "&lt;script&gt;alert(1)" in text


def test_the_report_is_plain_json(report: dict[str, Any]) -> None:
    assert json.loads(json.dumps(report, allow_nan=False)) is not None


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
async def test_the_page_is_readable(page_file: Path, width: int, scheme: Any) -> None:
    complaints: list[str] = []
    async with browsing() as page:
        page.on("console", lambda message: complaints.append(message.text))
        page.on("request", lambda request: complaints.append(request.url) if "file:" not in request.url else None)
        await page.set_viewport_size({"width": width, "height": 800})
        await page.emulate_media(color_scheme=scheme)
        await page.goto(page_file.as_uri())

        assert complaints == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == TONES[scheme]
        verdict = await page.locator(".verdict .answer").bounding_box()
        assert verdict is not None
        assert verdict["y"] + verdict["height"] < 400, "the verdict is seen before anything else"
        assert await smallest_text(page) >= 9.5
        assert await page.locator("svg.plot:visible").count() >= 8
        assert await page.locator(".verdict .questions li").count() == 10
        assert await contrast(page) >= 4.5


async def smallest_text(page: Page) -> float:
    """Return the height of the smallest letters in pictures, in pixels of the screen."""
    found = await page.evaluate(
        """() => Math.min(...[...document.querySelectorAll('svg.plot text')]
            .filter(t => t.getBoundingClientRect().width > 0)
            .map(t => parseFloat(getComputedStyle(t).fontSize) * t.getScreenCTM().a))"""
    )
    return float(found)


async def contrast(page: Page) -> float:
    """Return the contrast of the muted text against its card, by the formula of WCAG 2."""
    found = await page.evaluate(
        """() => {
            const lum = c => { const [r, g, b] = c.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)
                .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
                return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
            const card = document.querySelector('.card'), note = document.querySelector('.card > p');
            const a = lum(getComputedStyle(card).backgroundColor), b = lum(getComputedStyle(note).color);
            return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); }"""
    )
    return float(found)


def test_the_picture_is_a_png(report: dict[str, Any], tmp_path: Path) -> None:
    save_picture(report, tmp_path / "sheet.png")

    head = (tmp_path / "sheet.png").read_bytes()
    assert head.startswith(b"\x89PNG")
    assert len(head) > 20_000
