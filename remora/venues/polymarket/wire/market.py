"""Messages of the market channel."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from remora.domain.books import Level, OrderBook
from remora.domain.ids import ConditionId, TokenId
from remora.domain.money import Side
from remora.venues.polymarket.wire.values import Malformed, number, text_of

DEFAULT_TICK = Decimal("0.01")
MILLISECONDS_MAX = 32_503_680_000_000


@dataclass(frozen=True, slots=True)
class LevelChange:
    """The new total at one price of one token."""

    token_id: TokenId
    side: Side
    level: Level


@dataclass(frozen=True, slots=True)
class Changes:
    """Levels of one market that changed together."""

    condition_id: ConditionId
    changes: tuple[LevelChange, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class TickChange:
    """A token's tick changed."""

    token_id: TokenId
    condition_id: ConditionId
    tick_size: Decimal


@dataclass(frozen=True, slots=True)
class MarketNotice:
    """Something happened to a market as a whole."""

    condition_id: ConditionId
    what: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """A message that says nothing about books or resolution."""


MarketMessage = OrderBook | Changes | TickChange | MarketNotice | Ignored | Malformed


def parse_market_message(raw: object) -> MarketMessage:
    """Return what one message says; never raises."""
    if isinstance(raw, Malformed):
        return raw
    if not isinstance(raw, Mapping):
        return Malformed("not_an_object", f"expected an object, found {type(raw).__name__}")
    kind = raw.get("event_type")
    if kind == "book":
        return parse_book(raw)
    if kind == "price_change":
        return _changes(raw)
    if kind == "tick_size_change":
        return _tick(raw)
    if kind == "market_resolved":
        market = text_of(raw.get("market"))
        return MarketNotice(ConditionId(market), "resolved") if market else Malformed("bad_market", "no market")
    return Ignored()


def parse_book(raw: Mapping[Any, Any]) -> OrderBook | Malformed:
    """Return a book, best price first whatever order it came in."""
    token, at = text_of(raw.get("asset_id")), _time(raw.get("timestamp"))
    bids, asks = _levels(raw.get("bids")), _levels(raw.get("asks"))
    if token is None or at is None or bids is None or asks is None:
        return Malformed("bad_book", "expected asset_id, timestamp, bids and asks with decimal prices and sizes")
    tick = number(raw.get("tick_size"))
    last = number(raw.get("last_trade_price") or None)
    return OrderBook(
        token_id=TokenId(token),
        bids=tuple(sorted(bids, key=lambda level: -level.price)),
        asks=tuple(sorted(asks, key=lambda level: level.price)),
        as_of=at,
        tick_size=tick if tick is not None and 0 < tick < 1 else DEFAULT_TICK,
        last_trade_price=last,
    )


def _tick(raw: Mapping[Any, Any]) -> TickChange | Malformed:
    token, market = text_of(raw.get("asset_id")), text_of(raw.get("market"))
    tick = number(raw.get("new_tick_size"))
    if token is None or market is None or tick is None or not 0 < tick < 1:
        return Malformed("bad_tick", f"new_tick_size {raw.get('new_tick_size')!r:.40}")
    return TickChange(TokenId(token), ConditionId(market), tick)


def _changes(raw: Mapping[Any, Any]) -> Changes | Malformed:
    rows, at, market = raw.get("price_changes"), _time(raw.get("timestamp")), text_of(raw.get("market"))
    if not isinstance(rows, list) or at is None or market is None:
        return Malformed("bad_changes", "expected market, price_changes and a timestamp")
    found = []
    for row in rows:
        level = _level(row, zero=True)
        side = str(row.get("side")).upper() if isinstance(row, Mapping) else ""
        if level is None or side not in ("BUY", "SELL") or text_of(row.get("asset_id")) is None:
            return Malformed("bad_changes", "expected asset_id, side, price and size in every change")
        found.append(LevelChange(TokenId(row["asset_id"]), Side(side), level))
    return Changes(ConditionId(market), tuple(found), at)


def _levels(rows: object) -> list[Level] | None:
    if not isinstance(rows, list):
        return None
    found = [_level(row, zero=False) for row in rows]
    return None if None in found else [level for level in found if level is not None]


def _level(row: object, *, zero: bool) -> Level | None:
    if not isinstance(row, Mapping):
        return None
    price, size = number(row.get("price")), number(row.get("size"))
    if price is None or size is None or not 0 < price < 1 or size < 0 or (size == 0 and not zero):
        return None
    return Level(price, size)


def _time(value: object) -> datetime | None:
    found = number(value)
    if found is None or not 0 < found < MILLISECONDS_MAX:
        return None
    return datetime.fromtimestamp(float(found) / 1000, tz=UTC)
