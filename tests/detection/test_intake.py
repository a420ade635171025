"""From a delivered trade to a delivery or a refusal with a row, on a real PostgreSQL."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import cast

from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.detection.holdings import Held, Holdings
from remora.detection.intake import Intake
from remora.detection.lanes import Lanes
from remora.detection.outlet import Crossing, MarketChange, OrderChange, Unreachable
from remora.detection.pace import Pace
from remora.detection.recent_keys import RecentKeys
from remora.detection.skips import Skips
from remora.detection.venue_time import VenueTime
from remora.domain.clock import VenueClock
from remora.domain.ids import AccountId, ConditionId, TokenId, WalletAddress
from remora.domain.limits import Limits
from remora.domain.money import Side
from remora.domain.trades import Signal, TradeSource, WhaleTrade
from remora.storage.decisions import count_by_reason
from remora.storage.seen import consumed_keys, last_seen
from remora.telemetry.metrics import Metrics
from remora.venues.venue import MarketData

ACCOUNT = AccountId("0x" + "a" * 40)
WHALE = WalletAddress("0x" + "1" * 40)


def now() -> datetime:
    """Return the wall clock."""
    return datetime.now(UTC)


class LiveClock:
    """The part of a venue that tells the time."""

    async def clock(self) -> VenueClock:
        """Return a clock at live speed."""
        return VenueClock(
            wall_origin=datetime(2026, 1, 1, tzinfo=UTC), venue_origin=datetime(2026, 1, 1, tzinfo=UTC)
        )


class Heard:
    """An outlet that remembers; the first calls find nobody there."""

    def __init__(self, *, away: int = 0, sales_taken: bool = True) -> None:
        self.signals: list[Signal] = []
        self._away = away
        self._sales_taken = sales_taken

    async def whale_traded(self, signal: Signal, clock: VenueClock) -> bool:
        """Remember a signal."""
        if self._away > 0:
            self._away -= 1
            raise Unreachable("not yet")
        self.signals.append(signal)
        return signal.side is Side.BUY or self._sales_taken

    async def price_crossed(self, crossing: Crossing) -> None:
        """Not used here."""

    async def order_changed(self, change: OrderChange) -> None:
        """Not used here."""

    async def market_changed(self, change: MarketChange) -> None:
        """Not used here."""

    async def desk_should_look(self, cause: str, seen_at: datetime) -> None:
        """Not used here."""


def trade(number: int = 0, **changes: object) -> WhaleTrade:
    """Return a purchase that was just made."""
    made = WhaleTrade(
        key=f"k{number}",
        whale=WHALE,
        token_id=TokenId("7"),
        condition_id=ConditionId("0x" + "2" * 64),
        side=Side.BUY,
        price=Decimal("0.5"),
        size=Decimal(10),
        happened_at=now(),
        seen_at=now(),
        source=TradeSource.RTDS,
        transaction_hash="0x" + "3" * 64,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def held(token: str, whale: WalletAddress = WHALE) -> Held:
    """Return an open position in a token of the market of `trade`."""
    return Held(
        position_id=f"p{token}",
        workflow_id=f"w{token}",
        whale=whale,
        token_id=TokenId(token),
        condition_id=trade().condition_id,
    )


async def deliver(
    engine: AsyncEngine,
    heard: Heard,
    trades: list[WhaleTrade],
    holdings: Holdings | None = None,
    pace: Pace | None = None,
) -> dict[str, int]:
    """Feed trades to an intake; return the skips by reason once everything is delivered."""
    pace, metrics = pace or Pace(), Metrics(CollectorRegistry())
    time = VenueTime(cast("MarketData", LiveClock()), now)
    await time.refresh()
    lanes = Lanes(pace, metrics)
    skips = Skips(engine, ACCOUNT, lanes, metrics, now=now, venue_now=time.venue_now)
    intake = Intake(
        outlet=heard,
        skips=skips,
        lanes=lanes,
        recent=RecentKeys(100),
        time=time,
        limits=Limits(),
        pace=pace,
        metrics=metrics,
        holdings=holdings,
    )
    intake.followed = {WHALE}
    for one in trades:
        await intake.take(one)
        if not pace.window:
            await asyncio.sleep(0.01)  # a timer without a window needs a turn of the loop
    intake.flush()
    while lanes.waiting:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert await lanes.close(1) == 0
    return await count_by_reason(engine, ACCOUNT)


async def test_a_trade_delivered_fifty_times_is_one_signal(engine: AsyncEngine) -> None:
    heard = Heard()

    assert await deliver(engine, heard, [trade()] * 50) == {}
    assert [signal.size for signal in heard.signals] == [10]


async def test_an_unreachable_receiver_loses_nothing(engine: AsyncEngine) -> None:
    heard = Heard(away=3)
    await deliver(engine, heard, [trade(n, token_id=TokenId(str(n))) for n in range(5)])

    assert sorted(signal.key for signal in heard.signals) == [f"k{n}" for n in range(5)]


async def test_every_unusable_trade_leaves_a_row_with_its_reason(engine: AsyncEngine) -> None:
    heard = Heard(sales_taken=False)
    skipped = await deliver(
        engine,
        heard,
        [
            trade(1, price=Decimal("NaN")),
            trade(2, size=Decimal("1e40")),
            trade(3, price=Decimal("1.5")),
            trade(4, happened_at=now() + timedelta(hours=1)),
            trade(5, happened_at=now() - timedelta(minutes=5)),
            trade(6, side=Side.SELL, happened_at=now() - timedelta(minutes=5)),
            trade(7, whale=WalletAddress("0x" + "9" * 40)),
            trade(8, size=Decimal(0)),
            trade(9, price=Decimal(0)),
        ],
    )

    once = dict.fromkeys(["future_dated", "malformed", "not_held", "stale"], 1)
    assert skipped == {**once, "price_out_of_range": 2, "size_out_of_range": 2}
    assert [signal.side for signal in heard.signals] == [Side.SELL]
    assert await consumed_keys(engine, ACCOUNT, ["k1", "k5", "k7"]) == {"k1", "k5"}
    assert await last_seen(engine, ACCOUNT) is not None


async def test_the_order_of_delivery_decides_nothing(engine: AsyncEngine) -> None:
    earlier = [trade(n, size=Decimal(n + 1), happened_at=now() - timedelta(seconds=9 - n)) for n in range(8)]
    shuffled = [*earlier[5:], *earlier[:5], *reversed(earlier)]
    heard = Heard()

    assert await deliver(engine, heard, shuffled) == {}
    assert sum(signal.size for signal in heard.signals) == 36
    assert sorted(key for signal in heard.signals for key in signal.trade_keys) == [f"k{n}" for n in range(8)]


async def test_an_old_purchase_of_the_other_outcome_still_reaches_our_position_and_is_old_there(
    engine: AsyncEngine,
) -> None:
    heard, holdings, then = Heard(), Holdings(), now() - timedelta(minutes=5)
    holdings.replace([held("8"), held("9", whale=WalletAddress("0x" + "8" * 40))])

    skipped = await deliver(engine, heard, [trade(1, happened_at=then)], holdings)

    assert skipped == {}
    assert [(signal.key, signal.seen_at <= then + timedelta(seconds=1)) for signal in heard.signals] == [
        ("k1", True)
    ]

    holdings.replace([held("7"), held("9", whale=WalletAddress("0x" + "8" * 40))])
    assert await deliver(engine, Heard(), [trade(2, happened_at=then)], holdings) == {"stale": 1}


async def test_where_too_much_waits_purchases_are_refused_and_a_sale_goes_on(engine: AsyncEngine) -> None:
    holdings = Holdings()
    holdings.replace([held("7")])

    class Stuck(Heard):
        """Takes nothing before a sale came."""

        async def whale_traded(self, signal: Signal, clock: VenueClock) -> bool:
            """Remember a signal."""
            if signal.side is Side.BUY and not any(one.side is Side.SELL for one in self.signals):
                raise Unreachable("busy")
            return await super().whale_traded(signal, clock)

    heard = Stuck()
    elsewhere = ConditionId("0x" + "5" * 64)
    trades = [trade(n, token_id=TokenId(str(100 + n)), condition_id=elsewhere) for n in range(8)]
    sale = trade(9, side=Side.SELL)
    skipped = await deliver(engine, heard, [*trades, sale], holdings, Pace(waiting_max=3, window=0.0))

    assert skipped == {"stale": 8 - 3}
    assert [signal.key for signal in heard.signals if signal.side is Side.SELL] == ["k9"]


async def test_a_sale_waits_for_the_workflow_of_an_open_position(engine: AsyncEngine) -> None:
    holdings = Holdings()
    holdings.replace([held("7")])

    class Adopted(Heard):
        """Nobody runs the position until the third sale reaches it."""

        async def whale_traded(self, signal: Signal, clock: VenueClock) -> bool:
            """Remember a signal."""
            return await super().whale_traded(signal, clock) and len(self.signals) > 2

    heard = Adopted()

    assert await deliver(engine, heard, [trade(1, side=Side.SELL)], holdings) == {}
    assert [signal.key for signal in heard.signals] == ["k1"] * 3
