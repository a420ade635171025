"""Replay a run's log through the backtest's own books: every decision and exit must come out again.

Holdings are valued at the last book that reached the watcher; a live desk writes its marks every two seconds, so a
decision in between may have seen the value before it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from remora.backtest.desk import Desk
from remora.backtest.holding import Holding
from remora.backtest.recorder import VenueLog, WhaleHolds, WhaleTraded
from remora.backtest.run_log import RunLog
from remora.domain.books import OrderBook
from remora.domain.decide import Copy, WhaleStanding, decide
from remora.domain.exits import (
    CrossingMonitor,
    Dust,
    executable_bid,
    exit_order,
    holding_before,
    sale_size,
    share_to_sell,
    thresholds,
)
from remora.domain.ids import ConditionId, TokenId, WalletAddress
from remora.domain.limits import Limits
from remora.domain.market import Market
from remora.domain.money import MICRO, ONE, ZERO, Side, floor_to
from remora.domain.orders import OrderRequest
from remora.domain.trades import Signal, TradeKind, TradeSource

WORDS = ("bound_by", "probability_source", "learned_model")
TERMS = tuple(name for name in Copy.__slots__ if name != "unproven")


@dataclass(slots=True, kw_only=True)
class Reproduction:
    """What was compared, and every difference in words."""

    decisions: int = 0
    copies: int = 0
    exits: int = 0
    thresholds: int = 0
    differences: list[str] = field(default_factory=list)

    def same(self, what: str, ours: object, theirs: object) -> None:
        """Note a difference between what the replay says and what the run did."""
        if ours != theirs:
            self.differences.append(f"{what}: replayed {ours}, ran {theirs}")


class Reproducer:
    """One account's books, driven by the log instead of by a market."""

    def __init__(
        self,
        run: RunLog,
        venue: VenueLog,
        *,
        standing: Callable[[str], WhaleStanding],
        limits: Limits,
        venue_time: Callable[[datetime], datetime],
    ) -> None:
        self._run, self._venue, self._standing, self._limits = run, venue, standing, limits
        self._venue_time = venue_time
        self._desk = Desk.opened(run.opening_cash, venue_time(run.opened_at))
        self._by_id: dict[str, Holding] = {}
        self._spreads: dict[str, Decimal] = {}
        self._seen: dict[tuple[str, str], Decimal] = {}
        self._crossed: dict[str, str] = {}
        self._books: dict[str, Any] = {}
        self.found = Reproduction()

    def reproduce(self) -> Reproduction:
        """Replay the log in order of the wall clock and return what was compared."""
        timeline: list[tuple[datetime, int, Callable[[Any], None], Any]] = []
        timeline += [(answer.at, 0, self._update, answer.value) for answer in self._venue.updates()]
        timeline += [(row["booked_at"], 1, self._fill, row) for row in self._run.fills]
        timeline += [(row["decided_at"], 2, self._decision, row) for row in self._run.decisions]
        timeline += [(row["decided_at"], 3, self._exit, row) for row in self._run.exits]
        for _, _, take, item in sorted(timeline, key=lambda entry: entry[:2]):
            take(item)
        for row in self._run.positions:
            self._closed(row)
        return self.found

    # the market

    def _update(self, update: Any) -> None:
        self._books[update.book.token_id] = update
        for holding in self._desk.open.values():
            if holding.token != update.book.token_id or holding.shares <= 0:
                continue
            self._desk.set_mark(holding, executable_bid(update.book, holding.shares))
            if holding.monitor is not None:
                kind = holding.monitor.update(update.book, update.distinct, update.seen_at)
                if kind is not None:
                    self._crossed.setdefault(str(holding.number), kind.value)

    # our books

    def _fill(self, row: Mapping[str, Any]) -> None:
        holding = self._by_id[row["position_id"]]
        buying = row["side"] == Side.BUY.value
        notional = floor_to(row["shares"] * row["price"], MICRO)
        self._desk.cash += -notional - row["fee"] if buying else notional - row["fee"]
        holding.fill(row["shares"], row["price"], row["fee"], buying=buying, at=row["booked_at"].timestamp())
        if buying:
            self._desk.reserve(holding, -holding.reserved)
            self._arm(holding, row["booked_at"])
        self._desk.recommit(holding)
        last = self._books.get(holding.token)
        self._desk.set_mark(holding, None if last is None else executable_bid(last.book, holding.shares))
        if holding.shares < Decimal("0.01") and holding.key in self._desk.open:
            self._desk.remove(holding)

    def _arm(self, holding: Holding, at: datetime) -> None:
        market = self._market(TokenId(holding.token), at)
        average = holding.books.average_price
        assert average is not None
        holding.bounds = thresholds(
            entry_price=average,
            spread_paid=self._spreads[str(holding.number)],
            tick_size=market.tick_size,
            end_at=market.end_at,
            limits=self._limits,
        )
        holding.monitor = CrossingMonitor(
            shares=holding.shares,
            bounds=holding.bounds,
            updates_needed=self._limits.crossing_updates,
            age_needed=self._limits.crossing_age,
        )

    def _market(self, token_id: TokenId, since: datetime) -> Market:
        found = self._venue.first(Market, token_id, since)
        assert isinstance(found, Market), f"the log holds no market of {token_id} after {since}"
        return found

    # decisions

    def _decision(self, row: Mapping[str, Any]) -> None:
        signal = _signal(row)
        key = (signal.whale, signal.token_id)
        before = max(ZERO, self._seen.get(key, ZERO))
        change = signal.size if signal.side is Side.BUY else -signal.size
        self._seen[key] = self._seen.get(key, ZERO) + change
        self.found.decisions += 1
        if signal.side is Side.SELL:
            self._sale(row, signal, before)
        else:
            self._purchase(row, signal)

    def _purchase(self, row: Mapping[str, Any], signal: Signal) -> None:
        at, token = row["decided_at"], signal.token_id
        market, book = self._market(token, at), self._venue.first(OrderBook, token, at)
        venue_at = self._venue_time(at)
        decision = decide(
            signal,
            market=market,
            book=book,
            whale=self._standing(signal.whale),
            desk=self._desk.snapshot(venue_at, self._limits),
            exposure=self._desk.exposure(signal.whale, token, market),
            limits=self._limits,
            now_wall=at,
            now_venue=venue_at,
        )
        name = f"decision {row['id']} about {row['question']}"
        if not isinstance(decision, Copy):
            self.found.same(name, decision.reason.value, row["reason"] or row["outcome"])
            return
        self.found.copies += 1
        self.found.same(name, "copy", row["reason"] or row["outcome"])
        terms = {
            term: str(getattr(decision, term)) if term in WORDS else Decimal(str(getattr(decision, term)))
            for term in TERMS
        }
        ran = {
            term: value if term in WORDS else Decimal(value)
            for term, value in row["terms"].items()
            if term in terms
        }
        self.found.same(f"terms of {name}", terms, ran)
        self._hold(row, signal, decision, market, book, venue_at)

    def _hold(
        self,
        row: Mapping[str, Any],
        signal: Signal,
        copy: Copy,
        market: Market,
        book: OrderBook | None,
        at: datetime,
    ) -> None:
        holding = self._desk.open.get((signal.whale, signal.token_id))
        if holding is None:
            holding = Holding(
                number=len(self._by_id),
                whale=signal.whale,
                token=signal.token_id,
                condition=market.condition_id,
                market=0,
                outcome=market.outcome_index(signal.token_id),
                event=market.event_id,
                approved_at=at.timestamp(),
                whale_price=signal.price,
                unproven=copy.unproven,
                edge=copy.edge,
                forecast=ZERO,
            )
            self._desk.add(holding)
            self._by_id[row["position_id"]] = holding
        self._spreads[str(holding.number)] = (book.spread if book is not None else None) or ZERO
        self._desk.entered(at)
        self._desk.reserve(holding, copy.reserve)

    def _sale(self, row: Mapping[str, Any], signal: Signal, seen_bought: Decimal) -> None:
        held = self._desk.open.get((signal.whale, signal.token_id))
        if held is None:
            self.found.same(f"sale {row['id']}", "not_held", row["reason"] or row["outcome"])
            return
        opposite = signal.key.startswith("opposite:")
        report = self._venue.first(WhaleHolds, signal.token_id, row["decided_at"])
        recent = self._venue.first(WhaleTraded, signal.token_id, row["decided_at"])
        counted = not opposite and recent is not None and any(key in recent.keys for key in signal.trade_keys)
        share = share_to_sell(
            whale_sold=signal.size,
            whale_holding_before=holding_before(
                None if report is None else report.shares, sold=signal.size, counted=counted, opposite=opposite
            ),
            whale_seen_bought=seen_bought,
        )
        self.found.exits += 1
        said = Decimal(row["detail"].removeprefix(f"{signal.kind.value}: sell ").removesuffix(" of ours"))
        self.found.same(f"whale's exit {row['id']}", floor_to(share, MICRO), said)
        held.forecast = share  # what the sale that follows must sell

    # exits

    def _exit(self, row: Mapping[str, Any]) -> None:
        holding = self._by_id[row["position_id"]]
        at, token = row["decided_at"], TokenId(holding.token)
        market = self._last(Market, token, at)
        book = self._last(OrderBook, token, at)
        part = row["exit_reason"] == "whale_exit" and ZERO < holding.forecast < ONE
        size = sale_size(
            held=holding.shares, share=holding.forecast if part else ONE, minimum=market.min_order_size
        )
        order = exit_order(market=market, book=book, shares=size, aggressive=False, limits=self._limits)
        name = f"exit order {row['id']}"
        if isinstance(order, Dust):
            self.found.same(name, order.reason, "an order")
            return
        assert isinstance(order, OrderRequest)
        self.found.exits += 1
        self.found.same(name, (order.shares, order.limit_price), (row["shares"], row["limit_price"]))

    def _last(self, kind: type, token_id: TokenId, until: datetime) -> Any:
        found = None
        for answer in self._venue.answers:
            if answer.at <= until and answer.token_id == token_id and isinstance(answer.value, kind):
                found = answer.value
        return found

    def _closed(self, row: Mapping[str, Any]) -> None:
        """Compare the thresholds and the reason of a position's end."""
        holding = self._by_id.get(row["id"])
        if holding is None:
            self.found.differences.append(f"position {row['id']} was not opened in the replay")
            return
        if holding.bounds is not None:
            self.found.thresholds += 1
            ours = (holding.bounds.stop_price, holding.bounds.target_price, holding.bounds.exit_at)
            self.found.same(
                f"thresholds of {row['id']}", ours, (row["stop_price"], row["target_price"], row["exit_at"])
            )
        if row["exit_reason"] in ("stop_loss", "take_profit"):
            self.found.same(f"crossing of {row['id']}", self._crossed.get(str(holding.number)), row["exit_reason"])


def _signal(row: Mapping[str, Any]) -> Signal:
    return Signal(
        key=row["signal_key"],
        trade_keys=(row["signal_key"],),
        whale=WalletAddress(row["whale"]),
        token_id=TokenId(row["token_id"]),
        condition_id=ConditionId(row["condition_id"]),
        side=Side(row["side"]),
        price=row["trade_price"],
        size=row["trade_size"],
        happened_at=row["happened_at"],
        seen_at=row["seen_at"],
        source=TradeSource(row["source"]),
        kind=TradeKind(row["kind"]),
    )
