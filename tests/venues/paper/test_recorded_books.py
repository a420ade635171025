"""A paper account trading against recorded books: an independent checker finds no fill better than the books."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.domain.ids import TokenId
from remora.domain.money import Side
from remora.domain.orders import Accepted, OrderRequest, OrderType
from remora.domain.paper import paper_account
from remora.storage.paper import PostgresPaperStore
from remora.venues.paper.venue import PaperVenue
from tests.venues.paper.checker import Filled, Impossible, check
from tests.venues.paper.recorded import RecordedMarkets, generated, market_channel, window

BOOKS = Path(__file__).parents[3] / "../shared/data/books"
ACCOUNT = paper_account("0x" + "00" * 20)
CASH = Decimal(100_000)
STOPS = 30
RESTING_MAX = 3
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def _game() -> RecordedMarkets:
    return market_channel(BOOKS / "20250617_mlb-sd-lad-2025-06-17_polymarket-market-events.csv.gz")


def _window() -> RecordedMarkets:
    return window(BOOKS / "btc-updown-15m-1771633800.parquet")


def _own() -> RecordedMarkets:
    return generated(7)


def _request(markets: RecordedMarkets, rng: random.Random, held: dict[str, Decimal]) -> OrderRequest | None:
    """Return an order large enough to eat through several levels: a purchase, or a sale of what is held."""
    token = rng.choice(markets.tokens)
    kind = rng.choice((OrderType.FAK, OrderType.FAK, OrderType.FAK, OrderType.FOK, OrderType.GTC))
    facts: dict[str, Any] = {
        "token_id": TokenId(token),
        "condition_id": markets.facts.condition_id,
        "order_type": kind,
    }
    book = markets.states[markets.at].books[token]
    touch = [Decimal(p) for p, s in book["asks"].items() if Decimal(s) > 0]
    bids = [Decimal(p) for p, s in book["bids"].items() if Decimal(s) > 0]
    if rng.random() < 0.5 and touch:
        limit = min(min(touch) + Decimal(rng.randint(0, 3)) / 100, Decimal("0.99"))
        shares = Decimal(rng.randint(600, 80_000)) / 100
        if kind is OrderType.GTC:
            limit = max(limit - Decimal("0.03"), Decimal("0.01"))
            return OrderRequest(side=Side.BUY, shares=shares, limit_price=limit, **facts)
        notional = (shares * limit).quantize(Decimal("0.01"))
        return OrderRequest(side=Side.BUY, shares=shares, limit_price=limit, notional=notional, **facts)
    shares = held.get(token, Decimal(0)).quantize(Decimal("0.01"), "ROUND_FLOOR")
    if shares < 5 or not bids or kind is OrderType.GTC:
        return None
    limit = max(max(bids) - Decimal(rng.randint(0, 3)) / 100, Decimal("0.01"))
    return OrderRequest(side=Side.SELL, shares=shares, limit_price=limit, **facts)


async def _trade(markets: RecordedMarkets, store: PostgresPaperStore, seed: int) -> list[tuple[int, str, bool]]:
    """Send orders all along the tape; return (state, trade, had waited) of every fill."""
    rng = random.Random(seed)
    venue = await PaperVenue.open(markets, store, ACCOUNT, cash=CASH)
    met: list[tuple[int, str, bool]] = []
    step = max(1, len(markets.states) // STOPS)
    for at in range(0, len(markets.states), step):
        markets.at = at
        before = {fill.trade_id for fill in await venue.fills(since=LONG_AGO)}
        await venue.meet_books()
        after = [fill.trade_id for fill in await venue.fills(since=LONG_AGO)]
        met += [(at, trade, True) for trade in after if trade not in before]
        for digest in (await venue.open_orders())[:-RESTING_MAX]:
            assert await venue.cancel(digest)
        held = {str(row.token_id): row.shares for row in await venue.holdings()}
        for _ in range(2):
            request = _request(markets, rng, held)
            if request is None:
                continue
            sent = await venue.send(await venue.sign(request, markets.facts))
            if isinstance(sent, Accepted):
                met += [(at, trade, False) for trade in sent.trade_ids]
    return met


async def _orders(engine: AsyncEngine, met: list[tuple[int, str, bool]]) -> list[Filled]:
    async with engine.connect() as connection:
        rows = {
            row.trade_id: row
            for row in await connection.execute(
                text("SELECT f.*, o.limit_price, o.due_at FROM paper_fills f JOIN paper_orders o USING (digest)")
            )
        }
    assert {trade for _, trade, _ in met} == set(rows), "every fill belongs to a known instant"
    # what was held back takes when it is let go, and pays for it; only what rested makes
    made = {name: row.due_at is None or row.fee == 0 for name, row in rows.items()}
    met = [(at, trade, waited and made[trade]) for at, trade, waited in met]
    grouped: dict[tuple[int, str, bool], list[str]] = {}
    for at, trade, resting in met:
        grouped.setdefault((at, rows[trade].digest, resting), []).append(trade)
    return [
        Filled(
            state=at,
            token=rows[trades[0]].token_id,
            buys=rows[trades[0]].side == "BUY",
            limit=str(rows[trades[0]].limit_price),
            fills=tuple((str(rows[t].price), str(rows[t].shares), str(rows[t].fee)) for t in trades),
            resting=resting,
        )
        for (at, _, resting), trades in grouped.items()
    ]


@pytest.mark.parametrize("tape", [_own, _game, _window])
async def test_no_fill_is_better_than_the_recorded_book_allowed(
    engine: AsyncEngine, tape: Callable[[], RecordedMarkets]
) -> None:
    if tape is not _own and not BOOKS.exists():
        pytest.skip("the recorded books are not here: ../shared/data/books")
    markets = tape()
    met = await _trade(markets, PostgresPaperStore(engine), seed=3)

    orders = await _orders(engine, met)
    count = check(markets.states, markets.tokens, orders, str(markets.facts.fee_rate))

    assert count > STOPS / 2
    assert any(order.resting for order in orders)
    await _money_adds_up(engine)


@pytest.mark.parametrize("tape", [_own, _game])
async def test_an_order_that_was_held_back_is_filled_from_the_book_of_later(
    engine: AsyncEngine, tape: Callable[[], RecordedMarkets]
) -> None:
    if tape is not _own and not BOOKS.exists():
        pytest.skip("the recorded books are not here: ../shared/data/books")
    markets = tape()
    markets.facts = replace(markets.facts, taker_delay=timedelta(microseconds=1))  # over at the next state
    met = await _trade(markets, PostgresPaperStore(engine), seed=4)

    orders = await _orders(engine, met)
    count = check(markets.states, markets.tokens, orders, str(markets.facts.fee_rate))

    assert all(waited for _, _, waited in met), "an order took without waiting"
    assert count > STOPS / 3
    assert any(not order.resting for order in orders)
    await _money_adds_up(engine)


async def _money_adds_up(engine: AsyncEngine) -> None:
    """Recompute cash and shares from the fills alone."""
    async with engine.connect() as connection:
        sums = text(
            "SELECT sum(CASE side WHEN 'BUY' THEN -1 ELSE 1 END * trunc(shares * price, 6) - fee) FROM paper_fills"
        )
        moved = await connection.scalar(sums)
        cash = await connection.scalar(text("SELECT cash FROM paper_accounts"))
        held = (
            await connection.execute(
                text(
                    "SELECT h.token_id, h.shares - (SELECT sum(CASE side WHEN 'BUY' THEN shares ELSE -shares END) "
                    "FROM paper_fills f WHERE f.token_id = h.token_id) AS off FROM paper_holdings h"
                )
            )
        ).all()
    assert cash == CASH + moved
    assert held
    assert all(row.off == 0 for row in held)


@pytest.mark.parametrize(
    "cheat",
    [
        {"fills": (("0.45", "10", "0.12375"),)},
        {"fills": (("0.51", "99999", "1274.98725"),)},
        {"limit": "0.40", "fills": (("0.51", "1", "0.01249"),)},
        {"fills": (("0.51", "1", "0"),)},
    ],
    ids=["a price nobody offered", "more than was shown", "beyond the limit", "no fee"],
)
def test_the_checker_finds_what_is_impossible(cheat: dict[str, object]) -> None:
    markets = generated(7)
    state = markets.states[0]
    assert "0.51" in state.books["71"]["asks"]
    values: dict[str, object] = {"state": 0, "token": "71", "buys": True, "limit": "0.99", "fills": ()} | cheat

    with pytest.raises(Impossible):
        check(markets.states, markets.tokens, [Filled(**values)], "0.05")  # type: ignore[arg-type]


def test_the_checker_finds_depth_that_was_filled_twice() -> None:
    markets = generated(7)
    size = markets.states[0].books["71"]["asks"]["0.51"]
    fee = (Decimal(size) * Decimal("0.05") * Decimal("0.2499")).quantize(Decimal("0.00001"), "ROUND_FLOOR")
    whole = Filled(state=0, token="71", buys=True, limit="0.51", fills=(("0.51", size, str(fee)),))

    assert check(markets.states, markets.tokens, [whole], "0.05") == 1
    with pytest.raises(Impossible, match="filled twice"):
        check(markets.states, markets.tokens, [whole, whole], "0.05")
