"""Resting orders that were recorded are what decisions see and what orders meet."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from remora.backtest.costs import PARTICIPATION, FillLevel
from remora.backtest.history import BUY, QUOTE, SELL, TRADE, History
from remora.backtest.recorded_books import COLUMNS, DEPTH, SIDES, read_snapshots
from remora.backtest.rosters import NamedRoster
from remora.backtest.run import Replayed, prepare, replay
from remora.backtest.sources import read_history
from remora.backtest.spec import Spec

from .recordings import DAY, HOUR, LIMITS, START, WHALE

SHARED = Path(__file__).parents[3] / "shared" / "data"
CROWD = "0x" + "bb" * 20
MARKET = "0xc0ffee"


def snapshot(at: float, bid: float, ask: float, size: float) -> dict[str, Any]:
    """Return five levels a cent apart, `size` shares on the first and as many more on each next one."""
    row: dict[str, Any] = {"ts_ms": int(1000 * (START + at)), "condition_id": MARKET, "market_slug": "will-it"}
    for level in range(DEPTH):
        row |= {f"bid_px_up_{level + 1}": bid - 0.01 * level, f"ask_px_up_{level + 1}": ask + 0.01 * level}
        row |= {f"{side}_sz_up_{level + 1}": size * (level + 1) for side in ("bid", "ask")}
    return row


def trade(at: float, wallet: str, side: str, price: float, size: float, outcome: int = 0) -> dict[str, Any]:
    return {
        "ts": START + at,
        "wallet": wallet,
        "market": MARKET,
        "outcome_index": outcome,
        "side": side,
        "price": price,
        "size": size,
        "end_at": START + 20 * DAY,
    }


def read(directory: Path, trades: list[dict[str, Any]], books: list[dict[str, Any]]) -> History:
    pq.write_table(pa.Table.from_pylist(trades), directory / "tape.parquet")
    pq.write_table(pa.Table.from_pylist(books).select(list(COLUMNS)), directory / "books.parquet")
    return read_history([directory])


def replayed(history: History, **changes: Any) -> Replayed:
    asked = Spec(start=START, end=START + 30 * DAY, whales=(WHALE,), latency="2", **changes)
    roster = NamedRoster(frozenset(asked.whales))
    return replay(prepare(asked, history, roster, asked.whales, LIMITS, asked.costs()))


BOUGHT = trade(HOUR, WHALE, "BUY", 0.50, 1000.0)


@pytest.mark.parametrize("level", list(FillLevel))
def test_a_purchase_takes_its_share_of_the_recorded_levels_and_no_more(level: FillLevel, tmp_path: Path) -> None:
    history = read(
        tmp_path, [BOUGHT], [snapshot(HOUR - 1, 0.49, 0.50, 40.0), snapshot(HOUR + 1, 0.49, 0.51, 40.0)]
    )
    made = replayed(history, fills=level.value)
    (books,) = [holding.books for holding in made.outcome.filled]

    # half a percent of 10,000 dollars within two cents of the whale's price: 40 shares at 0.51, 80 at 0.52
    share = Decimal(repr(PARTICIPATION[level]))
    at_touch = 40 * share
    assert books.bought_notional <= 50
    assert books.bought_shares == at_touch + min(
        80 * share, (50 - at_touch * Decimal("0.51")) // Decimal("0.0052") / 100
    )


def test_two_orders_that_meet_one_snapshot_share_its_levels(tmp_path: Path) -> None:
    second = "0x" + "ab" * 20
    trades = [BOUGHT, trade(HOUR, second, "BUY", 0.50, 1000.0), trade(HOUR, CROWD, "SELL", 0.49, 1.0, outcome=1)]
    history = read(tmp_path, trades, [snapshot(HOUR + 1, 0.49, 0.51, 40.0)])
    asked = Spec(start=START, end=START + DAY, whales=(WHALE, second), latency="2", fills="optimistic")
    made = replay(
        prepare(asked, history, NamedRoster(frozenset(asked.whales)), asked.whales, LIMITS, asked.costs())
    )
    first, other = (holding.books for holding in made.outcome.filled)

    # 40 shares rest at 0.51 and 80 at 0.52: what the first takes is not there for the other
    assert first.bought_shares > 40
    assert first.bought_shares + other.bought_shares == 120


def test_a_snapshot_that_is_too_old_fills_nothing(tmp_path: Path) -> None:
    history = read(
        tmp_path, [BOUGHT, trade(HOUR + 1, CROWD, "BUY", 0.50, 1.0)], [snapshot(HOUR - 60, 0.49, 0.50, 4e4)]
    )

    assert replayed(history).outcome.filled == []


def test_a_bid_recorded_far_below_the_touch_stops_the_loss(tmp_path: Path) -> None:
    books = [snapshot(HOUR - 1, 0.49, 0.50, 4e4), snapshot(HOUR + 1, 0.49, 0.50, 4e4)]
    books += [snapshot(2 * HOUR + n, 0.38, 0.50, 4e4) for n in range(4)]
    made = replayed(read(tmp_path, [BOUGHT], books))
    (holding,) = made.outcome.filled

    assert holding.exit_reason == "stop_loss"
    assert holding.books.sold_notional / holding.books.sold_shares == Decimal("0.38")


def test_the_other_outcome_meets_the_mirror(tmp_path: Path) -> None:
    bought = trade(HOUR, WHALE, "BUY", 0.50, 1000.0, outcome=1)
    made = replayed(read(tmp_path, [bought], [snapshot(HOUR + 1, 0.49, 0.51, 4e4)]))

    assert made.outcome.filled[0].books.average_price == Decimal("0.51")


def test_the_report_says_where_books_were_recorded(tmp_path: Path) -> None:
    history = read(tmp_path, [BOUGHT, {**BOUGHT, "market": "other"}], [snapshot(HOUR + 1, 0.49, 0.51, 4e4)])

    assert "Resting orders were recorded for 1 of 2 markets of the tape (1 snapshots)" in history.notices[-1]
    assert history.prints.kind.tolist() == [TRADE, TRADE, QUOTE]
    assert {BUY, SELL} >= set(history.prints.side[history.prints.kind == TRADE].tolist())


@pytest.mark.skipif(not SHARED.exists(), reason="no recorded data beside this checkout")
def test_books_recorded_on_the_venue_are_read_and_filled_from(tmp_path: Path) -> None:
    recorded = SHARED / "books" / "btc-updown-15m-1771633800.parquet"
    ((names, snapshots),) = read_snapshots(recorded).items()
    middle = len(snapshots) // 2
    at, ask = float(snapshots.at[middle]), float(snapshots.ask_price[middle, 0])
    assert len(snapshots) > 800
    assert (snapshots.bid_price[:, 0] < snapshots.ask_price[:, 0]).all()
    assert (np.diff(snapshots.ask_price, axis=1)[snapshots.ask_size[:, 1:] > 0] >= 0).mean() > 0.99

    row = {**trade(0, WHALE, "BUY", ask, 500.0), "ts": at - 1.5, "market": names[0], "end_at": at + DAY}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "tape.parquet")
    history = read_history([tmp_path / "tape.parquet", recorded])
    asked = Spec(start=at - DAY, end=at + 60.0, whales=(WHALE,), latency="2", fills="optimistic")
    roster = NamedRoster(frozenset(asked.whales))
    made = replay(prepare(asked, history, roster, asked.whales, LIMITS, asked.costs()))
    (holding,) = made.outcome.holdings

    met = int(snapshots.at.searchsorted(at + 0.5, "right")) - 1
    offered = {Decimal(repr(price)) for price in snapshots.ask_price[met].tolist()}
    assert len(SIDES) == 4
    assert holding.books.bought_shares > 0
    assert min(offered) <= (holding.books.average_price or 0) <= max(offered)
