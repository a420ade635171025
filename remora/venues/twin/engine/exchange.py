"""The exchange itself: matching and settlement on top of markets and accounts. Synchronous and deterministic."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from remora.domain.fees import taker_fee
from remora.domain.ids import OrderDigest
from remora.domain.money import Side, from_micros, micros
from remora.domain.orders import FillStatus, OrderType
from remora.venues.twin.engine import events
from remora.venues.twin.engine.markets import Markets
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
from remora.venues.twin.engine.validate import GTD_EARLY_SECONDS, MARKET_TYPES, limit_price, refuse

RESIDUE = 100
"""Millionths of a dollar that rounding leaves of a market purchase: too little to go to the next level with."""


class Exchange(Markets):
    """All books of the twin. Every method takes the time; wall time drives settlement and expiry."""

    def place(self, order: NewOrder, *, now: datetime, wall: datetime) -> Placed | Refusal:
        """Match an order and rest what may rest; the same digest is taken once only."""
        if order.digest in self.orders:
            return Refusal(
                400,
                f"order {order.digest} is invalid. Duplicated. "
                "Same order has already been placed, can't be placed again.",
            )
        found = self.listing_of(order.token_id)
        listing = None if found is None else found[0]
        refusal = refuse(order, listing, wall)
        if refusal is not None or found is None:
            return refusal or Refusal(400, "Invalid order payload")
        resting = self._accepted(order, found[0], found[1], now)
        refusal = self._refuse_unpaid(resting, found[0]) or self._refuse_unmatched(resting, order)
        if refusal is not None:
            return refusal
        self.orders[order.digest] = resting
        self._tell(events.OrderEvent(resting, "PLACEMENT", now))
        trades = self._match(resting, found[0], now, wall)
        self._rest_or_end(resting, found[0], now)
        self._tell_levels(found[0])
        return Placed(
            digest=resting.digest,
            status="live" if resting.status is OrderStatus.LIVE and not trades else "matched",
            making=resting.making,
            taking=resting.taking,
            trade_ids=tuple(trade.id for trade in trades),
        )

    def cancel(self, digest: OrderDigest, now: datetime, status: OrderStatus = OrderStatus.CANCELED) -> bool:
        """Cancel a resting order; False when it does not rest."""
        order = self.orders.get(digest)
        if order is None or order.status is not OrderStatus.LIVE or order.remaining == 0:
            return False
        listing = self.listings[order.condition_id]
        self._books[order.condition_id].remove(order)
        order.status = status
        self._tell(events.OrderEvent(order, "CANCELLATION", now))
        self._tell_levels(listing)
        return True

    def advance(self, *, now: datetime, wall: datetime) -> None:
        """Move settlements along and expire orders, by the wall clock."""
        waiting = []
        for trade in self._unsettled:
            age = wall - trade.wall_at
            if trade.status is FillStatus.MATCHED and age >= self._mined_after:
                trade.status, trade.updated_at = FillStatus.MINED, now
                trade.transaction_hash = "0x" + hashlib.sha256(trade.id.encode()).hexdigest()
                self._tell(events.TradeEvent(trade, now))
            if trade.status is FillStatus.MINED and age >= self._confirmed_after:
                trade.status, trade.updated_at = FillStatus.CONFIRMED, now
                self._tell(events.TradeEvent(trade, now))
            if not trade.status.final:
                waiting.append(trade)
        self._unsettled = waiting
        for order in [o for o in self._expiring if o.expires_at is not None and o.expires_at <= wall]:
            self._expiring.remove(order)
            self.cancel(order.digest, now, OrderStatus.EXPIRED)

    def _accepted(self, order: NewOrder, listing: Listing, outcome: int, now: datetime) -> RestingOrder:
        price = limit_price(order, listing.tick)
        assert price is not None
        buying = order.side is Side.BUY
        shares = order.taker_amount if buying else order.maker_amount
        expires = None
        if order.order_type is OrderType.GTD:
            expires = datetime.fromtimestamp(order.expiration - GTD_EARLY_SECONDS, tz=now.tzinfo)
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

    def _refuse_unpaid(self, order: RestingOrder, listing: Listing) -> Refusal | None:
        if order.side is Side.SELL:
            free, needed = self.free_shares(order.owner, order.token_id), order.remaining
        else:
            dollars = order.dollars_left
            needed = order.remaining * order.price // UNIT if dollars is None else dollars
            needed += micros(from_micros(needed) * listing.spec.fee_rate)
            free = self.free_cash(order.owner)
        if free < needed:
            return Refusal(
                400,
                "not enough balance / allowance: the balance is not enough -> "
                f"balance: {max(free, 0)}, order amount: {needed}",
            )
        return None

    def _refuse_unmatched(self, order: RestingOrder, asked: NewOrder) -> Refusal | None:
        meets = self._facing(order)
        if asked.post_only and meets:
            return Refusal(200, "invalid post-only order: order crosses book")
        if asked.order_type is OrderType.FAK and not meets:
            return Refusal(
                400,
                "no orders found to match with FAK order. "
                "FAK orders are partially filled or killed if no match is found.",
            )
        if asked.order_type is OrderType.FOK and not _covers(order, meets):
            return Refusal(400, "order couldn't be fully filled. FOK orders are fully filled or killed.")
        return None

    def _facing(self, order: RestingOrder) -> list[RestingOrder]:
        limit = order.book_price
        rows = []
        for row in self._books[order.condition_id].facing(order.book_side):
            beyond = row.book_price > limit if order.book_side is Side.BUY else row.book_price < limit
            if beyond:
                break
            rows.append(row)
        return rows

    def _match(self, order: RestingOrder, listing: Listing, now: datetime, wall: datetime) -> list[Trade]:
        book = self._books[order.condition_id]
        trades: list[Trade] = []
        for maker in self._facing(order):
            price = maker.book_price if order.outcome == 0 else UNIT - maker.book_price
            shares = min(maker.remaining, _wanted(order, price))
            if shares <= 0:
                break
            if not trades or trades[-1].price != price:
                trades.append(self._new_trade(order, price, now, wall))
            self._exchange(trades[-1], order, maker, shares, listing)
            book.reduced(maker)
            if maker.owner != HOUSE:
                maker.trades.append(trades[-1].id)
                self._tell(events.OrderEvent(maker, "UPDATE", now))
        for trade in trades:
            self._charge(trade, listing)
            order.trades.append(trade.id)
            listing.last_price = trade.price if order.outcome == 0 else UNIT - trade.price
            listing.last_side = order.side
            if order.owner == HOUSE and all(maker.owner == HOUSE for maker in trade.makers):
                continue
            self.trades[trade.id] = trade
            self._unsettled.append(trade)
            self._tell(events.TradeEvent(trade, now))
        return trades

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
        )

    def _exchange(
        self, trade: Trade, taker: RestingOrder, maker: RestingOrder, shares: int, listing: Listing
    ) -> None:
        """Move money and shares: hand over, mint a pair from two purchases, or merge one from two sales."""
        notional = shares * trade.price // UNIT
        opposite = UNIT - trade.price
        same = maker.token_id == taker.token_id
        maker_price = trade.price if same else opposite
        maker_notional = notional if same else shares - notional
        if not same:
            listing.pool += shares if taker.side is Side.BUY else -shares
        self._settle(taker, shares, notional)
        self._settle(maker, shares, maker_notional)
        maker.remaining -= shares
        if taker.dollars_left is not None:
            taker.dollars_left -= notional
        taker.remaining = max(0, taker.remaining - shares)
        if maker.remaining == 0:
            maker.status = OrderStatus.MATCHED
        trade.shares += shares
        trade.notional += notional
        trade.makers.append(
            MakerFill(
                digest=maker.digest,
                owner=maker.owner,
                api_key=maker.api_key,
                token_id=maker.token_id,
                outcome=maker.outcome,
                side=maker.side,
                price=maker_price,
                shares=shares,
            )
        )

    def _settle(self, order: RestingOrder, shares: int, notional: int) -> None:
        account = self.account(order.owner)
        sign = 1 if order.side is Side.BUY else -1
        account.cash -= sign * notional
        left = account.shares.get(order.token_id, 0) + sign * shares
        if left:
            account.shares[order.token_id] = left
        else:
            account.shares.pop(order.token_id, None)
        order.making += notional if order.side is Side.BUY else shares
        order.taking += shares if order.side is Side.BUY else notional

    def _charge(self, trade: Trade, listing: Listing) -> None:
        if trade.taker.owner == HOUSE:
            return
        fee = taker_fee(
            from_micros(trade.shares),
            from_micros(trade.price),
            listing.spec.fee_rate,
            listing.spec.fee_exponent,
        )
        trade.fee = micros(fee)
        account = self.account(trade.taker.owner)
        account.cash -= trade.fee
        account.fees += trade.fee
        self.accounts[FEES].cash += trade.fee

    def _rest_or_end(self, order: RestingOrder, listing: Listing, now: datetime) -> None:
        if order.order_type in MARKET_TYPES:
            filled = _wanted(order, order.price) == 0 or order.remaining == 0
            order.status = OrderStatus.MATCHED if order.trades else OrderStatus.CANCELED
            order.remaining = 0
            self._tell(events.OrderEvent(order, "UPDATE" if filled else "CANCELLATION", now))
            return
        if order.remaining == 0:
            order.status = OrderStatus.MATCHED
            self._tell(events.OrderEvent(order, "UPDATE", now))
            return
        self._books[listing.spec.condition_id].add(order)
        if order.expires_at is not None:
            self._expiring.append(order)

    def _house(self, listing: Listing, side: Side, price: int, shares: int, now: datetime, wall: datetime) -> None:
        if shares <= 0:
            return
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
        self._match(order, listing, now, wall)
        if order.remaining > 0:
            self._books[listing.spec.condition_id].add(order)


def _wanted(order: RestingOrder, price: int) -> int:
    """Return the shares that an order still wants at a price."""
    if order.dollars_left is None:
        return order.remaining
    return 0 if order.dollars_left < RESIDUE else order.dollars_left * UNIT // price


def _covers(order: RestingOrder, makers: Sequence[RestingOrder]) -> bool:
    left = order.dollars_left
    if left is None:
        return sum(maker.remaining for maker in makers) >= order.remaining
    for maker in makers:
        price = maker.book_price if order.outcome == 0 else UNIT - maker.book_price
        left -= min(maker.remaining, left * UNIT // price) * price // UNIT
    return left * UNIT < UNIT * UNIT // 100
