"""Ordinary values to vary, and strategies for odd ones."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from remora.domain.books import Level, OrderBook
from remora.domain.decide import Decision, DeskSnapshot, Exposure, RosterStatus, WhaleStanding, decide
from remora.domain.ids import ConditionId, EventId, OrderDigest, TokenId, WalletAddress
from remora.domain.limits import Limits
from remora.domain.market import Market, MarketClass, Outcome, ResolutionStatus
from remora.domain.money import Side
from remora.domain.orders import Fill, FillStatus
from remora.domain.reasons import DeskMode
from remora.domain.trades import Signal, TradeKind, TradeSource, WhaleTrade

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
TOKEN = TokenId("71")
OTHER_TOKEN = TokenId("72")
CONDITION = ConditionId("0x" + "c1" * 32)
WHALE = WalletAddress("0x" + "aa" * 20)
TICKS = [Decimal(tick) for tick in ("0.1", "0.01", "0.005", "0.0025", "0.001", "0.0001")]


def d(text: str) -> Decimal:
    """Return an exact number."""
    return Decimal(text)


def market(**changes: Any) -> Market:
    """Return a plain open market with a cent's tick."""
    values: dict[str, Any] = {
        "condition_id": CONDITION,
        "question": "Will it rain?",
        "slug": "rain",
        "event_id": EventId("e1"),
        "event_slug": "weather",
        "category": "weather",
        "market_class": MarketClass.STANDARD,
        "outcomes": (Outcome(TOKEN, "Yes"), Outcome(OTHER_TOKEN, "No")),
        "tick_size": d("0.01"),
        "min_order_size": d("5"),
        "neg_risk": False,
        "fee_rate": d("0.05"),
        "fee_exponent": 1,
        "volume_24h_usd": d("100000"),
        "end_at": NOW + timedelta(days=10),
        "accepting_orders": True,
        "closed": False,
        "resolution": ResolutionStatus.OPEN,
        "payouts": None,
    }
    return Market(**(values | changes))


def book(
    bids: Sequence[tuple[str, str]] = (("0.49", "5000"), ("0.48", "5000")),
    asks: Sequence[tuple[str, str]] = (("0.50", "5000"), ("0.51", "5000")),
    **changes: Any,
) -> OrderBook:
    """Return a deep, narrow book around one half."""
    values: dict[str, Any] = {
        "token_id": TOKEN,
        "bids": tuple(Level(d(price), d(size)) for price, size in bids),
        "asks": tuple(Level(d(price), d(size)) for price, size in asks),
        "as_of": NOW,
        "tick_size": d("0.01"),
    }
    return OrderBook(**(values | changes))


def trade(**changes: Any) -> WhaleTrade:
    """Return one purchase at one half."""
    values: dict[str, Any] = {
        "key": "k1",
        "whale": WHALE,
        "token_id": TOKEN,
        "condition_id": CONDITION,
        "side": Side.BUY,
        "price": d("0.50"),
        "size": d("1000"),
        "happened_at": NOW,
        "seen_at": NOW,
        "source": TradeSource.RTDS,
        "transaction_hash": "0xabc",
        "kind": TradeKind.TRADE,
    }
    return WhaleTrade(**(values | changes))


def signal(**changes: Any) -> Signal:
    """Return the signal that :func:`trade` makes."""
    values: dict[str, Any] = {
        "key": "k1",
        "trade_keys": ("k1",),
        "whale": WHALE,
        "token_id": TOKEN,
        "condition_id": CONDITION,
        "side": Side.BUY,
        "price": d("0.50"),
        "size": d("1000"),
        "happened_at": NOW,
        "seen_at": NOW,
        "source": TradeSource.RTDS,
    }
    return Signal(**(values | changes))


def whale(**changes: Any) -> WhaleStanding:
    """Return a proven wallet with five cents of edge."""
    values: dict[str, Any] = {
        "on_roster": True,
        "unproven": False,
        "edge": d("0.05"),
        "status": RosterStatus.ACTIVE,
        "published_at": NOW - timedelta(hours=1),
    }
    return WhaleStanding(**(values | changes))


def desk(**changes: Any) -> DeskSnapshot:
    """Return a trading desk with ten thousand dollars."""
    values: dict[str, Any] = {
        "mode": DeskMode.TRADING,
        "scale": d("1"),
        "equity": d("10000"),
        "cash": d("10000"),
        "day_start_equity": d("10000"),
        "high_water_mark": d("10000"),
        "entry_orders_last_minute": 0,
    }
    return DeskSnapshot(**(values | changes))


def decided(**changes: Any) -> Decision:
    """Decide on :func:`signal` in ordinary circumstances, except for `changes`."""
    values: dict[str, Any] = {
        "signal": signal(),
        "market": market(),
        "book": book(),
        "whale": whale(),
        "desk": desk(),
        "exposure": Exposure(),
        "limits": Limits(),
        "now_wall": NOW,
        "now_venue": NOW,
    }
    values |= changes
    return decide(values.pop("signal"), **values)


def fill(number: int, side: Side, shares: str, price: str, **changes: Any) -> Fill:
    """Return one confirmed execution of ours."""
    values: dict[str, Any] = {
        "trade_id": f"t{number}",
        "order_digest": OrderDigest("0xd1"),
        "token_id": TOKEN,
        "side": side,
        "shares": d(shares),
        "price": d(price),
        "fee": d("0.01"),
        "status": FillStatus.CONFIRMED,
        "matched_at": NOW,
        "transaction_hash": "0xabc",
    }
    return Fill(**(values | changes))


def decimals(low: str, high: str, places: int = 6) -> st.SearchStrategy[Decimal]:
    """Draw finite numbers on a grid."""
    return st.decimals(min_value=d(low), max_value=d(high), places=places, allow_nan=False, allow_infinity=False)


def prices(tick: Decimal) -> st.SearchStrategy[Decimal]:
    """Draw valid prices of a tick."""
    return st.integers(1, int(1 / tick) - 1).map(lambda steps: steps * tick)


@st.composite
def books(draw: st.DrawFn, tick: Decimal = Decimal("0.01"), *, two_sided: bool = False) -> OrderBook:
    """Draw an uncrossed book of up to five levels a side."""
    top = int(1 / tick)
    least = 1 if two_sided else 0
    split = draw(st.integers(1 + least, top - 1))
    bid_steps = draw(st.sets(st.integers(1, split - 1), min_size=least, max_size=5)) if split > 1 else set()
    ask_steps = draw(st.sets(st.integers(split, top - 1), min_size=least, max_size=5)) if split < top else set()
    sizes = decimals("0.01", "100000", 2)
    return OrderBook(
        token_id=TOKEN,
        bids=tuple(Level(step * tick, draw(sizes)) for step in sorted(bid_steps, reverse=True)),
        asks=tuple(Level(step * tick, draw(sizes)) for step in sorted(ask_steps)),
        as_of=NOW,
        tick_size=tick,
    )
