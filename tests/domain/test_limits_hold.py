"""No sequence of trades, fills, prices, days and orders makes the decision core exceed a limit."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from remora.domain.books import Level
from remora.domain.decide import Copy, DeskSnapshot, Exposure, decide
from remora.domain.desk import FULL_SCALE, DeskOrder, OrderRefused, Standing, daily_loss_breach, judge, obey, roll
from remora.domain.ids import ConditionId, EventId, TokenId, WalletAddress
from remora.domain.limits import Limits
from remora.domain.market import Outcome
from remora.domain.reasons import DeskMode

from .values import NOW, book, market, signal, whale

d = Decimal
LIMITS = Limits()
WHALES, MARKETS = 3, 6
START = Decimal(10000)


@dataclass
class Held:
    whale: int
    market: int
    shares: Decimal
    cost: Decimal


@dataclass
class World:
    """A desk that does what its limits say, in markets that do what they like."""

    cash: Decimal = START
    base: Decimal = START
    mark: Decimal = START
    mode: DeskMode = DeskMode.TRADING
    scale: Decimal = FULL_SCALE
    prices: list[Decimal] = field(default_factory=lambda: [d("0.50")] * MARKETS)
    held: list[Held] = field(default_factory=list)
    orders: list[int] = field(default_factory=list)
    seconds: int = 0

    @property
    def equity(self) -> Decimal:
        return self.cash + sum((h.shares * self.prices[h.market] for h in self.held), d(0))

    def standing(self) -> Standing:
        return Standing(equity=self.equity, day_start_equity=self.base, high_water_mark=self.mark)

    def look(self, *, new_day: bool = False) -> None:
        """Do what the desk does at every tick."""
        now = roll(self.standing(), new_day=new_day)
        self.base, self.mark = now.day_start_equity, now.high_water_mark
        judged = judge(self.mode, self.scale, now, LIMITS)
        self.mode, self.scale = judged.mode, judged.scale
        if judged.reduces:
            for held in self.held:
                self.sell(held, d("0.5"))

    def sell(self, held: Held, share: Decimal) -> None:
        sold = held.shares * share
        self.cash += sold * self.prices[held.market]
        held.shares -= sold
        held.cost -= held.cost * share

    def spent(self, **of: int) -> Decimal:
        chosen = [h for h in self.held if all(getattr(h, name) == value for name, value in of.items())]
        return sum((h.cost for h in chosen), d(0))

    def of_event(self, number: int) -> Decimal:
        return sum((h.cost for h in self.held if h.market // 2 == number // 2), d(0))

    def buy(self, who: int, what: int, edge: Decimal, filled: Decimal) -> None:
        """Let a whale buy; hold what follows against every limit."""
        price = self.prices[what]
        token = TokenId(f"{what}1")
        facts = replace(
            market(),
            condition_id=ConditionId(f"0x{what:064x}"),
            event_id=EventId(str(what // 2)),
            outcomes=(Outcome(token, "Yes"), Outcome(TokenId(f"{what}2"), "No")),
            fee_rate=d(0),
        )
        before = self.standing()
        minute = [at for at in self.orders if at > self.seconds - 60]
        desk = DeskSnapshot(
            mode=self.mode,
            scale=self.scale,
            equity=self.equity,
            cash=self.cash,
            day_start_equity=self.base,
            high_water_mark=self.mark,
            entry_orders_last_minute=len(minute),
        )
        decision = decide(
            replace(signal(), whale=WalletAddress(f"0x{who:040x}"), token_id=token, price=price),
            market=facts,
            book=replace(
                book(),
                token_id=token,
                bids=(Level(price - d("0.005"), d(100000)),),
                asks=(Level(price, d(100000)),),
            ),
            whale=whale(edge=edge),
            desk=desk,
            exposure=Exposure(
                position=self.spent(whale=who, market=what),
                market=self.spent(market=what),
                event=self.of_event(what),
                whale=self.spent(whale=who),
            ),
            limits=LIMITS,
            now_wall=NOW,
            now_venue=NOW + timedelta(seconds=0),
        )
        if not isinstance(decision, Copy):
            return
        self.orders.append(self.seconds)
        equity, cost = before.equity, decision.notional
        assert self.mode is DeskMode.TRADING
        assert daily_loss_breach(before, LIMITS) is None
        assert len(minute) < 10
        assert cost <= self.cash
        assert self.spent(whale=who, market=what) + cost <= min(d("0.05") * equity, d(1000)) * self.scale
        assert self.spent(market=what) + cost <= d("0.10") * equity
        assert self.of_event(what) + cost <= d("0.15") * equity
        assert self.spent(whale=who) + cost <= d("0.30") * equity
        paid = cost * filled
        self.cash -= paid
        self.held.append(Held(who, what, paid / decision.limit_price, paid))


moves = st.one_of(
    st.tuples(
        st.just("buy"),
        st.integers(0, WHALES - 1),
        st.integers(0, MARKETS - 1),
        st.sampled_from([d("0.02"), d("0.10"), d("0.40")]),
        st.sampled_from([d(0), d("0.5"), d(1)]),
    ),
    st.tuples(st.just("move"), st.integers(0, MARKETS - 1), st.integers(5, 90)),
    st.tuples(st.just("close"), st.integers(0, 50)),
    st.tuples(st.just("wait"), st.integers(1, 90)),
    st.tuples(st.just("day")),
    st.tuples(st.just("order"), st.sampled_from(list(DeskOrder)), st.booleans()),
)


def order(world: World, asked: DeskOrder, force: bool) -> None:
    after = obey(
        world.mode,
        asked,
        by="ann",
        reason="because",
        breach=daily_loss_breach(world.standing(), LIMITS),
        force=force,
    )
    if isinstance(after, OrderRefused):
        return
    if asked is DeskOrder.RESET and force:
        world.base = min(world.base, world.equity)
    if asked is DeskOrder.FLATTEN:
        for held in world.held:
            world.sell(held, d(1))
    world.mode = after


@settings(max_examples=150, deadline=None)
@given(st.lists(moves, max_size=60))
def test_no_sequence_of_events_exceeds_a_limit(sequence: list[tuple[Any, ...]]) -> None:
    world = World()
    for what, *rest in sequence:
        if what == "buy":
            world.buy(*rest)
        elif what == "move":
            number, cents = rest
            world.prices[number] = d(cents) / 100
        elif what == "close" and world.held:
            world.sell(world.held[rest[0] % len(world.held)], d(1))
        elif what == "wait":
            world.seconds += rest[0]
        elif what == "order":
            order(world, *rest)
        world.look(new_day=what == "day")

        now = world.standing()
        assert world.cash >= 0
        assert world.mode is DeskMode.HALTED or daily_loss_breach(now, LIMITS) is None
        assert world.scale < 1 or now.drawdown < d("0.20")
