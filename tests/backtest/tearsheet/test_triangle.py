"""Backtest, paper and live of one period on one page, in a real browser."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from remora.backtest.ledger_study import ledger_report
from remora.backtest.run_log import RunLog
from remora.backtest.study import Plan, study
from remora.backtest.tearsheet.page import tearsheet
from remora.backtest.tearsheet.triangle import gaps, triangulation
from remora.statistics.scoring_params import ScoringParams
from tests.backtest.recordings import DAY, LIMITS, START, spec
from tests.backtest.tearsheet.test_page import Notebook, contrast, seasoned
from tests.system.browser import browsing

BEGAN = datetime.fromtimestamp(START, UTC)


def account(paid: str, *, fee: str, positions: int) -> RunLog:
    """Return the rows of an account that bought 100 shares per position at `paid` and sold 50 of them at 0.60."""
    decisions: list[dict[str, Any]] = [
        {"happened_at": BEGAN, "whale": "0xa", "reason": "volume", "outcome": "skip"} for _ in range(3)
    ]
    fills: list[dict[str, Any]] = []
    held: list[dict[str, Any]] = []
    for number in range(positions):
        at = BEGAN + timedelta(days=number)
        decisions.append({"happened_at": at, "whale": "0xa", "reason": None, "outcome": "copy"})
        common = {"position_id": str(number), "status": "CONFIRMED", "fee": Decimal(fee)}
        fills.append({**common, "matched_at": at, "side": "BUY", "shares": Decimal(100), "price": Decimal(paid)})
        fills.append(
            {
                **common,
                "matched_at": at + timedelta(hours=3),
                "side": "SELL",
                "shares": Decimal(50),
                "price": Decimal("0.60"),
            }
        )
        held.append(_position(number, at, Decimal(paid), 2 * Decimal(fee)))
    return RunLog(
        decisions=decisions, fills=fills, exits=[], positions=held, opening_cash=Decimal(10_000), opened_at=BEGAN
    )


def _position(number: int, at: datetime, paid: Decimal, fees: Decimal) -> dict[str, Any]:
    return {
        "id": str(number),
        "event_id": f"e{number}",
        "condition_id": f"m{number}",
        "token_id": f"m{number}:0",
        "whale": "0xa",
        "whale_price": Decimal("0.50"),
        "unproven": True,
        "bought_shares": Decimal(100),
        "bought_notional": 100 * paid,
        "sold_shares": Decimal(50),
        "sold_notional": Decimal(30),
        "redeemed_shares": Decimal(50),
        "redeemed_dollars": Decimal(50),
        "cost": Decimal(0),
        "fees": fees,
        "mark_price": None,
        "exit_reason": "whale_exit",
        "opened_at": at,
        "closed_at": at + timedelta(hours=5),
    }


@pytest.fixture(scope="module")
def three() -> list[tuple[str, dict[str, Any]]]:
    """Return a backtest, a paper and a live report of one period."""
    history = seasoned()
    backtest = study(
        spec(end=START + 40 * DAY, whales=tuple(history.wallets[:3])),
        history,
        LIMITS,
        ScoringParams(),
        plan=Plan(simulations=10),
        memory=Notebook(),
        progress=lambda _stage, _done, _total: None,
    )
    paper = ledger_report(account("0.51", fee="0.10", positions=4), name="paper 0x1", mode="paper")
    live = ledger_report(account("0.53", fee="0.40", positions=3), name="live 0x2", mode="live")
    return [("backtest", backtest), ("paper", paper), ("live", live)]


def test_the_gap_between_paper_and_live_is_explained_by_its_causes(
    three: list[tuple[str, dict[str, Any]]],
) -> None:
    found = gaps(three[1:])[0]

    # paper: 4 x (80 - 51 - 0.2), live: 3 x (80 - 53 - 0.8)
    assert found["gap"] == pytest.approx(3 * 26.2 - 4 * 28.8)
    assert found["causes"]["fees"] == pytest.approx(-3 * 0.8 + 4 * 0.2)
    assert sum(found["causes"].values()) == pytest.approx(found["gap"])
    assert found["decisions"] == {"copied": -1}


@pytest.mark.parametrize("mode", ["twin", "paper", "live"])
def test_a_ledger_of_each_mode_makes_a_tearsheet_that_says_what_it_cannot_know(mode: str) -> None:
    report = ledger_report(account("0.51", fee="0.10", positions=4), name=f"{mode} 0x1", mode=mode)
    page = tearsheet(report, title="Report")

    assert report["performance"]["pnl"] == pytest.approx(4 * 28.8)
    assert report["funnel"]["filled"] == 4
    assert f"as they happened ({mode})" in page
    assert report["verdict"]["answer"] == "no"
    assert "Bad fills were not tried." in page
    assert "synthetic" not in page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
async def test_the_three_are_readable_side_by_side(
    three: list[tuple[str, dict[str, Any]]], width: int, scheme: Any, tmp_path: Any
) -> None:
    path = tmp_path / "triangle.html"
    path.write_text(triangulation(three), encoding="utf-8")
    complaints: list[str] = []
    async with browsing() as page:
        page.on("console", lambda message: complaints.append(message.text))
        page.on("request", lambda request: complaints.append(request.url) if "file:" not in request.url else None)
        await page.set_viewport_size({"width": width, "height": 800})
        await page.emulate_media(color_scheme=scheme)
        await page.goto(path.as_uri())

        assert complaints == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        assert await page.get_by_role("columnheader", name="live").count() == 1
        assert await page.get_by_text("paper against backtest").is_visible()
        assert await page.get_by_text("live against backtest").is_visible()
        assert await page.get_by_text("The causes sum to the gap.").count() == 2
        assert await page.get_by_text("paper, live are not of the same days as backtest").is_visible()
        for label in ("positions filled", "Sharpe ratio, annual"):
            cell = await page.get_by_role("cell", name=label).bounding_box()
            assert cell is not None
            assert cell["height"] < 80, "the label is not broken into letters"
        edges = await page.locator(".compare td").evaluate_all("c => c.map(e => e.getBoundingClientRect().right)")
        assert max(edges) <= width, "no number has to be scrolled to"
        assert await contrast(page) >= 4.5
