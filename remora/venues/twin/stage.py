"""Where a scenario's events meet the exchange: one place that moves books, prints and markets together."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import singledispatchmethod

from remora.domain.ids import ConditionId, WalletAddress
from remora.domain.money import MICRO, ONE, ZERO, Side, floor_to, from_micros
from remora.domain.orders import FillStatus
from remora.venues.twin.activity import Activity, Settled
from remora.venues.twin.chain.blocks import Chain
from remora.venues.twin.data_wire import stream_payload
from remora.venues.twin.engine import events as engine_events
from remora.venues.twin.engine.exchange import Exchange
from remora.venues.twin.engine.records import FEES, HOUSE, MakerFill, Trade
from remora.venues.twin.engine.settlement import chain_hash
from remora.venues.twin.listings import Listing
from remora.venues.twin.public_side import PublicSide
from remora.venues.twin.rtds import RtdsHub
from remora.venues.twin.scenario.identifiers import transaction_hash
from remora.venues.twin.scenario.ladder import EMPTY, Ladder, ladder, touch_after_trade, touch_around
from remora.venues.twin.scenario.lifecycle import price_of_first, side_on_first
from remora.venues.twin.scenario.model import (
    ExternalMerge,
    ExternalTrade,
    MarketOpened,
    Quoted,
    ResolutionProposed,
    Resolved,
    ScenarioEvent,
    TickChanged,
    TradingClosed,
)


@dataclass(slots=True)
class _Quote:
    """How a market is quoted now."""

    bid: Decimal
    ask: Decimal
    depth_usd: Decimal
    spread_ticks: int


@dataclass(slots=True)
class Stage:
    """Applies scenario events to exchange, public reads and stream; also publishes our own accounts' fills.

    While `live` is False events are history: they fill the record, but no book moves and no stream sends.
    """

    exchange: Exchange
    public: PublicSide
    hub: RtdsHub
    wall: Callable[[], datetime]
    venue_time: Callable[[datetime], datetime]
    chain: Chain
    auto_redeem_after: timedelta | None = None
    live: bool = False
    applied: int = 0
    prints: int = 0
    _quotes: dict[ConditionId, _Quote] = field(default_factory=dict)
    _redeemable: deque[tuple[datetime, ConditionId]] = field(default_factory=deque)
    _unresolved: list[tuple[datetime, ConditionId, tuple[Decimal, Decimal]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.public.stream = self._stream
        self.exchange.listeners.append(self._heard)

    def apply(self, event: ScenarioEvent) -> None:
        """Play one event."""
        self._play(event)
        self.applied += 1

    def advance(self) -> None:
        """Move settlements, blocks and late results along; redeem where a market resolved long enough ago."""
        now, wall = self.public.now(), self.wall()
        self._resolve_due(now, wall)
        self.exchange.advance(now=now, wall=wall)
        self._mine_due(wall)
        while self._redeemable and self._redeemable[0][0] <= wall:
            _, condition_id = self._redeemable.popleft()
            for owner in sorted(name for name in self.exchange.accounts if name not in (HOUSE, FEES)):
                self.exchange.redeem(owner, condition_id, now)

    def resolve_after(self, delay: timedelta, condition_id: ConditionId, payouts: tuple[Decimal, Decimal]) -> None:
        """Fix a market's payouts once so much wall time has passed, unless it has some by then."""
        self._unresolved.append((self.wall() + delay, condition_id, payouts))

    def _resolve_due(self, now: datetime, wall: datetime) -> None:
        due = [late for late in self._unresolved if late[0] <= wall]
        self._unresolved = [late for late in self._unresolved if late[0] > wall]
        for _, condition_id, payouts in due:
            if self._listing(condition_id).payouts is None:
                self.apply(Resolved(now, condition_id, payouts))

    def _mine_due(self, wall: datetime) -> None:
        """Make every block whose time has come, each at its own time: how often somebody looks changes nothing."""
        if self.chain.due is None:
            self.chain.advance(wall=wall, timestamp=int(self.venue_time(wall).timestamp()))
        while self.chain.due is not None and self.chain.due <= wall:
            due = self.chain.due
            self.chain.advance(wall=due, timestamp=int(self.venue_time(due).timestamp()))

    def go_live(self) -> None:
        """Put the books of every market that still trades in place and let streams send from now on."""
        self.live = True
        for listing in self.public.listings:
            if listing.accepting:
                self._requote(listing)

    @singledispatchmethod
    def _play(self, event: ScenarioEvent) -> None:
        raise TypeError(f"no such scenario event: {event!r}")

    @_play.register
    def _(self, event: MarketOpened) -> None:
        spec = event.market
        listing = self.public.listings.open(spec, event.at, event.price)
        self.exchange.list_market(spec)
        bid, ask = touch_around(event.price, spec.tick_size, spec.spread_ticks)
        self._quotes[spec.condition_id] = _Quote(bid, ask, spec.depth_usd, spec.spread_ticks)
        self._requote(listing)

    @_play.register
    def _(self, event: ExternalTrade) -> None:
        listing = self._listing(event.condition_id)
        price, side = (
            price_of_first(event.outcome_index, event.price),
            side_on_first(event.outcome_index, event.side),
        )
        quote = self._quotes[event.condition_id]
        quote.bid, quote.ask = touch_after_trade(price, side, listing.tick_size, quote.spread_ticks)
        self.public.fill(
            at=event.at,
            wallet=event.wallet,
            condition_id=event.condition_id,
            outcome_index=event.outcome_index,
            side=event.side,
            price=event.price,
            size=event.size,
            transaction_hash=event.transaction_hash,
            taker=event.taker,
            live=self.live,
        )
        self.exchange.note_print(
            event.condition_id,
            event.outcome_index,
            event.price,
            event.side,
            shares=event.size,
            transaction_hash=event.transaction_hash,
        )
        self.prints += 1
        self._requote(listing)

    @_play.register
    def _(self, event: ExternalMerge) -> None:
        self.public.merge(
            at=event.at,
            wallet=event.wallet,
            condition_id=event.condition_id,
            size=event.size,
            transaction_hash=event.transaction_hash,
            live=self.live,
        )

    @_play.register
    def _(self, event: Quoted) -> None:
        listing = self._listing(event.condition_id)
        quote = self._quotes[event.condition_id]
        if event.spread_ticks is not None:
            quote.spread_ticks = event.spread_ticks
        quote.depth_usd = listing.spec.depth_usd if event.depth_usd is None else event.depth_usd
        quote.bid, quote.ask = touch_around(event.mid, listing.tick_size, quote.spread_ticks)
        listing.move(event.at, event.mid)
        self._requote(listing)

    @_play.register
    def _(self, event: TickChanged) -> None:
        listing = self._listing(event.condition_id)
        listing.tick_size = event.tick_size
        self.exchange.change_tick(event.condition_id, event.tick_size)

    @_play.register
    def _(self, event: ResolutionProposed) -> None:
        self._listing(event.condition_id).proposed_at = event.at
        self.exchange.propose(event.condition_id, event.at)

    @_play.register
    def _(self, event: TradingClosed) -> None:
        listing = self._listing(event.condition_id)
        listing.accepting, listing.closed_at, listing.best = False, event.at, None
        self.exchange.stop_trading(event.condition_id, event.at)

    @_play.register
    def _(self, event: Resolved) -> None:
        listing = self._listing(event.condition_id)
        listing.accepting, listing.best = False, None
        listing.closed_at = listing.closed_at or event.at
        listing.resolved_at, listing.payouts = event.at, event.payouts
        listing.move(event.at, event.payouts[0])
        self.exchange.resolve(event.condition_id, event.payouts, event.at)
        if self.live and self.auto_redeem_after is not None:
            self._redeemable.append((self.wall() + self.auto_redeem_after, event.condition_id))

    def quote(self, condition_id: ConditionId, *, bid: Decimal, ask: Decimal, depth_usd: Decimal) -> None:
        """Set the synthetic touch of outcome 0 directly."""
        listing, quote = self._listing(condition_id), self._quotes[condition_id]
        quote.bid, quote.ask, quote.depth_usd = bid, ask, depth_usd
        listing.move(self.public.now(), (bid + ask) / 2)
        self._requote(listing)

    def _listing(self, condition_id: ConditionId) -> Listing:
        listing = self.public.listings.condition(condition_id)
        if listing is None:
            raise KeyError(f"market {condition_id} is not listed")
        return listing

    def _requote(self, listing: Listing) -> None:
        if not self.live or not listing.accepting:
            return
        quote = self._quotes[listing.spec.condition_id]
        levels = ladder(quote.bid, quote.ask, listing.tick_size, quote.depth_usd)
        listing.best = None if levels == EMPTY else (quote.bid, quote.ask)
        self._place(listing.spec.condition_id, levels)

    def _place(self, condition_id: ConditionId, levels: Ladder) -> None:
        self.exchange.set_ladder(
            condition_id,
            bids=[(level.price, level.size) for level in levels.bids],
            asks=[(level.price, level.size) for level in levels.asks],
            now=self.public.now(),
            wall=self.wall(),
        )

    def _stream(self, activity: Activity) -> None:
        listing = self._listing(activity.condition_id)
        kinds = ("trades", "orders_matched") if activity.taker else ("trades",)
        stamp = int(self.public.now().timestamp() * 1000)
        self.hub.publish(kinds, lambda: stream_payload(self.public, listing, activity), stamp)

    def _heard(self, event: engine_events.Event) -> None:
        if isinstance(event, engine_events.TradeEvent) and event.trade.status is FillStatus.MINED:
            self._publish_trade(event.trade)
        elif isinstance(event, engine_events.Redeemed):
            self._publish_redemption(event)
        elif isinstance(event, engine_events.HoldingChanged):
            self._publish_change(event)

    def _publish_trade(self, trade: Trade) -> None:
        """Show a settled trade of real accounts in every feed; the house stays invisible."""
        taker_order = trade.taker
        exact = Settled(taker_order.digest, trade.notional, trade.fee)
        rows = [(m.owner, m.outcome, m.side, m.price, m.shares, False, _settled(m)) for m in trade.makers]
        rows.insert(
            0,
            (taker_order.owner, taker_order.outcome, taker_order.side, trade.price, trade.shares, True, exact),
        )
        for owner, outcome, side, price, shares, taker, settled in rows:
            if owner == HOUSE:
                continue
            self.public.fill(
                at=trade.matched_at,
                wallet=WalletAddress(owner),
                condition_id=trade.condition_id,
                outcome_index=outcome,
                side=Side(side),
                price=from_micros(price),
                size=from_micros(shares),
                transaction_hash=chain_hash(trade),
                taker=taker,
                settled=settled,
            )

    def _publish_change(self, event: engine_events.HoldingChanged) -> None:
        size = from_micros(abs(event.change))
        self.public.change(
            at=event.at,
            wallet=WalletAddress(event.owner),
            condition_id=event.listing.spec.condition_id,
            kind=event.kind,
            outcome_index=event.outcome,
            side=Side.BUY if event.change > 0 else Side.SELL,
            size=size,
            usd=size if event.outcome is None else ZERO,
            transaction_hash=event.transaction_hash,
        )

    def _publish_redemption(self, event: engine_events.Redeemed) -> None:
        listing = self._listing(event.condition_id)
        payouts = listing.payouts
        assert payouts is not None, "the exchange redeems resolved markets only"
        digest = event.transaction_hash or transaction_hash("redeem", event.owner, event.condition_id, event.at)
        burnt_of = [from_micros(event.shares.get(token, 0)) for token in listing.spec.tokens]
        owed = sum((burnt * payout for burnt, payout in zip(burnt_of, payouts, strict=True)), ZERO)
        paid = from_micros(event.dollars)
        # rounding takes less than a millionth a token; a chain that pays short takes more
        rate = paid / owed if owed - paid > 2 * MICRO else ONE
        shown = [floor_to(burnt * payout * rate, MICRO) for burnt, payout in zip(burnt_of, payouts, strict=True)]
        shown[shown.index(max(shown))] += paid - sum(shown)
        for index, burnt in enumerate(burnt_of):
            if burnt > 0:
                self.public.redeem(
                    at=event.at,
                    wallet=WalletAddress(event.owner),
                    condition_id=event.condition_id,
                    outcome_index=index,
                    size=burnt,
                    usd=shown[index],
                    transaction_hash=digest,
                )


def _settled(fill: MakerFill) -> Settled:
    return Settled(fill.digest, fill.notional, 0)
