"""A position's stack: Temporal, PostgreSQL, and a small venue in memory."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Replayer

from activities.tools import Patience, Tools
from remora.domain.books import Level, OrderBook
from remora.domain.clock import VenueClock
from remora.domain.ids import AccountId, ConditionId, EventId, OrderDigest, TokenId, WalletAddress
from remora.domain.limits import Limits
from remora.domain.market import Market, MarketClass, Outcome, ResolutionStatus
from remora.domain.money import ZERO, Side
from remora.domain.orders import (
    Accepted,
    Fill,
    FillStatus,
    OrderLookup,
    OrderRequest,
    Rejected,
    SendOutcome,
    SignedOrder,
    Unknown,
)
from remora.domain.trades import TradeSource, WhaleTrade
from remora.storage.desk import ensure_desk
from remora.storage.roster import Follow, publish_roster
from remora.venues.venue import VenueUnavailable
from schemas.message import ClockMessage
from schemas.position import PositionInput, PositionSnapshot, SignalMessage, position_workflow_id
from schemas.search_attributes import TRADING_QUEUE
from starters.client import DATA_CONVERTER
from starters.position import deliver_signal
from workers.trading import trading_worker
from workflows.desk import DeskWorkflow
from workflows.position import PositionWorkflow
from workflows.reconcile import ReconcileWorkflow

ACCOUNT = AccountId("0x" + "ee" * 20)
WHALE = WalletAddress("0x" + "aa" * 20)
TOKEN, OTHER = TokenId("71"), TokenId("72")
CONDITION = ConditionId("0x" + "c1" * 32)
d = Decimal


def now() -> datetime:
    """Return the wall clock."""
    return datetime.now(UTC)


@dataclass
class MemoryVenue:
    """An exchange with one market and a book that never runs dry unless told so.

    `signing` and `sending` are gates at which an order waits until a test opens them.
    """

    market: Market
    bid: Decimal | None = Decimal("0.49")
    ask: Decimal = Decimal("0.50")
    bid_size: Decimal = Decimal(5000)
    orders: dict[OrderDigest, OrderRequest] = field(default_factory=dict)
    sent: list[OrderDigest] = field(default_factory=list)
    fills_of: dict[OrderDigest, tuple[Fill, ...]] = field(default_factory=dict)
    lost: bool = False
    refuse: bool = False
    holding: Decimal | None = None
    down: bool = False
    ahead: timedelta = timedelta(0)
    began: datetime = field(default_factory=now)
    numbers: Any = field(default_factory=itertools.count)
    signing: asyncio.Event | None = None
    sending: asyncio.Event | None = None

    async def market_of(self, token_id: TokenId, *, fresh: bool = False) -> Market:
        return self.market

    async def prepare(self, token_id: TokenId, condition_id: ConditionId) -> None:
        pass

    async def clock(self) -> VenueClock:
        return VenueClock(wall_origin=self.began, venue_origin=self.began + self.ahead)

    async def markets(self, condition_ids: Sequence[ConditionId]) -> list[Market]:
        return [self.market]

    async def books(self, token_ids: Sequence[TokenId]) -> list[OrderBook]:
        if self.down:
            raise VenueUnavailable("the venue is down")
        return [await self.book(token) for token in token_ids]

    async def book(self, token_id: TokenId, *, max_age: timedelta = timedelta(0)) -> OrderBook:
        if self.down:
            raise VenueUnavailable("the venue is down")
        bids = () if self.bid is None else (Level(self.bid, self.bid_size),)
        return OrderBook(
            token_id=token_id, bids=bids, asks=(Level(self.ask, d(5000)),), as_of=now(), tick_size=d("0.01")
        )

    async def whale_holding(self, whale: WalletAddress, token_id: TokenId) -> Decimal | None:
        return self.holding

    async def whale_trades(self, whale: WalletAddress, *, since: datetime) -> list[WhaleTrade]:
        return []

    async def sign(self, request: OrderRequest, market: Market) -> SignedOrder:
        if self.signing is not None:
            await self.signing.wait()
        digest = OrderDigest(f"0x{next(self.numbers):064x}")
        self.orders[digest] = request
        return SignedOrder(digest=digest, payload="{}")

    async def send(self, order: SignedOrder) -> SendOutcome:
        self.sent.append(order.digest)
        if self.sending is not None:
            await self.sending.wait()
        if self.lost:
            return Unknown(digest=order.digest, cause="the reply was lost")
        if self.refuse:
            return Rejected(digest=order.digest, code="fak_not_filled", message="no orders found to match")
        if order.digest in self.fills_of:
            return Rejected(digest=order.digest, code="duplicated", message="Duplicated.")
        fill = self._fill(order.digest)
        self.fills_of[order.digest] = () if fill is None else (fill,)
        if fill is None:
            return Rejected(digest=order.digest, code="fak_not_filled", message="no orders found to match")
        return Accepted(
            digest=order.digest,
            live=False,
            delayed=False,
            matched_shares=fill.shares,
            matched_notional=fill.shares * fill.price,
            trade_ids=(fill.trade_id,),
        )

    def _fill(self, digest: OrderDigest) -> Fill | None:
        request = self.orders[digest]
        price = self.ask if request.side is Side.BUY else self.bid
        if price is None:
            return None
        shares = request.shares if request.notional is None else request.notional / price
        if request.side is Side.SELL:
            shares = min(shares, self.bid_size)
        return Fill(
            trade_id=f"t-{digest}",
            order_digest=digest,
            token_id=request.token_id,
            side=request.side,
            shares=shares,
            price=price,
            fee=ZERO,
            status=FillStatus.CONFIRMED,
            matched_at=now(),
            transaction_hash="0xabc",
        )

    async def look_up(
        self, digest: OrderDigest, *, condition_id: ConditionId, may_rest: bool = True
    ) -> OrderLookup:
        return OrderLookup(
            digest=digest, found=digest in self.fills_of, live=False, fills=self.fills_of.get(digest, ())
        )

    @property
    def account(self) -> AccountId:
        return ACCOUNT

    async def shares(self, token_id: TokenId) -> Decimal:
        return ZERO

    async def redeemed(self, condition_id: ConditionId) -> Decimal | None:
        return None

    async def redeem(self, condition_id: ConditionId) -> Decimal:
        return ZERO

    def resolve(self, payout: str) -> None:
        """Fix the payout of the held outcome."""
        self.market = replace(
            self.market,
            closed=True,
            accepting_orders=False,
            resolution=ResolutionStatus.RESOLVED,
            payouts=(d(payout), 1 - d(payout)),
        )


@dataclass
class Stack:
    """Everything a test needs."""

    client: Client
    engine: AsyncEngine
    venue: MemoryVenue

    def trade(self, key: str = "k1", **changes: Any) -> SignalMessage:
        values: dict[str, Any] = {
            "key": key,
            "trade_keys": (key,),
            "whale": WHALE,
            "token_id": TOKEN,
            "condition_id": CONDITION,
            "side": Side.BUY,
            "price": d("0.50"),
            "size": d(1000),
            "happened_at": now(),
            "seen_at": now(),
            "source": TradeSource.RTDS,
        }
        return SignalMessage(**(values | changes))

    async def deliver(self, signal: SignalMessage) -> str:
        clock = ClockMessage(wall_origin=now(), venue_origin=now())
        return await deliver_signal(
            self.client, PositionInput(account=ACCOUNT, mode="twin", clock=clock, first=signal)
        )

    async def take_over(self, position_id: str | None) -> None:
        """End the position's run and begin another one that adopts it, as reconciling does."""
        assert position_id is not None
        await self.handle().terminate("by mistake")
        clock = ClockMessage(wall_origin=now(), venue_origin=now())
        first = self.trade(f"adopt:{position_id}", trade_keys=())
        await self.client.start_workflow(
            PositionWorkflow.run,
            PositionInput(account=ACCOUNT, mode="twin", clock=clock, first=first, adopt_position_id=position_id),
            id=position_workflow_id(ACCOUNT, WHALE, TOKEN),
            task_queue=TRADING_QUEUE,
        )
        await self.reaches("open")

    def handle(self) -> WorkflowHandle[PositionWorkflow, Any]:
        return self.client.get_workflow_handle_for(
            PositionWorkflow.run, position_workflow_id(ACCOUNT, WHALE, TOKEN)
        )

    async def reaches(self, state: str) -> PositionSnapshot:
        for _ in range(200):
            view = await self.handle().query(PositionWorkflow.state)
            if view.state == state:
                return view
            await asyncio.sleep(0.05)
        raise AssertionError(f"expected {state}, was {view}")

    async def history_length(self) -> int:
        history = await self.handle().fetch_history()
        if target := os.environ.get("REMORA_WRITE_HISTORY"):
            Path(target).write_text(history.to_json())  # noqa: ASYNC240
        replayer = Replayer(workflows=[PositionWorkflow], data_converter=DATA_CONVERTER)
        await replayer.replay_workflow(history)
        return len(history.events)


@pytest.fixture
def venue() -> MemoryVenue:
    """Give a venue with a plain market."""
    return MemoryVenue(
        Market(
            condition_id=CONDITION,
            question="Will it rain?",
            slug="rain",
            event_id=EventId("e1"),
            event_slug="weather",
            category="weather",
            market_class=MarketClass.STANDARD,
            outcomes=(Outcome(TOKEN, "Yes"), Outcome(OTHER, "No")),
            tick_size=d("0.01"),
            min_order_size=d(5),
            neg_risk=False,
            fee_rate=ZERO,
            fee_exponent=1,
            volume_24h_usd=d(100000),
            end_at=now() + timedelta(days=10),
            accepting_orders=True,
            closed=False,
            resolution=ResolutionStatus.OPEN,
            payouts=None,
        )
    )


@pytest.fixture
def patience() -> Patience:
    """Give an impatient worker."""
    return Patience(
        look_pause=timedelta(milliseconds=20), looks=8, resend_after=2, sale_rounds=3, sale_pause=timedelta(0)
    )


@pytest.fixture
async def stack(
    temporal_client: Client, engine: AsyncEngine, venue: MemoryVenue, patience: Patience
) -> AsyncIterator[Stack]:
    """Run a worker with a desk of ten thousand dollars that follows one whale."""
    await ensure_desk(engine, ACCOUNT, venue_mode="twin", cash=d(10000), now=now(), now_venue=now())
    await publish_roster(
        engine,
        [Follow(whale=WHALE, edge=d("0.05"), unproven=False)],
        as_of=now(),
        published_at=now(),
        params={},
    )
    tools = Tools(venue=venue, engine=engine, limits=Limits(), wall=now, patience=patience)  # type: ignore[arg-type]
    async with trading_worker(temporal_client, tools):
        yield Stack(temporal_client, engine, venue)
    replayer = Replayer(
        workflows=[PositionWorkflow, DeskWorkflow, ReconcileWorkflow], data_converter=DATA_CONVERTER
    )
    await replayer.replay_workflows(temporal_client.list_workflows().map_histories())
