"""Whatever is done to the exchange, nothing is created, destroyed, overdrawn or told wrongly."""

import dataclasses
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from remora.domain.ids import OrderDigest
from remora.domain.money import Side
from remora.domain.orders import OrderType
from remora.venues.twin.engine import events
from remora.venues.twin.engine.records import HOUSE, UNIT, Placed, RestingOrder
from tests.venues.twin.engine.market_values import CONDITION, NO, NOW, YES, funded, order, place, spec

OWNERS = ("0xa", "0xb", "0xc")
STEP = Decimal("0.005")
PRICES = (st.integers(98, 102) | st.integers(98, 102) | st.integers(1, 199)).map(lambda steps: steps * STEP)
SHARES = (st.integers(500, 700) | st.integers(500, 6_000)).map(lambda hundredths: Decimal(hundredths) / 100)
DEPTH = st.dictionaries(st.integers(1, 5), SHARES, max_size=3)


class Trading(RuleBasedStateMachine):
    """Three accounts with little money, synthetic depth that moves, every kind of order."""

    def __init__(self) -> None:
        super().__init__()
        self.exchange = funded(*OWNERS, cash="60", listed=spec(tick="0.005", fee_rate="0.07"))
        for number, (first, second) in enumerate((OWNERS[:2], OWNERS[1:], (OWNERS[2], OWNERS[0]))):
            for token, owner in ((YES, first), (NO, second)):
                new = order(10_000 * (number + 1) + int(token), Side.BUY, "0.5", "15", owner=owner, token=token)
                assert isinstance(place(self.exchange, new), Placed)
        self.told: dict[tuple[bool, int], int] = {}
        self.number = 0
        self.resolved = False
        self.exchange.listeners.append(self._hear)

    def _hear(self, event: events.Event) -> None:
        if isinstance(event, events.LevelsChanged):
            self.told.update(event.levels)

    @precondition(lambda self: not self.resolved)
    @rule(
        side=st.sampled_from(Side),
        price=PRICES,
        shares=SHARES,
        owner=st.sampled_from(OWNERS),
        token=st.sampled_from((YES, NO)),
        kind=st.sampled_from((OrderType.GTC, OrderType.GTC, OrderType.FAK, OrderType.FOK)),
        post_only=st.booleans(),
        dollars=st.integers(250, 4_000),
    )
    def place(
        self,
        side: Side,
        price: Decimal,
        shares: Decimal,
        owner: str,
        token: str,
        kind: OrderType,
        post_only: bool,
        dollars: int,  # cents
    ) -> None:
        """An order of any kind; market purchases spend whole cents."""
        self.number += 1
        if kind is not OrderType.GTC:
            post_only = False
        new = order(
            self.number,
            side,
            str(price),
            str(shares),
            owner=owner,
            token=YES if token == YES else NO,
            kind=kind,
            post_only=post_only,
        )
        if side is Side.BUY and kind is not OrderType.GTC:
            bought = int(dollars / price * 1_000) * 10
            new = dataclasses.replace(new, maker_amount=dollars * 10_000, taker_amount=bought)
        better = self._better_makers(new.token_id, side, price)
        fee_before, cash_before = self.exchange.account(owner).fees, self.exchange.account(owner).cash

        answer = place(self.exchange, new)

        if isinstance(answer, Placed):
            self._check_fill(new.digest, answer, better)
            if side is Side.BUY and not self._met_itself(answer):
                spent = cash_before - self.exchange.account(owner).cash
                paid = self.exchange.account(owner).fees - fee_before
                assert spent == answer.making + paid
                assert answer.making <= new.maker_amount + len(answer.trade_ids) * len(better)

    def _met_itself(self, answer: Placed) -> bool:
        taker = self.exchange.orders[answer.digest].owner
        fills = [fill for name in answer.trade_ids for fill in self.exchange.trades[name].makers]
        return any(fill.owner == taker for fill in fills)

    def _better_makers(self, token: str, side: Side, price: Decimal) -> list[RestingOrder]:
        outcome = 0 if token == YES else 1
        units = int(price * UNIT)
        limit = units if outcome == 0 else UNIT - units
        facing_side = side if outcome == 0 else side.opposite
        return list(self.exchange._books[CONDITION].facing(facing_side, limit))

    def _check_fill(self, digest: OrderDigest, answer: Placed, queue: list[RestingOrder]) -> None:
        """Makers fill strictly from the front of the queue, never at worse than the limit."""
        taker = self.exchange.orders[digest]
        fills = [fill for name in answer.trade_ids for fill in self.exchange.trades[name].makers]
        first = [maker.digest for maker in sorted(queue, key=lambda maker: self._priority(taker, maker))]
        assert [fill.digest for fill in fills] == first[: len(fills)]
        for maker in queue[: max(0, len(fills) - 1)]:
            assert maker.remaining == 0, "a maker was passed over"
        for name in answer.trade_ids:
            trade = self.exchange.trades[name]
            assert (trade.price <= taker.price) if taker.side is Side.BUY else (trade.price >= taker.price)
            assert trade.shares == sum(fill.shares for fill in trade.makers)

    def _priority(self, taker: RestingOrder, maker: RestingOrder) -> tuple[int, int]:
        price = maker.price if maker.token_id == taker.token_id else UNIT - maker.price
        return (price if taker.side is Side.BUY else -price, maker.sequence)

    @precondition(lambda self: not self.resolved)
    @rule(middle=st.integers(98, 102), bids=DEPTH, asks=DEPTH)
    def requote(self, middle: int, bids: dict[int, Decimal], asks: dict[int, Decimal]) -> None:
        """The synthetic depth moves."""
        self.exchange.set_ladder(
            CONDITION,
            bids=[((middle - away) * STEP, size) for away, size in bids.items()],
            asks=[((middle + away) * STEP, size) for away, size in asks.items()],
            now=NOW,
            wall=NOW,
        )

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """One account cancels one of its orders."""
        resting = [found for owner in OWNERS for found in self.exchange.open_orders(owner)]
        if resting:
            chosen = data.draw(st.sampled_from(resting))
            assert self.exchange.cancel(chosen.digest, NOW)
            assert not self.exchange.cancel(chosen.digest, NOW)

    @precondition(lambda self: not self.resolved and self.number > 10)
    @rule(payouts=st.sampled_from([("1", "0"), ("0", "1"), ("0.5", "0.5")]))
    def resolve(self, payouts: tuple[str, str]) -> None:
        """The market resolves and everybody redeems."""
        self.exchange.resolve(CONDITION, (Decimal(payouts[0]), Decimal(payouts[1])), NOW)
        self.resolved = True
        for owner in OWNERS:
            self.exchange.redeem(owner, CONDITION, NOW)
            assert self.exchange.open_orders(owner) == []
        assert 0 <= self.exchange.listings[CONDITION].pool <= 2 * len(OWNERS), "more than rounding was left behind"

    @invariant()
    def money_and_shares_are_conserved(self) -> None:
        self.exchange.assert_conserved()

    @invariant()
    def nobody_owes_more_than_it_has(self) -> None:
        for owner in OWNERS:
            assert self.exchange.free_cash(owner) >= 0
            assert self.exchange.free_shares(owner, YES) >= 0
            assert self.exchange.free_shares(owner, NO) >= 0

    @invariant()
    def no_order_fills_beyond_its_size(self) -> None:
        for found in self.exchange.orders.values():
            if found.dollars_left is None:
                assert found.matched + found.remaining <= found.size or found.order_type is not OrderType.GTC
                assert found.matched <= found.size
            else:
                assert found.dollars_left >= 0

    @invariant()
    def the_book_is_mirrored_and_never_crossed(self) -> None:
        bid, ask = self.exchange.best(YES, Side.BUY), self.exchange.best(YES, Side.SELL)
        assert bid is None or ask is None or bid < ask
        for side in Side:
            mirrored = [(UNIT - price, size) for price, size in self.exchange.levels(YES, side)]
            assert mirrored == self.exchange.levels(NO, side.opposite)

    @invariant()
    def listeners_know_the_book(self) -> None:
        shown = {key: size for key, size in self.told.items() if size}
        true = {
            (side is Side.BUY, price): size for side in Side for price, size in self.exchange.levels(YES, side)
        }
        assert shown == true

    @invariant()
    def fills_account_for_every_balance(self) -> None:
        if self.resolved:
            return
        for owner in OWNERS:
            cash, shares = 60 * UNIT, {YES: 0, NO: 0}
            for trade in self.exchange.trades_of(owner):
                parts = [(m.side, m.token_id, m.shares, m.notional, 0) for m in trade.makers if m.owner == owner]
                if trade.taker.owner == owner:
                    parts.append((trade.taker.side, trade.taker.token_id, trade.shares, trade.notional, trade.fee))
                for side, token, size, dollars, fee in parts:
                    sign = 1 if side is Side.BUY else -1
                    cash -= sign * dollars + fee
                    shares[token] += sign * size
            account = self.exchange.account(owner)
            assert account.cash == cash
            assert {token: size for token, size in shares.items() if size} == account.shares
        assert all(trade.taker.owner != HOUSE or trade.fee == 0 for trade in self.exchange.trades.values())


TestTrading = Trading.TestCase
TestTrading.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
