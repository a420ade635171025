"""The exchange itself: matching and settlement on top of markets and accounts. Synchronous and deterministic."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from remora.domain.ids import OrderDigest
from remora.domain.money import Side
from remora.domain.orders import OrderType
from remora.venues.twin.engine import events
from remora.venues.twin.engine.plan import Step, dollars_needed, fee, fills_whole, levels, meet
from remora.venues.twin.engine.records import (
    FEES,
    HOUSE,
    UNIT,
    Listing,
    MakerFill,
    NewOrder,
    OrderStatus,
    Placed,
    Refusal,
    RestingOrder,
    Trade,
)
from remora.venues.twin.engine.settlement import Settlement
from remora.venues.twin.engine.validate import (
    GTD_EARLY_SECONDS,
    MARKET_TYPES,
    limit_price,
    refuse,
    refuse_match,
)

HEARTBEAT_MAX = timedelta(seconds=10)
"""Once a client sent a heartbeat, its orders are cancelled whenever the last one is older than this."""


@dataclass(frozen=True, slots=True)
class _Delayed:
    """An accepted order that is held back until a wall time."""

    order: NewOrder
    taker: RestingOrder
    until: datetime


class Exchange(Settlement):
    """All books of the twin. Every method takes the time; wall time drives settlement and expiry."""

    def __init__(self, *, mined_after: timedelta, confirmed_after: timedelta) -> None:
        super().__init__(mined_after=mined_after, confirmed_after=confirmed_after)
        self._delayed: list[_Delayed] = []

    def place(
        self,
        order: NewOrder,
        *,
        now: datetime,
        wall: datetime,
        delay: timedelta | None = None,
        parts: int = 1,
    ) -> Placed | Refusal:
        """Match an order and rest what may rest; the same digest is taken once only.

        With a `delay` (otherwise the market's, if the order would take) the order is held back first and meets the
        book of later; `parts` is that of RestingOrder.
        """
        if order.digest in self.orders:
            return Refusal(
                400,
                f"order {order.digest} is invalid. Duplicated. "
                "Same order has already been placed, can't be placed again.",
            )
        found = self.listing_of(order.token_id)
        if found is None:
            return Refusal(400, f"the orderbook {order.token_id} does not exist")
        listing, outcome = found
        refusal = refuse(order, listing, wall)
        if refusal is not None:
            return refusal
        taker = self._accepted(order, listing, outcome, now)
        taker.parts = parts
        if delay is None and listing.spec.taker_delay and meet(taker, self._facing(taker)):
            delay = listing.spec.taker_delay
        if delay is not None:
            taker.status = OrderStatus.DELAYED
            self.orders[taker.digest] = taker
            self._delayed.append(_Delayed(order, taker, wall + delay))
            self._tell(events.OrderEvent(taker, "PLACEMENT", now))
            return Placed(digest=taker.digest, status="delayed", making=0, taking=0, trade_ids=())
        return self._match(order, taker, listing, now, wall)

    def _match(
        self, order: NewOrder, taker: RestingOrder, listing: Listing, now: datetime, wall: datetime
    ) -> Placed | Refusal:
        steps = meet(taker, self._facing(taker))
        refusal = self._refuse_unpaid(taker, steps, listing) or refuse_match(order, taker, steps)
        if refusal is not None:
            return refusal
        if taker.digest not in self.orders:
            self.orders[taker.digest] = taker
            self._tell(events.OrderEvent(taker, "PLACEMENT", now))
        whole = fills_whole(taker, steps)
        trades = self._trade(taker, steps, listing, now, wall)
        self._rest_or_end(taker, now, whole=whole)
        self._tell_levels(listing)
        return Placed(
            digest=taker.digest,
            status="live" if taker.resting and not trades else "matched",
            making=taker.making,
            taking=taker.taking,
            trade_ids=tuple(trade.id for trade in trades),
        )

    def _held_back(self) -> list[RestingOrder]:
        return [held.taker for held in self._delayed]

    def _release(self, now: datetime, wall: datetime) -> None:
        """Let orders whose delay is over meet the book; what would be refused now ends without a fill."""
        due = [held for held in self._delayed if held.until <= wall]
        self._delayed = [held for held in self._delayed if held.until > wall]
        for order, taker in [(held.order, held.taker) for held in due]:
            listing = self.listings[taker.condition_id]
            taker.status = OrderStatus.LIVE
            if not listing.accepting or isinstance(self._match(order, taker, listing, now, wall), Refusal):
                taker.status, taker.remaining = OrderStatus.UNMATCHED, 0
                self._tell(events.OrderEvent(taker, "CANCELLATION", now))

    def cancel(self, digest: OrderDigest, now: datetime, status: OrderStatus = OrderStatus.CANCELED) -> bool:
        """Cancel a resting order; False when it does not rest."""
        order = self.orders.get(digest)
        if order is None or not order.resting:
            return False
        self._books[order.condition_id].remove(order)
        self._open[order.owner].pop(digest, None)
        order.status = status
        self._tell(events.OrderEvent(order, "CANCELLATION", now))
        self._tell_levels(self.listings[order.condition_id])
        return True

    def beat(self, api_key: str, wall: datetime) -> None:
        """Take a client's heartbeat: from now on its silence cancels its orders."""
        self._beats[api_key] = wall

    def listens_to(self, api_key: str) -> bool:
        """Whether a client's silence would cancel its orders."""
        return api_key in self._beats

    def advance(self, *, now: datetime, wall: datetime) -> None:
        """Move settlements along, expire orders and end what silent clients left, by the wall clock."""
        self._release(now, wall)
        self._settle_trades(now, wall)
        for order in [o for o in self._expiring if o.expires_at is not None and o.expires_at <= wall]:
            self.cancel(order.digest, now, OrderStatus.EXPIRED)
        self._expiring = [order for order in self._expiring if order.resting]
        silent = {api_key for api_key, beat in self._beats.items() if wall - beat > HEARTBEAT_MAX}
        for order in [o for book in self._open.values() for o in book.values() if o.api_key in silent]:
            self.cancel(order.digest, now)
        for api_key in silent:  # one silence cancels once: the next heartbeat arms the switch anew
            del self._beats[api_key]

    def _accepted(self, order: NewOrder, listing: Listing, outcome: int, now: datetime) -> RestingOrder:
        price = limit_price(order, listing.tick)
        assert price is not None, "an order without a valid price was not refused"
        buying = order.side is Side.BUY
        shares = order.taker_amount if buying else order.maker_amount
        expires = None
        if order.order_type is OrderType.GTD:
            expires = datetime.fromtimestamp(order.expiration - GTD_EARLY_SECONDS, tz=UTC)
        self._sequence += 1
        return RestingOrder(
            digest=order.digest,
            owner=order.owner.lower(),
            api_key=order.api_key,
            condition_id=listing.spec.condition_id,
            token_id=order.token_id,
            outcome=outcome,
            side=order.side,
            price=price,
            size=shares,
            remaining=shares,
            order_type=order.order_type,
            created_at=now,
            expires_at=expires,
            received_at=order.received_at,
            dollars_left=order.maker_amount if buying and order.order_type in MARKET_TYPES else None,
            sequence=self._sequence,
        )

    def _refuse_unpaid(self, order: RestingOrder, steps: Sequence[Step], listing: Listing) -> Refusal | None:
        if order.side is Side.SELL:
            free, needed = self.free_shares(order.owner, order.token_id), order.remaining
        else:
            free, needed = self.free_cash(order.owner), dollars_needed(order, steps, listing)
        if free < needed:
            return Refusal(
                400,
                "not enough balance / allowance: the balance is not enough -> "
                f"balance: {max(free, 0)}, order amount: {needed}",
            )
        return None

    def _facing(self, order: RestingOrder) -> list[RestingOrder]:
        return list(self._books[order.condition_id].facing(order.book_side, order.book_price))

    def _trade(
        self, taker: RestingOrder, steps: Sequence[Step], listing: Listing, now: datetime, wall: datetime
    ) -> list[Trade]:
        """Settle `steps`, one trade for each price, and tell everybody concerned."""
        trades = []
        for group in levels(steps):
            trade = self._new_trade(taker, group[0].price, now, wall)
            for step in group:
                self._exchange(trade, taker, step, listing)
            if taker.owner != HOUSE:
                self._charge(trade, fee(group, listing))
            listing.last_price = trade.price if taker.outcome == 0 else UNIT - trade.price
            listing.last_side = taker.side
            taker.trades.append(trade.id)
            trades.append(trade)
            self._tell_trade(trade, now)
        return trades

    def _tell_trade(self, trade: Trade, now: datetime) -> None:
        owners = {trade.taker.owner, *(maker.owner for maker in trade.makers)} - {HOUSE}
        if not owners:
            return
        self.trades[trade.id] = trade
        self._await_settlement(trade)
        for owner in owners:
            self._trades_of.setdefault(owner, []).append(trade)
        for fill in trade.makers:
            if fill.owner != HOUSE:
                maker = self.orders[fill.digest]
                maker.trades.append(trade.id)
                self._tell(events.OrderEvent(maker, "UPDATE", now))
        self._tell(events.TradeEvent(trade, now))

    def _new_trade(self, order: RestingOrder, price: int, now: datetime, wall: datetime) -> Trade:
        self._sequence += 1
        name = hashlib.sha256(f"{order.digest}:{self._sequence}".encode()).hexdigest()
        return Trade(
            id=f"{name[:8]}-{name[8:12]}-4{name[13:16]}-8{name[17:20]}-{name[20:32]}",
            condition_id=order.condition_id,
            taker=order,
            makers=[],
            price=price,
            shares=0,
            notional=0,
            fee=0,
            matched_at=now,
            wall_at=wall,
            sequence=self._sequence,
        )

    def _exchange(self, trade: Trade, taker: RestingOrder, step: Step, listing: Listing) -> None:
        """Move money and shares: hand over, mint a pair from two purchases, or merge one from two sales."""
        maker, shares = step.maker, step.shares
        if maker.token_id != taker.token_id:
            listing.pool += shares if taker.side is Side.BUY else -shares
        self._settle(taker, shares, step.taker_dollars)
        self._settle(maker, shares, step.maker_dollars)
        maker.made += shares
        maker.remaining -= shares
        if taker.dollars_left is not None:
            taker.dollars_left -= step.taker_dollars
        taker.remaining = max(0, taker.remaining - shares)
        if maker.remaining == 0:
            maker.status = OrderStatus.MATCHED
            self._open.get(maker.owner, {}).pop(maker.digest, None)
        self._books[maker.condition_id].reduced(maker)
        trade.shares += shares
        trade.notional += step.taker_dollars
        trade.makers.append(
            MakerFill(
                digest=maker.digest,
                owner=maker.owner,
                api_key=maker.api_key,
                token_id=maker.token_id,
                outcome=maker.outcome,
                side=maker.side,
                price=maker.price,
                shares=shares,
                notional=step.maker_dollars,
            )
        )

    def _settle(self, order: RestingOrder, shares: int, dollars: int) -> None:
        self._shift(order.owner, order.token_id, 1 if order.side is Side.BUY else -1, shares, dollars)
        account = self.account(order.owner)
        sound = account.cash >= 0 and account.shares.get(order.token_id, 0) >= 0
        assert order.owner == HOUSE or sound, f"{order.owner} is overdrawn"
        order.making += dollars if order.side is Side.BUY else shares
        order.taking += shares if order.side is Side.BUY else dollars

    def _charge(self, trade: Trade, dollars: int) -> None:
        trade.fee = dollars
        account = self.account(trade.taker.owner)
        account.cash -= dollars
        account.fees += dollars
        self.accounts[FEES].cash += dollars

    def _rest_or_end(self, order: RestingOrder, now: datetime, *, whole: bool) -> None:
        if order.order_type in MARKET_TYPES:
            order.status = OrderStatus.MATCHED if order.trades else OrderStatus.CANCELED
            order.remaining = 0
            self._tell(events.OrderEvent(order, "UPDATE" if whole else "CANCELLATION", now))
            return
        if whole:
            order.status = OrderStatus.MATCHED
        else:
            self._books[order.condition_id].add(order)
            self._open.setdefault(order.owner, {})[order.digest] = order
            if order.expires_at is not None:
                self._expiring.append(order)
        if order.trades:
            self._tell(events.OrderEvent(order, "UPDATE", now))

    def _house(
        self, listing: Listing, side: Side, price: int, shares: int, now: datetime, wall: datetime
    ) -> RestingOrder:
        self._sequence += 1
        order = RestingOrder(
            digest=OrderDigest(f"house-{self._sequence}"),
            owner=HOUSE,
            api_key="",
            condition_id=listing.spec.condition_id,
            token_id=listing.spec.tokens[0],
            outcome=0,
            side=side,
            price=price,
            size=shares,
            remaining=shares,
            order_type=OrderType.GTC,
            created_at=now,
            expires_at=None,
            received_at=wall,
            sequence=self._sequence,
        )
        self._trade(order, meet(order, self._facing(order)), listing, now, wall)
        if order.remaining > 0:
            self._books[listing.spec.condition_id].add(order)
        return order
