"""No sequence of entries, fills, failures, prices, days and orders makes the real transactions exceed a limit."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import chain, count
from typing import Any

from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.domain.desk import DeskOrder, Standing, daily_loss_breach
from remora.domain.ids import AccountId, EventId, OrderDigest
from remora.domain.limits import Limits
from remora.domain.money import ZERO, Side
from remora.domain.orders import Fill, FillStatus, OrderRequest, OrderState, SignedOrder
from remora.domain.reasons import DeskMode, ExitReason, PositionState
from remora.domain.trades import Signal, TradeSource
from remora.storage import desk, desk_orders, fills, orders, positions
from remora.storage.books import our_books
from remora.storage.case import Case, DecisionRecord
from remora.storage.risk import decide_and_record
from remora.storage.roster import Follow, publish_roster

from .test_risk import book, market, whale

d = Decimal
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
LIMITS = Limits(roster_age_max=timedelta(days=1000))
WHALES, MARKETS, PRICE, START = 3, 10, Decimal("0.50"), Decimal(10000)
DUST = Decimal("0.001")
"""Millionths are lost where a cost is spread over shares."""

accounts = (AccountId(f"0x{number:040x}") for number in count(1))


@dataclass
class Bought:
    """An entry as the test knows it: dollars at most before it is settled, shares and their cost after."""

    record: DecisionRecord
    whale: int
    market: int
    open_dollars: Decimal
    shares: Decimal = ZERO
    cost: Decimal = ZERO
    fill: Fill | None = None

    @property
    def committed(self) -> Decimal:
        return self.open_dollars + self.cost


@dataclass
class World:
    """The desk's rows in the database, and beside them what the test itself knows of every dollar."""

    engine: AsyncEngine
    account: AccountId
    now: datetime = NOON
    cash: Decimal = START
    bought: list[Bought] = field(default_factory=list)
    marks: dict[int, Decimal] = field(default_factory=dict)
    entered: list[datetime] = field(default_factory=list)
    numbers: Any = field(default_factory=count)

    def committed(self, **of: int) -> Decimal:
        """Return the dollars committed to a whale, a market, both, or (by `event`) to two markets."""
        event = of.pop("event", None)
        chosen = [one for one in self.bought if all(getattr(one, name) == value for name, value in of.items())]
        return sum((b.committed for b in chosen if event is None or b.market // 2 == event), d(0))

    @property
    def equity(self) -> Decimal:
        return self.cash + sum((one.shares * self.marks.get(one.market, PRICE) for one in self.bought), d(0))

    def open_position(self, who: int, what: int) -> str | None:
        mine = [one for one in self.bought if (one.whale, one.market) == (who, what) and one.committed > 0]
        return mine[0].record.position_id if mine else None

    async def standing(self) -> tuple[desk.DeskRow, Standing]:
        row = await desk.load_desk(self.engine, self.account)
        # the first to look on a new day makes its equity the base
        base = row.day_start_equity if row.day == self.now.date() else self.equity
        mark = max(row.high_water_mark, self.equity)
        return row, Standing(equity=self.equity, day_start_equity=base, high_water_mark=mark)

    async def ask(self, who: int, what: int) -> DecisionRecord:
        number = next(self.numbers)
        facts = replace(market(what), event_id=EventId(str(what // 2)), end_at=self.now + timedelta(days=10))
        token = facts.outcomes[0].token_id
        signal = Signal(
            key=f"t{number}",
            trade_keys=(f"t{number}",),
            whale=whale(who),
            token_id=token,
            condition_id=facts.condition_id,
            side=Side.BUY,
            price=PRICE,
            size=d(1000),
            happened_at=self.now,
            seen_at=self.now,
            source=TradeSource.RTDS,
        )
        case = Case(
            account=self.account,
            workflow_id=f"position/{self.account}/{whale(who)}/{token}",
            run_id=f"run-{number}",
            signal=signal,
            now_wall=self.now,
            now_venue=self.now,
            decision_id=f"d-{self.account}-{number}",
            position_id=self.open_position(who, what),
        )
        return await decide_and_record(self.engine, case, market=facts, book=book(token), limits=LIMITS)

    async def buy(self, pairs: list[tuple[int, int]]) -> None:
        """Let whales buy at the same instant; hold what was approved against every limit."""
        row, before = await self.standing()
        records = await asyncio.gather(*(self.ask(*pair) for pair in pairs))
        copied = [(r, *pair) for r, pair in zip(records, pairs, strict=True) if r.outcome == "copy"]
        for record, who, what in copied:
            self.bought.append(Bought(record, who, what, d(record.terms["notional"])))
            self.entered.append(self.now)
            if who % 2:
                # on the wire before anybody stops the desk; the others are signed later, or never
                assert await self.sign(str(record.order_id))
        if copied:
            self.hold_limits(row, before, copied)

    def hold_limits(
        self, row: desk.DeskRow, before: Standing, copied: list[tuple[DecisionRecord, int, int]]
    ) -> None:
        equity = before.equity + DUST
        scale = d("0.5") if row.scale < 1 or before.drawdown >= d("0.20") else d(1)
        assert row.mode is DeskMode.TRADING
        assert daily_loss_breach(before, LIMITS) is None
        assert sum(at > self.now - timedelta(minutes=1) for at in self.entered) <= 10
        assert sum((one.open_dollars for one in self.bought), d(0)) <= self.cash
        for _, who, what in copied:
            assert self.committed(whale=who, market=what) <= min(d("0.05") * equity, d(1000)) * scale
            assert self.committed(market=what) <= d("0.10") * equity
            assert self.committed(event=what // 2) <= d("0.15") * equity
            assert self.committed(whale=who) <= d("0.30") * equity

    async def settle(self, number: int, part: Decimal) -> None:
        """Let a part of an entry fill and nothing more of it."""
        waiting = [one for one in self.bought if one.open_dollars > 0]
        if not waiting:
            return
        one = waiting[number % len(waiting)]
        order = str(one.record.order_id)
        stopped = (await desk.load_desk(self.engine, self.account)).mode is not DeskMode.TRADING
        signed = await self.sign(order)
        assert signed is (not stopped or one.whale % 2 == 1)
        if not signed:
            await orders.set_order_state(self.engine, order, OrderState.REJECTED, now=self.now)
            one.open_dollars = ZERO
            return
        shares = (one.open_dollars * part / PRICE).quantize(d("0.01"), rounding="ROUND_DOWN")
        if shares:
            one.fill = await self.filled(order, one.market, Side.BUY, shares, PRICE)
            one.shares, one.cost = shares, shares * PRICE
            self.cash -= one.cost
            if one.market in self.marks:
                # as the next tick does
                await positions.set_marks(self.engine, {str(one.record.position_id): self.marks[one.market]})
        await self.end_order(order)
        one.open_dollars = d(0)

    async def sign(self, order: str) -> bool:
        """Persist an order's bytes as if sending them; False if the desk has stopped it."""
        signed = SignedOrder(digest=OrderDigest(f"0x{order}"), payload="{}")
        return await orders.attach_signed(self.engine, order, signed, now=self.now) == signed

    async def filled(self, order: str, what: int, side: Side, shares: Decimal, price: Decimal) -> Fill:
        fill = Fill(
            trade_id=f"trade-{order}",
            order_digest=OrderDigest(f"0x{order}"),
            token_id=market(what).outcomes[0].token_id,
            side=side,
            shares=shares,
            price=price,
            fee=d(0),
            status=FillStatus.MATCHED,
            matched_at=self.now,
            transaction_hash="",
        )
        await fills.record_fills(self.engine, order, [fill], now=self.now)
        return fill

    async def end_order(self, order: str) -> None:
        await orders.set_order_state(self.engine, order, OrderState.DONE, now=self.now)

    async def undo(self, number: int) -> None:
        """Let a settlement fail: shares and dollars go back."""
        held = [one for one in self.bought if one.fill is not None and one.shares == one.fill.shares]
        if held:
            one = held[number % len(held)]
            assert one.fill is not None
            failed = replace(one.fill, status=FillStatus.FAILED)
            await fills.record_fills(self.engine, str(one.record.order_id), [failed], now=self.now)
            self.cash += one.cost
            one.shares = one.cost = d(0)
            one.fill = None

    async def sell(self, number: int) -> None:
        """Sell all of a position at its mark."""
        held = [one for one in self.bought if one.shares > 0]
        if not held:
            return
        one = held[number % len(held)]
        position, price = str(one.record.position_id), self.marks.get(one.market, PRICE)
        parts = [other for other in self.bought if other.record.position_id == position]
        if any(part.open_dollars for part in parts):
            return
        name, facts = f"x-{self.account}-{next(self.numbers)}", market(one.market)
        request = OrderRequest(
            token_id=facts.outcomes[0].token_id,
            condition_id=facts.condition_id,
            side=Side.SELL,
            shares=sum((part.shares for part in parts), d(0)),
            limit_price=price,
        )
        reason = ExitReason.OPERATOR
        row = await orders.create_exit_intent(
            self.engine, position, request, order_id=name, reason=reason, now=self.now, now_venue=self.now
        )
        assert row is not None
        assert await self.sign(name)
        await self.filled(name, one.market, Side.SELL, row.request.shares, price)
        await self.end_order(name)
        end = PositionState.CLOSED
        await positions.finish_position(
            self.engine, position, end, exit_reason=reason, now=self.now, now_venue=self.now
        )
        self.cash += row.request.shares * price
        for part in parts:
            part.shares = part.cost = d(0)
            part.fill = None

    async def move(self, what: int, cents: int) -> None:
        self.marks[what] = d(cents) / 100
        held = {str(one.record.position_id) for one in self.bought if one.market == what}
        await positions.set_marks(self.engine, dict.fromkeys(held, self.marks[what]))

    async def order(self, wanted: DeskOrder, force: bool, reason: str) -> None:
        ask = desk_orders.Ask(
            account=self.account,
            key=f"k{next(self.numbers)}",
            order=wanted,
            by="ann",
            reason=reason,
            force=force,
        )
        before, standing = await self.standing()
        breach = daily_loss_breach(standing, LIMITS)
        done = await desk_orders.carry_out(self.engine, ask, limits=LIMITS, now=self.now, now_venue=self.now)
        again = await desk_orders.carry_out(self.engine, ask, limits=LIMITS, now=self.now, now_venue=self.now)
        assert again.row == done.row
        if before.mode is DeskMode.HALTED and done.row.mode is not DeskMode.HALTED:
            assert wanted is DeskOrder.RESET
            assert reason
            assert force or breach is None

    async def look(self) -> None:
        """Judge as the desk does each minute, and hold both dials and the audit trail against what is known."""
        await desk_orders.assess(self.engine, self.account, limits=LIMITS, now=self.now, now_venue=self.now)
        row, now = await self.standing()
        trail = await desk.audit_trail(self.engine, self.account)
        turns = [one for one in trail if not one["action"].endswith("_refused")]
        modes = [(one["before"]["mode"], one["after"]["mode"]) for one in turns if "mode" in one["after"]]
        assert row.mode is DeskMode.HALTED or daily_loss_breach(now, LIMITS) is None
        assert row.scale < 1 or now.drawdown < d("0.20")
        assert row.scale == 1 or now.drawdown > d("0.10") - DUST
        assert row.revision == len(turns)
        assert all(one["by"] and one["at"] for one in trail)
        assert [after for _, after in modes] == [*(was for was, _ in modes[1:]), row.mode.value][: len(modes)]
        assert abs((await our_books(self.engine, self.account)).cash - self.cash) < DUST
        assert abs(row.cash - self.cash) < DUST


Move = tuple[Any, ...]
pairs = st.tuples(st.integers(0, WHALES - 1), st.integers(0, MARKETS - 1))
orders_given = st.tuples(
    st.just("order"), st.sampled_from(list(DeskOrder)), st.booleans(), st.sampled_from(["", "because"])
)
moves = st.one_of(
    st.tuples(st.just("buy"), st.lists(pairs, min_size=1, max_size=4)),
    st.tuples(st.just("settle"), st.integers(0, 20), st.sampled_from([d(0), d("0.5"), d(1), d(1)])),
    st.tuples(st.just("undo"), st.integers(0, 20)),
    st.tuples(st.just("sell"), st.integers(0, 20)),
    st.tuples(st.just("move"), st.integers(0, MARKETS - 1), st.integers(2, 98)),
    st.tuples(st.just("wait"), st.sampled_from([1, 20, 61, 86_400])),
    st.tuples(st.just("look")),
    orders_given,
)


def spree(who: int, filled: bool) -> list[Move]:
    """A whale buys everywhere at once."""
    settled: list[Move] = [("settle", 0, d(1))] * MARKETS if filled else []
    return [("buy", [(who, what) for what in range(MARKETS)]), *settled]


def crash(cents: int, order: Move) -> list[Move]:
    """Every market moves, the desk looks, and somebody turns a dial."""
    return [*(("move", what, cents) for what in range(MARKETS)), ("look",), order, ("look",)]


phrases = st.one_of(
    st.lists(moves, min_size=1, max_size=8),
    st.builds(spree, st.integers(0, WHALES - 1), st.booleans()),
    st.builds(crash, st.integers(2, 98), orders_given),
)


@settings(
    max_examples=20,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # a smaller example is not worth minutes of a database
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(phrases, min_size=2, max_size=10))
@example([spree(0, True), crash(30, ("order", DeskOrder.RESET, False, "because"))])
async def test_no_sequence_of_events_exceeds_a_limit(engine: AsyncEngine, sequence: list[list[Move]]) -> None:
    world = World(engine, next(accounts))
    await desk.ensure_desk(
        engine, world.account, venue_mode="twin", cash=world.cash, now=world.now, now_venue=world.now
    )
    follows = [Follow(whale=whale(number), edge=d("0.30"), unproven=False) for number in range(WHALES)]
    await publish_roster(engine, follows, as_of=NOON, published_at=NOON, params={})
    for what, *rest in chain.from_iterable(sequence):
        if what == "wait":
            world.now += timedelta(seconds=rest[0])
        else:
            await getattr(world, what)(*rest)
    await world.look()
