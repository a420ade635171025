"""Recorded books, played one state at a time: a venue's markets for a paper account to trade against."""

import gzip
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from pathlib import Path

import pyarrow.parquet as pq

from remora.domain.books import Level, OrderBook
from remora.domain.clock import VenueClock
from remora.domain.ids import ConditionId, TokenId, WalletAddress
from remora.domain.market import Market, Outcome
from remora.domain.trades import WhaleTrade
from remora.venues.venue import BookFeed, MarketUnknown, WhaleFeed
from tests.domain.values import market

Sides = dict[str, dict[str, str]]
"""``bids`` and ``asks``: size by price, as text."""


@dataclass(frozen=True)
class State:
    """What both tokens' books showed from one recorded instant on."""

    ts_ms: int
    books: dict[str, Sides]


@dataclass
class RecordedMarkets:
    """Implements the paper venue's source of markets over one market's recorded states."""

    states: list[State]
    tokens: tuple[str, str]
    facts: Market
    at: int = 0
    reads: list[int] = field(default_factory=list)

    @property
    def now_ms(self) -> int:
        """Return the instant of the state that shows."""
        return self.states[self.at].ts_ms

    async def clock(self) -> VenueClock:
        now = datetime.now(UTC)
        return VenueClock(wall_origin=now, venue_origin=datetime.fromtimestamp(self.now_ms / 1000, tz=UTC))

    async def market_of(self, token_id: TokenId, *, fresh: bool = False) -> Market:
        if token_id not in self.tokens:
            raise MarketUnknown(f"no market has the token {token_id}")
        return self.facts

    async def markets(self, condition_ids: object) -> list[Market]:
        return [self.facts]

    async def book(self, token_id: TokenId, *, max_age: timedelta = timedelta(0)) -> OrderBook:
        sides = self.states[self.at].books[token_id]
        self.reads.append(self.at)
        return OrderBook(
            token_id=token_id,
            bids=_levels(sides["bids"], descending=True),
            asks=_levels(sides["asks"], descending=False),
            as_of=datetime.fromtimestamp(self.now_ms / 1000, tz=UTC),
            tick_size=self.facts.tick_size,
        )

    async def books(self, token_ids: object) -> list[OrderBook]:
        return [await self.book(TokenId(token)) for token in self.tokens]

    async def prepare(self, token_id: TokenId, condition_id: ConditionId) -> None:
        pass

    async def whale_trades(self, whale: WalletAddress, *, since: datetime) -> list[WhaleTrade]:
        return []

    async def whale_holding(self, whale: WalletAddress, token_id: TokenId) -> Decimal | None:
        return None

    def chain_feed(self) -> WhaleFeed | None:
        """Return nothing: recorded books have no chain."""
        return None

    def whale_feed(self) -> WhaleFeed:
        raise NotImplementedError

    def book_feed(self) -> BookFeed:
        raise NotImplementedError

    def last_message_at(self) -> dict[str, datetime]:
        return {}

    def listening_since(self) -> dict[str, datetime]:
        return {}

    def malformed(self) -> dict[str, dict[str, int]]:
        return {}

    async def close(self) -> None:
        pass


def _levels(side: dict[str, str], *, descending: bool) -> tuple[Level, ...]:
    rows = [Level(Decimal(price), Decimal(size)) for price, size in side.items() if Decimal(size) > 0]
    return tuple(sorted(rows, key=lambda level: level.price, reverse=descending))


def _recorded(states: list[State], tokens: tuple[str, str], **facts: object) -> RecordedMarkets:
    outcomes = (Outcome(TokenId(tokens[0]), "Yes"), Outcome(TokenId(tokens[1]), "No"))
    return RecordedMarkets(states, tokens, market(outcomes=outcomes, **facts))


def market_channel(path: Path) -> RecordedMarkets:
    """Return a game's books from flattened ``book`` and ``price_change`` events; stray lines are skipped."""
    lines = [line.split(",") for line in gzip.decompress(path.read_bytes()).decode().splitlines()[1:]]
    rows = [line for line in lines if len(line) == 9]
    books: dict[str, Sides] = {}
    states: list[State] = []
    for ts, group in groupby(rows, key=lambda row: int(row[8])):
        _apply(books, list(group))
        states.append(State(ts, {t: {n: dict(s) for n, s in sides.items()} for t, sides in books.items()}))
    first, second = sorted(books)
    whole = [state for state in states if len(state.books) == 2]
    return _recorded(whole, (first, second), tick_size=Decimal("0.01"))


def _apply(books: dict[str, Sides], rows: list[list[str]]) -> None:
    for (token, kind, _), group in groupby(rows, key=lambda row: (row[1], row[3], row[7])):
        sides = books.setdefault(token, {"bids": {}, "asks": {}})
        if kind == "book":
            sides["bids"], sides["asks"] = {}, {}
        for row in group:
            sides["asks" if row[5].lower() in ("ask", "sell") else "bids"][row[4]] = row[6]


def window(path: Path) -> RecordedMarkets:
    """Return a fifteen-minute window's five-level books."""
    table = pq.read_table(path).to_pylist()
    tokens = (table[0]["token_id_up"], table[0]["token_id_down"])
    states = []
    for row in table:
        books = {}
        for token, name in zip(tokens, ("up", "down"), strict=True):
            books[token] = {
                f"{side}s": {
                    f"{row[f'{side}_px_{name}_{n}']:.2f}": f"{row[f'{side}_sz_{name}_{n}']:.6f}"
                    for n in range(1, 6)
                    if (row[f"{side}_sz_{name}_{n}"] or 0) > 0
                }
                for side in ("bid", "ask")
            }
        states.append(State(row["ts_ms"], books))
    return _recorded(states, tokens, tick_size=Decimal("0.01"), fee_rate=Decimal("0.07"))


def generated(seed: int, length: int = 400) -> RecordedMarkets:
    """Return a market whose touch walks at random and whose levels come and go, both tokens mirrored."""
    rng = random.Random(seed)
    tokens, mid, levels, states = ("71", "72"), 50, {}, []  # type: ignore[var-annotated]
    for number in range(length):
        mid = min(max(mid + rng.choice((-1, 0, 0, 0, 1)), 10), 90)
        levels = {p: s for p, s in levels.items() if abs(p - mid) in range(1, 6) and rng.random() < 0.9}
        for offset in (*range(-5, 0), *range(1, 6)):
            if mid + offset not in levels or rng.random() < 0.2:
                levels[mid + offset] = rng.randint(500, 60_000)
        yes = list(_both_sides(levels, mid))
        states.append(State(number, {"71": _sides(yes), "72": _sides([(not a, 100 - p, s) for a, p, s in yes])}))
    return _recorded(states, tokens)


def _both_sides(levels: dict[int, int], mid: int) -> Iterator[tuple[bool, int, int]]:
    for price, hundredths in sorted(levels.items()):
        if price != mid:
            yield price > mid, price, hundredths


def _sides(rows: list[tuple[bool, int, int]]) -> Sides:
    return {
        name: {f"{p / 100:.2f}": f"{s / 100:.2f}" for asks, p, s in rows if asks is (name == "asks")}
        for name in ("bids", "asks")
    }
