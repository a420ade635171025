"""The trading side of a paper account: real books, the venue's matching rules, imagined money."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from remora.domain.books import OrderBook
from remora.domain.ids import AccountId, ConditionId, OrderDigest, TokenId
from remora.domain.market import Market
from remora.domain.matching import Funds, Match, Refusal, Taking, match, match_resting, still_taken
from remora.domain.money import MICRO, ZERO, Side, floor_to
from remora.domain.orders import (
    Accepted,
    Fill,
    FillStatus,
    OrderLookup,
    OrderRequest,
    OrderType,
    Rejected,
    SendOutcome,
    SignedOrder,
    Unknown,
)
from remora.domain.paper import (
    WAITING,
    BookSide,
    PaperFill,
    PaperOrder,
    PaperState,
    Settlement,
    held_by_orders,
    met_side,
)
from remora.venues.paper.settling import undo_failed
from remora.venues.paper.store import PaperStore, PaperTurn
from remora.venues.paper.wire import read, written
from remora.venues.venue import Holding, MarketData, MarketUnknown, VenueRefused, VenueUnavailable


class PaperTrading:
    """Implements :class:`remora.venues.venue.Trading` without an order ever leaving this machine.

    An order meets the book that the venue shows to a request which leaves when the order would: the request's
    round trip is the order's measured latency. `salts` gives a different text on every call.
    """

    def __init__(
        self,
        markets: MarketData,
        store: PaperStore,
        account: AccountId,
        *,
        now: Callable[[], datetime],
        salts: Callable[[], str],
        settlement: Settlement,
    ) -> None:
        self._markets = markets
        self._store = store
        self._account = account
        self._now = now
        self._salts = salts
        self._settlement = settlement

    @property
    def account(self) -> AccountId:
        """The paper account: another id than the wallet's."""
        return self._account

    async def sign(self, request: OrderRequest, market: Market) -> SignedOrder:
        """Write an order down; every call makes a new order with a new digest."""
        if market.condition_id != request.condition_id:
            raise VenueRefused(f"token {request.token_id} is traded on {market.condition_id}")
        if request.side is Side.BUY and request.notional is None and request.order_type.value in ("FAK", "FOK"):
            raise VenueRefused("a market purchase needs the dollars it may spend")
        if request.order_type is OrderType.GTD:
            raise VenueRefused("a paper order does not expire by itself: rest it as GTC and cancel it")
        return written(request, account=self._account, salt=self._salts())

    async def send(self, order: SignedOrder) -> SendOutcome:
        """Match an order with the live book; the same bytes are taken once only."""
        try:
            request = read(order.payload)
        except ValueError as error:
            return Rejected(digest=order.digest, code="rejected", message=str(error))
        async with self._store.turn(self._account) as turn:
            if await turn.order(order.digest) is not None:
                return Unknown(digest=order.digest, cause="the venue has this order already")
            began = time.monotonic()
            # inside the turn: claims are held against books in the order in which these were shown
            try:
                market, book = await asyncio.gather(
                    self._markets.market_of(request.token_id), self._markets.book(request.token_id)
                )
            except MarketUnknown as error:
                return Rejected(digest=order.digest, code="market_not_ready", message=str(error))
            except (VenueUnavailable, VenueRefused) as error:
                return Unknown(digest=order.digest, cause=str(error))
            latency = timedelta(seconds=time.monotonic() - began)
            return await self._place(turn, order.digest, request, market, book, latency)

    async def _place(
        self,
        turn: PaperTurn,
        digest: OrderDigest,
        request: OrderRequest,
        market: Market,
        book: OrderBook,
        latency: timedelta,
    ) -> SendOutcome:
        side = met_side(market, request.token_id, request.side)
        taken = await self._claims(turn, side, request.side, book)
        met = match(request, market=market, book=book, taken=taken, funds=await _funds(turn, request.token_id))
        if isinstance(met, Refusal):
            return Rejected(digest=digest, code=met.code.value, message=met.message)
        if met.takings and market.taker_delay > timedelta(0):
            return await self._hold_back(turn, digest, request, market, latency)
        state = PaperState.LIVE if met.rest > 0 else PaperState.DONE
        order = PaperOrder(
            digest=digest,
            request=request,
            state=state,
            rest=met.rest,
            latency=latency,
            placed_at=self._now(),
        )
        await turn.put_order(order)
        fills = await self._book(turn, order, side, taken, met.takings)
        return _accepted(digest, met, fills)

    async def _hold_back(
        self, turn: PaperTurn, digest: OrderDigest, request: OrderRequest, market: Market, latency: timedelta
    ) -> Accepted:
        """Keep an order that would take until the market's delay is over, as the venue does."""
        now = self._now()
        order = PaperOrder(
            digest=digest,
            request=request,
            state=PaperState.DELAYED,
            rest=request.shares,
            latency=latency,
            placed_at=now,
            due_at=now + market.taker_delay,
        )
        await turn.put_order(order)
        return replace(_accepted(digest, Match((), ZERO), []), delayed=True)

    async def _claims(
        self, turn: PaperTurn, side: BookSide, order_side: Side, book: OrderBook
    ) -> dict[Decimal, Decimal]:
        """Return what this book shows and we have taken, by this token's prices."""
        claims = {side.price(price): shares for price, shares in (await turn.taken(side)).items()}
        return still_taken(claims, book.asks if order_side is Side.BUY else book.bids)

    async def _book(
        self,
        turn: PaperTurn,
        order: PaperOrder,
        side: BookSide,
        taken: dict[Decimal, Decimal],
        takings: Sequence[Taking],
    ) -> list[Fill]:
        """Write what an order got: claims, fills, money and shares."""
        now, request = self._now(), order.request
        venue_now = (await self._markets.clock()).venue_time(now)
        number = len(await turn.fills(digest=order.digest))
        fills: list[Fill] = []
        for taking in takings:
            taken[taking.level_price] = taken.get(taking.level_price, ZERO) + taking.shares
            fill = Fill(
                trade_id=f"paper-{order.digest[2:18]}-{number + len(fills)}",
                order_digest=order.digest,
                token_id=request.token_id,
                side=request.side,
                shares=taking.shares,
                price=taking.price,
                fee=taking.fee,
                status=FillStatus.MATCHED,
                matched_at=venue_now,
                transaction_hash="",
            )
            fills.append(fill)
            sign = 1 if request.side is Side.BUY else -1
            await turn.move(
                dollars=-sign * taking.dollars - taking.fee,
                token_id=request.token_id,
                condition_id=request.condition_id,
                shares=sign * taking.shares,
            )
        await turn.put_taken(side, {side.price(price): shares for price, shares in taken.items()})
        await turn.add_fills(
            [PaperFill(fill=fill, wall_at=now, fails=self._settlement.fails(fill.trade_id)) for fill in fills]
        )
        return fills

    async def look_up(
        self, digest: OrderDigest, *, condition_id: ConditionId, may_rest: bool = True
    ) -> OrderLookup:
        """Return what is known of a digest, after resting orders met the book of now."""
        await self.meet_books()
        async with self._turn() as turn:
            order = await turn.order(digest)
            fills = tuple(self._settled(row) for row in await turn.fills(digest=digest))
        live = order is not None and order.state in WAITING
        return OrderLookup(digest=digest, found=order is not None, live=live, fills=fills)

    async def cancel(self, digest: OrderDigest) -> bool:
        """Cancel a resting order; False when it no longer rests, or is held back by the market's delay."""
        async with self._store.turn(self._account) as turn:
            order = await turn.order(digest)
            if order is None or order.state is not PaperState.LIVE:
                return False
            await turn.put_order(replace(order, state=PaperState.CANCELLED))
            return True

    async def beat(self) -> None:
        """Nothing of a paper account rests at the venue."""

    async def open_orders(self) -> list[OrderDigest]:
        """Return the digests of all orders that may still fill."""
        await self.meet_books()
        async with self._store.turn(self._account) as turn:
            return [order.digest for order in await turn.live_orders()]

    async def fills(self, *, since: datetime) -> list[Fill]:
        """Return fills matched since venue time `since`, oldest first."""
        async with self._turn() as turn:
            return [self._settled(row) for row in await turn.fills(since=since)]

    async def settling(self, *, wall_since: datetime) -> list[Fill]:
        """Return the fills of the last while, as far as they are settled by now."""
        async with self._turn() as turn:
            return [self._settled(row) for row in await turn.fills(wall_since=wall_since)]

    def _settled(self, row: PaperFill) -> Fill:
        return replace(row.fill, status=self._settlement.status(row, self._now()))

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[PaperTurn]:
        """Lock the account, with every settlement that failed by now taken back."""
        async with self._store.turn(self._account) as turn:
            await undo_failed(turn, self._settlement, self._now())
            yield turn

    async def cash(self) -> Decimal:
        """Return the dollars."""
        async with self._turn() as turn:
            return await turn.cash()

    async def shares(self, token_id: TokenId) -> Decimal:
        """Return the shares held of a token."""
        async with self._turn() as turn:
            return sum((row.shares for row in await turn.holdings() if row.token_id == token_id), ZERO)

    async def holdings(self) -> list[Holding]:
        """Return all shares; redeemable once their market paid out."""
        async with self._turn() as turn:
            rows = await turn.holdings()
        markets = await self._markets.markets(sorted({row.condition_id for row in rows}))
        paid = {market.condition_id for market in markets if market.payouts is not None}
        return [
            Holding(
                token_id=row.token_id,
                condition_id=row.condition_id,
                shares=row.shares,
                redeemable=row.condition_id in paid,
            )
            for row in rows
        ]

    async def redeem(self, condition_id: ConditionId) -> Decimal:
        """Exchange a resolved market's shares for their payout and return it; 0 when nothing was left."""
        found = await self._markets.markets([condition_id])
        if not found or found[0].payouts is None:
            raise VenueRefused(f"market {condition_id} is not resolved: nothing to redeem yet")
        total = ZERO
        async with self._store.turn(self._account) as turn:
            for row in await turn.holdings():
                payout = found[0].payout(row.token_id) if row.condition_id == condition_id else None
                if payout is None:
                    continue
                credited = floor_to(row.shares * payout, MICRO)
                await turn.move(
                    dollars=credited, token_id=row.token_id, condition_id=condition_id, shares=-row.shares
                )
                total += credited
        return total

    async def redeemed(self, condition_id: ConditionId) -> Decimal | None:
        """Return None: imagined money is paid as promised."""
        return None

    async def meet_books(self) -> None:
        """Let resting orders, and held back ones that are due, meet the books of now.

        An order whose market ended is cancelled.
        """
        async with self._store.turn(self._account) as turn:
            waiting = await turn.live_orders()
        for order in waiting:
            async with self._store.turn(self._account) as turn:
                current = await turn.order(order.digest)
                if current is not None and self._is_due(current):
                    await self._meet_one(turn, current)

    def _is_due(self, order: PaperOrder) -> bool:
        if order.state is PaperState.DELAYED:
            return order.due_at is not None and order.due_at <= self._now()
        return order.state is PaperState.LIVE

    async def _meet_one(self, turn: PaperTurn, order: PaperOrder) -> None:
        request = order.request
        try:
            market, book = await asyncio.gather(
                self._markets.market_of(request.token_id), self._markets.book(request.token_id)
            )
        except MarketUnknown:
            await turn.put_order(replace(order, state=PaperState.CANCELLED))
            return
        except (VenueUnavailable, VenueRefused):
            return
        side = met_side(market, request.token_id, request.side)
        taken = await self._claims(turn, side, request.side, book)
        if order.state is PaperState.DELAYED:
            await self._meet_late(turn, order, market, book, taken)
            return
        takings = match_resting(
            side=request.side, shares=order.rest, limit_price=request.limit_price, book=book, taken=taken
        )
        if takings:
            await turn.put_order(order.filled(sum((taking.shares for taking in takings), ZERO)))
            await self._book(turn, order, side, taken, takings)

    async def _meet_late(
        self, turn: PaperTurn, order: PaperOrder, market: Market, book: OrderBook, taken: dict[Decimal, Decimal]
    ) -> None:
        """Match an order whose delay is over as if it came now; what would be refused now ends without a fill."""
        request, ended = order.request, replace(order, state=PaperState.CANCELLED)
        await turn.put_order(ended)  # it holds nothing back from itself
        funds = await _funds(turn, request.token_id)
        met = match(request, market=market, book=book, taken=taken, funds=funds)
        if isinstance(met, Refusal):
            return
        state = PaperState.LIVE if met.rest > 0 else PaperState.DONE
        order = replace(order, state=state, rest=met.rest)
        await turn.put_order(order)
        await self._book(turn, order, met_side(market, request.token_id, request.side), taken, met.takings)


async def _funds(turn: PaperTurn, token_id: TokenId) -> Funds:
    dollars, shares = held_by_orders(await turn.live_orders(), token_id)
    held = sum((row.shares for row in await turn.holdings() if row.token_id == token_id), ZERO)
    return Funds(cash=await turn.cash() - dollars, shares=held - shares)


def _accepted(digest: OrderDigest, met: Match, fills: Sequence[Fill]) -> Accepted:
    return Accepted(
        digest=digest,
        live=met.rest > 0 and not fills,
        delayed=False,
        matched_shares=sum((taking.shares for taking in met.takings), ZERO),
        matched_notional=sum((taking.dollars for taking in met.takings), ZERO),
        trade_ids=tuple(fill.trade_id for fill in fills),
    )
