"""Whales' trades from the chain of a served twin, over web3's own websocket."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Self

import pytest
from web3.eth import AsyncEth
from web3.exceptions import TimeExhausted, Web3RPCError

from remora.domain.clock import VenueClock
from remora.domain.ids import ConditionId, TokenId, WalletAddress
from remora.domain.money import Side
from remora.domain.trades import TradeKind, TradeSource, WhaleTrade
from remora.venues.polymarket import chain_feed, sdk
from remora.venues.polymarket.chain_feed import NO_CONDITION, OVERLAP_BLOCKS, ChainWhaleFeed
from remora.venues.polymarket.chain_session import ChainSession
from remora.venues.twin.assembly import TwinOptions
from remora.venues.venue import FeedGap, MarketUnknown, TradeRetracted
from tests.fixtures.twin import RunningTwin, TwinMarket, served

WHALE, OTHER = WalletAddress("0x" + "ab" * 20), WalletAddress("0x" + "cd" * 20)
BY_HAND = TwinOptions(
    data_lag=timedelta(0),
    mined_after=timedelta(0),
    confirmed_after=timedelta(0),
    block_time=timedelta(hours=1),
)


def now() -> datetime:
    """Return the wall clock."""
    return datetime.now(UTC)


@pytest.fixture
async def twin(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RunningTwin]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with served(options=BY_HAND) as running:
        yield running


@pytest.fixture
async def market(twin: RunningTwin) -> TwinMarket:
    return await twin.list_market("Will a log tell?", price=0.5)


class Reader:
    """Reads a feed in a task and keeps what it says."""

    def __init__(self, twin: RunningTwin, market: TwinMarket, *, urls: list[str] | None = None) -> None:
        async def condition_of(token: TokenId) -> ConditionId:
            if token not in (market.yes, market.no):
                raise MarketUnknown(token)
            return ConditionId(market.condition_id)

        async def clock() -> VenueClock:
            return VenueClock(wall_origin=now(), venue_origin=now())

        self.feed = ChainWhaleFeed(
            urls or [twin.urls["rpc_ws_url"]],
            sdk.contracts(),
            condition_of=condition_of,
            clock=clock,
            now=now,
            random=Random(1),
            retract_after=timedelta(seconds=0.3),
        )
        self.items: asyncio.Queue[Any] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        await self.feed.follow([WHALE])
        self._task = asyncio.create_task(self._read())
        async with asyncio.timeout(20):
            while self.feed.last_message_at is None:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _read(self) -> None:
        async for item in self.feed:
            self.items.put_nowait(item)

    async def next(self) -> Any:
        """Return the next item."""
        return await asyncio.wait_for(self.items.get(), 20)


async def _trade(twin: RunningTwin, token: str, **facts: Any) -> str:
    body = {"wallet": WHALE, "token_id": token, "side": "BUY", "price": 0.5, "size": 100} | facts
    return str((await twin.post("/trades", **body))["transaction_hash"])


async def test_a_purchase_and_a_makers_sale_arrive_with_the_time_of_their_block(
    twin: RunningTwin, market: TwinMarket
) -> None:
    async with Reader(twin, market) as reader:
        await _trade(twin, market.yes, wallet=OTHER)
        bought = await _trade(twin, market.yes, price=0.51, size=123.45)
        sold = await _trade(twin, market.no, side="SELL", maker=True, price=0.49)
        await twin.post("/chain/mine")
        block = await twin.get("/chain")

        first, second = await reader.next(), await reader.next()

    assert (first.transaction_hash, first.side, first.token_id) == (bought, Side.BUY, market.yes)
    assert (second.transaction_hash, second.side, second.token_id) == (sold, Side.SELL, market.no)
    assert (first.size, first.price) == (Decimal("123.45"), Decimal("0.51"))
    assert first.source is TradeSource.CHAIN
    assert first.condition_id == market.condition_id
    assert int(first.happened_at.timestamp()) == block["timestamp"]


async def test_wallets_can_be_changed_while_it_runs(twin: RunningTwin, market: TwinMarket) -> None:
    async with Reader(twin, market) as reader:
        await reader.feed.follow([OTHER])
        trade = None
        while trade is None:
            await _trade(twin, market.yes)
            await _trade(twin, market.yes, wallet=OTHER)
            await twin.post("/chain/mine")
            while trade is None and not reader.items.empty():
                found = reader.items.get_nowait()
                trade = found if found.whale == OTHER else None

    assert isinstance(trade, WhaleTrade)


async def test_a_broken_connection_loses_nothing(twin: RunningTwin, market: TwinMarket) -> None:
    async with Reader(twin, market) as reader:
        before = await _trade(twin, market.yes)
        await twin.post("/chain/mine")
        assert (await reader.next()).transaction_hash == before

        await twin.post("/chain/disconnect")
        missed = await _trade(twin, market.yes)
        await twin.post("/chain/mine")
        seen = [await reader.next() for _ in range(3)]

    gaps = [item for item in seen if isinstance(item, FeedGap)]
    assert [gap.healed for gap in gaps] == [True]
    assert {item.transaction_hash for item in seen if isinstance(item, WhaleTrade)} == {before, missed}


async def test_a_second_break_while_catching_up_loses_nothing_either(
    twin: RunningTwin, market: TwinMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs, broken = ChainSession.logs, 0

    async def breaks_once(session: ChainSession, whales: Any, first: int, last: int) -> list[Any]:
        nonlocal broken
        broken += 1
        if broken == 1:
            raise ConnectionError("the node went away")
        return await logs(session, whales, first, last)

    monkeypatch.setattr(ChainSession, "logs", breaks_once)
    async with Reader(twin, market) as reader:
        await twin.post("/chain/faults", mute=True)
        missed = await _trade(twin, market.yes)
        for _ in range(3 * OVERLAP_BLOCKS):  # the trade lies deeper than what is read again in any case
            await twin.post("/chain/mine")
        await twin.post("/chain/faults", mute=False)
        await twin.post("/chain/disconnect")
        seen = [await reader.next() for _ in range(2)]

    assert broken == 2
    assert [item.healed for item in seen if isinstance(item, FeedGap)] == [True]
    assert [item.transaction_hash for item in seen if isinstance(item, WhaleTrade)] == [missed]


@pytest.mark.parametrize("why", ["the gap is too wide", "the node refuses", "the node is far behind"])
async def test_a_gap_that_the_logs_cannot_fill_is_not_called_healed(
    twin: RunningTwin, market: TwinMarket, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    async def refuses(*_: Any) -> list[Any]:
        raise Web3RPCError("block range is too wide")

    if why == "the node refuses":
        monkeypatch.setattr(ChainSession, "logs", refuses)
    elif why == "the gap is too wide":
        monkeypatch.setattr(chain_feed, "CATCH_UP_MAX", 1)
    for _ in range(2 * OVERLAP_BLOCKS):
        await twin.post("/chain/mine")
    async with Reader(twin, market) as reader:
        await twin.post("/chain/faults", mute=True)
        for _ in range(3):
            await twin.post("/chain/mine")
        behind = 2 * OVERLAP_BLOCKS if why == "the node is far behind" else 0
        await twin.post("/chain/faults", mute=False, lag_blocks=behind)
        await twin.post("/chain/disconnect")
        gap = await reader.next()
        await twin.post("/chain/faults", lag_blocks=0)
        after = await _trade(twin, market.yes)
        await twin.post("/chain/mine")
        trade = await reader.next()

    assert isinstance(gap, FeedGap)
    assert not gap.healed
    assert trade.transaction_hash == after


@pytest.mark.parametrize(
    ("limit", "value"), [("HEAD_SILENT_SECONDS", 0.5), ("HEAD_OLD", timedelta(seconds=2))], ids=["silent", "lags"]
)
async def test_a_node_that_has_no_new_blocks_is_left_for_the_next_one(
    twin: RunningTwin, market: TwinMarket, monkeypatch: pytest.MonkeyPatch, limit: str, value: Any
) -> None:
    monkeypatch.setattr(chain_feed, limit, value)
    async with served() as lively:
        await asyncio.sleep(2.5 if limit == "HEAD_OLD" else 0.0)
        urls = [twin.urls["rpc_ws_url"], lively.urls["rpc_ws_url"]]
        async with Reader(twin, market, urls=urls) as reader:
            gap = await reader.next()

    assert isinstance(gap, FeedGap)
    assert "Lagging" in gap.cause


async def test_a_trade_that_comes_again_after_a_reorganisation_is_not_taken_back(
    twin: RunningTwin, market: TwinMarket
) -> None:
    async with Reader(twin, market) as reader:
        await _trade(twin, market.yes)
        await twin.post("/chain/mine")
        first = await reader.next()
        await twin.post("/chain/reorg", depth=1)
        again = await reader.next()
        await asyncio.sleep(0.5)
        marker = await _trade(twin, market.no)
        await twin.post("/chain/mine")
        last = await reader.next()

    assert (again.key, again.row) == (first.key, first.row)
    assert last.transaction_hash == marker


async def test_a_trade_that_the_chain_took_back_is_retracted(twin: RunningTwin, market: TwinMarket) -> None:
    async with Reader(twin, market) as reader:
        digest = await _trade(twin, market.yes)
        await twin.post("/chain/mine")
        first = await reader.next()
        await twin.post("/chain/reorg", depth=1, drop=[digest])

        retracted = await reader.next()

    assert isinstance(retracted, TradeRetracted)
    assert retracted.trade.key == first.key


async def test_a_trade_taken_back_while_the_connection_was_down_is_retracted(
    twin: RunningTwin, market: TwinMarket
) -> None:
    async with Reader(twin, market) as reader:
        digest = await _trade(twin, market.yes)
        await twin.post("/chain/mine")
        await reader.next()
        await twin.post("/chain/disconnect")
        await twin.post("/chain/reorg", depth=1, drop=[digest])

        items = [await reader.next(), await reader.next()]

    assert sorted(type(item).__name__ for item in items) == ["FeedGap", "TradeRetracted"]


@pytest.mark.parametrize(
    ("kind", "side"),
    [
        ("merge", Side.SELL),
        ("redeem", Side.SELL),
        ("conversion", Side.SELL),
        ("transfer", Side.SELL),
        ("split", Side.BUY),
    ],
)
async def test_holdings_that_change_without_a_trade_are_told_by_kind(
    twin: RunningTwin, market: TwinMarket, kind: str, side: Side
) -> None:
    async with Reader(twin, market) as reader:
        await twin.post("/changes", wallet=WHALE, condition_id=market.condition_id, kind=kind, size=30)
        await twin.post("/chain/mine")
        first = await reader.next()

    assert (first.kind, first.side, first.size) == (TradeKind(kind), side, Decimal(30))
    assert first.token_id in (market.yes, market.no)


@pytest.mark.parametrize("error", [TimeExhausted("too slow"), Web3RPCError("too busy"), TimeoutError()])
async def test_a_change_whose_receipt_cannot_be_had_is_told_as_a_transfer(
    twin: RunningTwin, market: TwinMarket, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def fails(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(AsyncEth, "get_transaction_receipt", fails)
    async with Reader(twin, market) as reader:
        await twin.post("/changes", wallet=WHALE, condition_id=market.condition_id, kind="merge", size=30)
        await twin.post("/chain/mine")
        first = await reader.next()

    assert (first.kind, first.side, first.size) == (TradeKind.TRANSFER, Side.SELL, Decimal(30))


async def test_a_node_of_another_chain_is_left_for_the_next_one(twin: RunningTwin, market: TwinMarket) -> None:
    async with served(options=BY_HAND) as foreign:
        await foreign.post("/chain/faults", chain_id=80002)
        urls = [foreign.urls["rpc_ws_url"], twin.urls["rpc_ws_url"]]
        async with Reader(twin, market, urls=urls) as reader:
            digest = await _trade(twin, market.yes)
            await twin.post("/chain/mine")
            items = [await reader.next()]
            while not isinstance(items[-1], WhaleTrade):
                items.append(await reader.next())

    assert items[-1].transaction_hash == digest


async def test_a_token_of_no_binary_market_is_told_with_an_unknown_market(twin: RunningTwin) -> None:
    known = TwinMarket("0x" + "0" * 64, "1", "2")
    market = await twin.list_market("Three outcomes?", price=0.5)
    async with Reader(twin, known) as reader:
        await _trade(twin, market.yes)
        await twin.post("/chain/mine")
        trade = await reader.next()

    assert trade.condition_id == NO_CONDITION


async def test_a_node_that_lags_tells_later_and_one_that_pushes_nothing_tells_after_a_reconnect(
    twin: RunningTwin, market: TwinMarket
) -> None:
    async with Reader(twin, market) as reader:
        await twin.post("/chain/faults", lag_blocks=1)
        late = await _trade(twin, market.yes)
        await twin.post("/chain/mine")
        await twin.post("/chain/mine")
        first = await reader.next()
        await twin.post("/chain/faults", lag_blocks=0, drop_logs=1.0)
        lost = await _trade(twin, market.no)
        await twin.post("/chain/mine")
        await twin.post("/chain/disconnect")
        seen = [await reader.next() for _ in range(3)]

    assert first.transaction_hash == late
    assert {item.transaction_hash for item in seen if isinstance(item, WhaleTrade)} == {late, lost}
