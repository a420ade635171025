"""Three sources at once, each losing and repeating what it says, over a chain that reorganises itself."""

import asyncio
import dataclasses
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client import Counter as Counted
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.detection.coverage import BLIND_FROM, JUDGED_FROM
from remora.detection.outlet import Crossing, MarketChange, OrderChange
from remora.detection.pace import Pace
from remora.detection.watch import Watch
from remora.domain.clock import VenueClock
from remora.domain.ids import WalletAddress
from remora.domain.limits import Limits
from remora.domain.money import Side
from remora.domain.trades import Signal, TradeKind, TradeSource
from remora.storage.desk import ensure_desk
from remora.storage.roster import Follow, publish_roster
from remora.storage.sightings import source_lags
from remora.telemetry.metrics import Metrics
from remora.venues.polymarket import chain_feed, rtds
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.venue import PolymarketVenue
from remora.venues.polymarket.wire.activity import parse_trade
from remora.venues.twin.assembly import TwinOptions
from tests.fixtures.twin import OUR_KEY, RunningTwin, TwinMarket, served

pytestmark = pytest.mark.system

WHALES = [WalletAddress(f"0x{number:040x}") for number in range(0xA1, 0xA9)]
STRANGER = "0x" + "fe" * 20
TRADES = 60
PARTS = 5
"""Parts of a trade's key; a late part of a sale has a number behind them."""

OPTIONS = TwinOptions(
    data_lag=timedelta(seconds=0.4),
    rtds_lag=timedelta(seconds=0.1),
    mined_after=timedelta(0),
    confirmed_after=timedelta(0),
    block_time=timedelta(seconds=0.3),
)
PACE = Pace(
    activity_every=1.0,
    reread_after=(1.0,),
    stream_grace=timedelta(seconds=1.5),
    poll_grace=timedelta(seconds=8),
    sightings_every=0.2,
    silence_every=0.2,
    window=0.05,
)


class Copied:
    """An outlet that keeps what it was told to copy."""

    def __init__(self) -> None:
        self.signals: list[Signal] = []

    async def whale_traded(self, signal: Signal, clock: VenueClock) -> bool:
        """Keep a signal."""
        self.signals.append(signal)
        return True

    async def price_crossed(self, crossing: Crossing) -> None:
        """Not used here."""

    async def order_changed(self, change: OrderChange) -> None:
        """Not used here."""

    async def market_changed(self, change: MarketChange) -> None:
        """Not used here."""

    async def desk_should_look(self, cause: str, seen_at: datetime) -> None:
        """Not used here."""

    def times(self) -> Counter[str]:
        """Return how often each trade was handed over."""
        return Counter(key for signal in self.signals for key in signal.trade_keys)


class Watched:
    """A watcher on a served twin, with whales on the roster."""

    def __init__(
        self, twin: RunningTwin, engine: AsyncEngine, *, nodes: tuple[str, ...] = ("",), pace: Pace = PACE
    ) -> None:
        self.twin, self.engine, self.nodes, self.pace = twin, engine, nodes, pace
        self.copied, self.metrics, self.made = Copied(), Metrics(CollectorRegistry()), 0
        self._stop = asyncio.Event()

    async def __aenter__(self) -> "Watched":  # noqa: PYI034 (a test's own class)
        endpoints = await Endpoints.from_twin(self.twin.urls["control_url"])
        urls = tuple(f"{endpoints.rpc_ws_urls[0]}/{name}" for name in self.nodes)
        endpoints = dataclasses.replace(endpoints, rpc_ws_urls=urls)
        self.venue = await PolymarketVenue.create(endpoints, private_key=OUR_KEY, random=Random(1))
        now, clock = datetime.now(UTC), await self.venue.clock()
        await ensure_desk(
            self.engine,
            self.venue.account,
            venue_mode="twin",
            cash=await self.venue.cash(),
            now=now,
            now_venue=clock.venue_time(now),
        )
        await publish_roster(
            self.engine,
            [Follow(whale=whale, edge=Decimal("0.05"), unproven=False) for whale in WHALES],
            as_of=now,
            published_at=now,
            params={},
        )
        watch = Watch(
            self.venue,
            self.engine,
            self.copied,
            limits=Limits(),
            metrics=self.metrics,
            now=lambda: datetime.now(UTC),
            pace=self.pace,
        )
        self._task = asyncio.create_task(watch.run(self._stop))
        await self.until(lambda: {"rtds", "chain"} <= self.venue.last_message_at().keys())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        await self._task
        await self.venue.close()

    async def until(self, true: Any) -> None:
        """Wait for a condition."""
        async with asyncio.timeout(90):
            while not true():  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    def count(self, name: str, **labels: str) -> float:
        """Return a metric's value."""
        return self.metrics.registry.get_sample_value(name, labels) or 0.0

    def from_source(self, source: str) -> float:
        """Return how many trades a source told of."""
        return self.count("watcher_feed_lag_seconds_count", source=source)

    def missed(self, source: str) -> float:
        """Return how many trades a source is known to have missed."""
        return self._sum(self.metrics.source_missed, source=source)

    def malformed(self, feed: str) -> float:
        """Return how many messages of a feed could not be read."""
        return self._sum(self.metrics.malformed, feed=feed)

    def _sum(self, metric: Counted, **labels: str) -> float:
        samples = [sample for collected in metric.collect() for sample in collected.samples]
        return sum(
            sample.value
            for sample in samples
            if sample.name.endswith("_total") and labels.items() <= sample.labels.items()
        )


async def _play(twin: RunningTwin, market: TwinMarket, random: Random) -> dict[str, Decimal]:
    """Let whales trade while everything goes wrong; return the shares of each transaction."""
    await twin.post("/faults", kind="ws_drop", rate=0.3, on="rtds")
    await twin.post("/chain/faults", seed=7, drop_logs=0.3, repeat_logs=0.2)
    traded: dict[str, Decimal] = {}
    for number in range(TRADES):
        maker = random.random() < 0.3
        size = Decimal(random.randint(1_000, 90_000)) / 100
        wallet = random.choice([*WHALES, STRANGER])
        made = await twin.post(
            "/trades",
            wallet=wallet,
            token_id=random.choice([market.yes, market.no]),
            side=random.choice(["BUY", "SELL"]),
            price=0.5,
            size=str(size),
            maker=maker,
            parts=random.randint(1, 3),
        )
        if wallet != STRANGER:
            traded[str(made["transaction_hash"])] = size
        if number % 15 == 7:
            await twin.post("/chain/reorg", depth=2)
        if number == TRADES // 2:
            await twin.post("/chain/disconnect")
        await asyncio.sleep(random.uniform(0.0, 0.08))
    return traded


async def test_every_whale_trade_is_handed_over_exactly_once(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with served(options=OPTIONS) as twin:
        await twin.fund(OUR_KEY)
        market = await twin.list_market("Do three see more than one?", price=0.5)
        async with Watched(twin, engine) as watched:
            traded = await _play(twin, market, Random(3))

            def heard() -> set[str]:
                return {key.split(":")[1] for key in watched.copied.times()}

            await watched.until(lambda: traded.keys() <= heard())
            await watched.until(
                lambda: watched.count("watcher_feed_lag_seconds_count", source="data_api") == len(traded)
            )
            await watched.until(
                lambda: watched.count("detection_source_missed_total", source="rtds", seen_by="chain+data_api") > 0
            )
        lags = {row.source: row for row in await source_lags(engine, since=datetime(2000, 1, 1, tzinfo=UTC))}

    whole = {key: times for key, times in watched.copied.times().items() if key.count(":") == PARTS - 1}
    assert set(whole.values()) == {1}
    assert sorted(key.split(":")[1] for key in whole) == sorted(traded)
    shares = sum((signal.size for signal in watched.copied.signals), Decimal(0))
    total = sum(traded.values(), Decimal(0))
    assert shares <= total
    assert shares == total or watched.count("watcher_trades_total", fate="late_part") > 0
    assert set(lags) == {"chain", "rtds", "data_api"}
    assert lags["data_api"].trades == len(traded)
    assert sum(row.first for row in lags.values()) == len(traded)


async def test_a_purchase_that_the_chain_took_back_is_left_again(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with served(options=OPTIONS) as twin:
        await twin.fund(OUR_KEY)
        market = await twin.list_market("Did it happen?", price=0.5)
        async with Watched(twin, engine) as watched:
            made = await twin.post(
                "/trades", wallet=WHALES[0], token_id=market.yes, side="BUY", price=0.5, size=100
            )
            chain = f"trade:{made['transaction_hash']}:{WHALES[0]}:{market.yes}:BUY"
            await watched.until(lambda: watched.copied.times()[chain] == 1)
            while twin.twin.node.chain.places.get(made["transaction_hash"]) is None:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.3)
            await twin.post("/chain/reorg", depth=8, drop=[made["transaction_hash"]])
            await watched.until(lambda: len(watched.copied.signals) == 2)

    bought, left = watched.copied.signals
    assert (left.kind, left.side, left.size) == (TradeKind.REORG, Side.SELL, bought.size)
    assert watched.count("detection_trades_retracted_total", side="BUY") == 1


async def test_a_merge_reaches_the_position_that_copies_the_wallet(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with served(options=OPTIONS) as twin:
        await twin.fund(OUR_KEY)
        market = await twin.list_market("Does it merge?", price=0.5)
        async with Watched(twin, engine) as watched:
            await twin.post("/changes", wallet=WHALES[1], condition_id=market.condition_id, kind="merge", size=30)
            await watched.until(lambda: len(watched.copied.signals) == 2)

    assert {(signal.token_id, signal.kind, signal.size) for signal in watched.copied.signals} == {
        (market.yes, TradeKind.MERGE, Decimal(30)),
        (market.no, TradeKind.MERGE, Decimal(30)),
    }


async def test_a_node_that_lies_loses_nothing_and_is_called_blind(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with served(options=OPTIONS) as twin:
        await twin.fund(OUR_KEY)
        market = await twin.list_market("Does the node tell?", price=0.5)
        async with Watched(twin, engine) as watched:
            await twin.post("/chain/faults", drop_logs=1.0, hide_logs=1.0)
            for _ in range(12):
                await twin.post("/trades", wallet=WHALES[2], token_id=market.yes, side="BUY", price=0.5, size=100)
            await twin.post("/chain/disconnect")
            await watched.until(lambda: sum(watched.copied.times().values()) == 12)
            await watched.until(lambda: watched.missed("chain") == 12)
            labels = {"source": "chain"}
            sample = watched.metrics.registry.get_sample_value
            await watched.until(lambda: sample("detection_source_coverage_ratio", labels) == 0)

    assert set(watched.copied.times().values()) == {1}


async def test_a_node_that_lies_is_left_for_one_that_does_not(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with served(options=OPTIONS) as twin:
        await twin.fund(OUR_KEY)
        market = await twin.list_market("Which node tells?", price=0.5)
        await twin.post("/chain/faults", node="liar", drop_logs=1.0, hide_logs=1.0)
        async with Watched(twin, engine, nodes=("liar", "honest")) as watched:
            made = await _trade_until(twin, market, watched, lambda: watched.from_source("chain"))
            await watched.until(lambda: len(watched.copied.times()) == made)
            missed = watched.missed("chain")

    assert missed >= JUDGED_FROM * BLIND_FROM
    assert set(watched.copied.times().values()) == {1}


async def test_what_neither_stream_nor_logs_told_is_read_from_the_history_after_the_gap(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(chain_feed, "CATCH_UP_MAX", 0)
    never = dataclasses.replace(PACE, activity_every=3600.0)
    async with served(options=OPTIONS) as twin:
        await twin.fund(OUR_KEY)
        market = await twin.list_market("Does the history tell?", price=0.5)
        async with Watched(twin, engine, pace=never) as watched:
            await twin.post("/faults", kind="ws_drop", rate=1.0, on="rtds")
            await twin.post("/chain/faults", mute=True)
            await twin.post("/trades", wallet=WHALES[3], token_id=market.yes, side="BUY", price=0.5, size=100)
            await asyncio.sleep(1.0)
            assert watched.copied.signals == []
            await twin.post("/chain/faults", mute=False)
            await twin.post("/chain/disconnect")
            await watched.until(lambda: watched.copied.signals)
            gaps = watched.count("watcher_feed_gaps_total", feed="chain")

    assert [signal.source for signal in watched.copied.signals] == [TradeSource.DATA_API]
    assert gaps >= 1


async def test_what_a_reader_that_failed_did_not_hand_on_is_read_from_the_history(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    only_the_stream = dataclasses.replace(PACE, activity_every=3600.0)
    failures = iter([RuntimeError("nobody thought of this")])
    parse = parse_trade

    def parsed(*told: Any, **more: Any) -> Any:
        for failure in failures:
            raise failure
        return parse(*told, **more)

    async with served(options=OPTIONS) as twin:
        await twin.fund(OUR_KEY)
        market = await twin.list_market("Does the reader fail?", price=0.5)
        async with Watched(twin, engine, pace=only_the_stream) as watched:
            await twin.post("/chain/faults", mute=True)
            monkeypatch.setattr(rtds, "parse_trade", parsed)
            await twin.post("/trades", wallet=WHALES[3], token_id=market.yes, side="BUY", price=0.5, size=100)
            await watched.until(lambda: watched.copied.signals)
            gaps = watched.count("watcher_feed_gaps_total", feed="rtds")

    assert [signal.source for signal in watched.copied.signals] == [TradeSource.DATA_API]
    assert gaps >= 1


async def test_messages_of_another_shape_are_read_or_counted_and_nothing_is_lost(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with served(options=OPTIONS) as twin:
        await twin.fund(OUR_KEY)
        market = await twin.list_market("Is a field missing?", price=0.5)
        async with Watched(twin, engine) as watched:
            await twin.post("/faults", kind="ws_new_field", on="rtds")
            await _trade_until(twin, market, watched, lambda: watched.from_source("rtds") >= 5)
            assert watched.malformed("rtds") == 0
            await twin.post("/faults", kind="ws_missing_field", on="rtds")
            await _trade_until(twin, market, watched, lambda: watched.malformed("rtds") > 0)
            await twin.post("/faults", kind="ws_missing_field", on="chain", rate=0.5)
            made = await _trade_until(twin, market, watched, lambda: watched.missed("chain") > 0)
            await watched.until(lambda: len(watched.copied.times()) == made)

    assert set(watched.copied.times().values()) == {1}


async def _trade_until(twin: RunningTwin, market: TwinMarket, watched: Watched, true: Any) -> int:
    """Let a whale buy again and again until something holds; return how many trades there were in all."""
    while not true():
        await twin.post("/trades", wallet=WHALES[4], token_id=market.yes, side="BUY", price=0.5, size=100)
        watched.made += 1
        await asyncio.sleep(0.1)
    return watched.made
