"""A purchase that cannot be copied is a skip with its reason, on the exchange's real protocols."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.testing import ActivityEnvironment

from activities.entry import EntryActivities
from activities.tools import Tools
from remora.domain.ids import ConditionId, TokenId, WalletAddress
from remora.domain.limits import Limits
from remora.domain.money import Side
from remora.domain.reasons import SkipReason
from remora.domain.trades import TradeSource
from remora.storage.decisions import count_by_reason
from remora.storage.desk import ensure_desk
from remora.storage.roster import Follow, publish_roster
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.venue import PolymarketVenue
from schemas.message import ClockMessage
from schemas.position import SignalMessage
from schemas.position_steps import EnterAsk, Entered
from tests.fixtures.twin import OTHER_KEY, OUR_KEY, RunningTwin, TwinMarket

WHALE = WalletAddress("0x" + "aa" * 20)
LIMITS = Limits(volume_24h_min_usd=Decimal(0), spread_max=Decimal(1))
D = Decimal


def now() -> datetime:
    """Return the wall clock."""
    return datetime.now(UTC)


@dataclass
class Floor:
    """The hot path's activity on a twin, with a desk and one followed whale."""

    venue: PolymarketVenue
    engine: AsyncEngine
    clock: ClockMessage

    async def enter(self, token: str, condition: str, *, cancelled: bool = False, **changes: Any) -> Entered:
        """Decide about a whale's purchase in a workflow run of its own, or again in the same."""
        wall = now()
        fields = {
            "key": "k1",
            "trade_keys": ("k1",),
            "whale": WHALE,
            "token_id": TokenId(token),
            "condition_id": ConditionId(condition),
            "side": Side.BUY,
            "price": D("0.50"),
            "size": D(1000),
            "happened_at": self.clock.clock().venue_time(wall),
            "seen_at": wall,
            "source": TradeSource.RTDS,
        }
        signal = SignalMessage(**{**fields, **changes})
        ask = EnterAsk(account=self.venue.account, clock=self.clock, signal=signal, cancelled=cancelled)
        tools = Tools(venue=self.venue, engine=self.engine, limits=LIMITS, wall=now)
        entered: Entered = await ActivityEnvironment().run(EntryActivities(tools).enter, ask)
        return entered

    async def reasons(self) -> dict[str, int]:
        """Count the decisions in the database by reason."""
        return await count_by_reason(self.engine, self.venue.account)


@pytest.fixture
async def floor(twin: RunningTwin, engine: AsyncEngine) -> AsyncIterator[Floor]:
    """Open a desk with the account's cash that follows `WHALE`."""
    endpoints = await Endpoints.from_twin(twin.urls["control_url"])
    venue = await PolymarketVenue.create(endpoints, private_key=OUR_KEY, random=Random(1))
    clock = await venue.clock()
    await ensure_desk(
        engine,
        venue.account,
        venue_mode="twin",
        cash=await venue.cash(),
        now=now(),
        now_venue=clock.venue_time(now()),
    )
    await publish_roster(
        engine,
        [Follow(whale=WHALE, edge=D("0.05"), unproven=False)],
        as_of=now(),
        published_at=now(),
        params={},
    )
    yield Floor(venue, engine, ClockMessage.of(clock))
    await venue.close()


async def _nothing_happened(twin: RunningTwin, floor: Floor, entered: Entered, reason: SkipReason) -> None:
    assert entered.skip_reason is reason, entered.detail
    assert entered.detail
    assert await floor.reasons() == {reason.value: 1}
    assert (await twin.books())["orders"] == []


async def test_an_unknown_token_is_skipped(twin: RunningTwin, floor: Floor) -> None:
    entered = await floor.enter("7" * 70, "0x" + "c1" * 32)

    await _nothing_happened(twin, floor, entered, SkipReason.UNKNOWN_TOKEN)


async def test_a_market_with_three_outcomes_is_skipped(twin: RunningTwin, floor: Floor) -> None:
    made = await twin.post("/categorical-markets", question="Who of three?", labels=["A", "B", "C"])

    entered = await floor.enter(made["tokens"][2], made["condition_id"])

    await _nothing_happened(twin, floor, entered, SkipReason.NOT_BINARY)


async def test_a_market_without_a_book_is_skipped(twin: RunningTwin, floor: Floor) -> None:
    bare = await twin.list_market("Does nobody quote?", depth_usd=0)
    assert (await floor.enter(bare.yes, bare.condition_id)).skip_reason is SkipReason.NO_BOOK
    async with await twin.secure_client(OTHER_KEY) as other:
        await other.place_limit_order(token_id=bare.yes, price="0.4", size="10", side="BUY")

    with_bids_only = await floor.enter(bare.yes, bare.condition_id, key="k2", trade_keys=("k2",))

    assert with_bids_only.skip_reason is SkipReason.NO_BOOK
    assert await floor.reasons() == {"no_book": 2}
    assert (await twin.books())["orders"] == []


async def test_odd_prices_sizes_and_times_are_skipped_each_for_its_own_reason(
    twin: RunningTwin, twin_market: TwinMarket, floor: Floor
) -> None:
    past, future = now() - timedelta(minutes=5), now() + timedelta(hours=1)
    odd: list[tuple[SkipReason, dict[str, Any]]] = [
        *((SkipReason.PRICE_OUT_OF_RANGE, {"price": D(price)}) for price in ("0", "1", "1.2", "-0.5", "1e9")),
        *((SkipReason.SIZE_OUT_OF_RANGE, {"size": D(size)}) for size in ("0", "-3", "1e14")),
        (SkipReason.STALE, {"happened_at": past, "seen_at": past}),
        (SkipReason.FUTURE_DATED, {"happened_at": future}),
    ]
    for number, (reason, changes) in enumerate(odd):
        name = f"k{number}"
        entered = await floor.enter(
            twin_market.yes, twin_market.condition_id, key=name, trade_keys=(name,), **changes
        )
        assert (entered.skip_reason, bool(entered.detail)) == (reason, True), changes

    assert await floor.reasons() == Counter(reason.value for reason, _ in odd)
    assert (await twin.books())["orders"] == []


async def test_a_market_that_takes_no_orders_is_skipped(
    twin: RunningTwin, twin_market: TwinMarket, floor: Floor
) -> None:
    await twin.post("/close", condition_id=twin_market.condition_id)

    entered = await floor.enter(twin_market.yes, twin_market.condition_id)

    await _nothing_happened(twin, floor, entered, SkipReason.MARKET_CLOSED)


async def test_a_whales_odd_price_and_size_still_make_an_order_that_the_venue_takes(
    twin: RunningTwin, twin_market: TwinMarket, floor: Floor
) -> None:
    entered = await floor.enter(twin_market.yes, twin_market.condition_id, price=D("0.493217"), size=D("0.000001"))
    again = await floor.enter(twin_market.yes, twin_market.condition_id, price=D("0.493217"))

    assert entered.skip_reason is None, entered.detail
    assert entered.holding.shares > 5
    (order,) = (await twin.books())["orders"]
    assert D(order["price"]) % D("0.01") == 0
    assert again.holding == entered.holding, "the same run finds what it wrote"


async def test_a_stake_below_the_venues_minimum_is_skipped(twin: RunningTwin, floor: Floor) -> None:
    dear = await twin.list_market("Is it dear?", price=0.5, min_order_size="100000")

    entered = await floor.enter(dear.yes, dear.condition_id)

    await _nothing_happened(twin, floor, entered, SkipReason.BELOW_MINIMUM)


async def test_a_purchase_of_the_other_outcome_is_a_sale_though_nobody_named_its_market(
    twin: RunningTwin, floor: Floor
) -> None:
    market = await twin.list_market("Does it turn round?", price=0.5, depth_usd=20_000)
    ours = await floor.enter(market.yes, market.condition_id)
    assert ours.skip_reason is None, ours.detail

    turned = await floor.enter(market.no, "0x" + "0" * 64, key="k2", trade_keys=("k2",))

    assert turned.skip_reason is SkipReason.OPPOSITE_HELD
    assert turned.opposite_sale is not None
    assert (turned.opposite_sale.token_id, turned.opposite_sale.condition_id) == (market.yes, market.condition_id)


@pytest.mark.parametrize("sent", [False, True])
async def test_an_order_of_an_attempt_that_died_is_given_up_or_followed_when_the_next_is_asked_to_stop(
    twin: RunningTwin, twin_market: TwinMarket, floor: Floor, monkeypatch: pytest.MonkeyPatch, *, sent: bool
) -> None:
    class Died(Exception):
        """The worker is gone."""

    async def die(*_: Any, **__: Any) -> None:
        raise Died

    with monkeypatch.context() as patched:
        patched.setattr("activities.entry.settle" if sent else "activities.entry.submit", die)
        with pytest.raises(Died):
            await floor.enter(twin_market.yes, twin_market.condition_id)

    entered = await floor.enter(twin_market.yes, twin_market.condition_id, cancelled=True)

    orders = (await twin.books())["orders"]
    async with floor.engine.connect() as connection:
        kept = await connection.scalar(text("SELECT count(*) FROM reservations WHERE released_at IS NULL"))
    assert (len(orders), entered.pending, kept) == ((1, True, 1) if sent else (0, False, 0))
    assert entered.position_id is not None
    assert entered.skip_reason is (None if sent else SkipReason.ORDER_REJECTED)
