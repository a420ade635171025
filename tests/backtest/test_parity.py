"""One decision core: the backtest makes a twin run's decisions and exits again from its log."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from activities.tools import Tools
from remora.backtest.ledger_study import ledger_report
from remora.backtest.outcome import Outcome
from remora.backtest.parity import TERMS, WORDS, Reproducer
from remora.backtest.recorder import RecordingVenue, VenueLog
from remora.backtest.run_log import opening_cash, run_log
from remora.backtest.tearsheet.page import tearsheet
from remora.backtest.tearsheet.triangle import gaps, triangulation
from remora.domain.decide import Copy, RosterStatus, WhaleStanding
from remora.domain.exits import executable_bid
from remora.domain.ids import TokenId, WalletAddress
from remora.domain.pnl import PositionBooks
from remora.settings import Settings
from remora.storage.decisions import list_decisions
from remora.storage.desk import ensure_desk
from remora.storage.positions import PositionRow, list_positions
from remora.storage.roster import Follow, publish_roster
from remora.telemetry.metrics import Metrics
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.venue import PolymarketVenue
from remora.venues.venue import Venue
from tests.backtest.twin_recording import outcome_of
from tests.fixtures.twin import OUR_KEY, RunningTwin, TwinMarket
from tests.fixtures.waiting import eventually
from workers.trading import trading_worker
from workers.watcher import run

pytestmark = pytest.mark.system

PROVEN, NAMED = WalletAddress("0x" + "5e" * 20), WalletAddress("0x" + "6f" * 20)
FOLLOWS = [
    Follow(whale=PROVEN, edge=Decimal("0.05"), unproven=False),
    Follow(whale=NAMED, edge=Decimal(0), unproven=True),
]


@dataclass
class Run:
    """A desk that trades on the twin, and what is needed to drive and to read it."""

    twin: RunningTwin
    engine: AsyncEngine
    venue: PolymarketVenue
    log: VenueLog
    hashes: Any = field(default_factory=lambda: itertools.count(1))

    async def trade(self, whale: str, token: str, side: str, price: str, size: str) -> None:
        """Print a whale's trade and wait until it has been decided about, and every mark is up to date."""
        before = len(await list_decisions(self.engine, self.venue.account, limit=1000))
        await self.twin.post(
            "/trades",
            wallet=whale,
            token_id=token,
            side=side,
            price=price,
            size=size,
            transaction_hash=f"0x{next(self.hashes):064x}",
        )

        async def decided() -> bool:
            return len(await list_decisions(self.engine, self.venue.account, limit=1000)) > before

        await eventually(decided)
        await self.settled()

    async def settled(self) -> None:
        """Wait until no order is under way and every holding is marked at the venue's book."""

        async def quiet() -> bool:
            rows = await list_positions(self.engine, self.venue.account)
            return all([await self._marked(row) for row in rows])

        await eventually(quiet)

    async def _marked(self, row: PositionRow) -> bool:
        if row.state.value != "open" or row.books.shares <= 0:
            return False
        book = await self.venue.book(row.token_id)
        return row.mark_price == executable_bid(book, row.books.shares)

    async def position_of(self, token: str) -> PositionRow:
        """Return the newest position in a token."""
        rows = await list_positions(self.engine, self.venue.account, include_ended=True)
        return next(row for row in rows if row.token_id == token)

    async def ended(self, token: str) -> None:
        """Wait until the position in a token has ended."""

        async def over() -> bool:
            return (await self.position_of(token)).state.ended

        await eventually(over)
        await self.settled()


@asynccontextmanager
async def running(
    client: Client, engine: AsyncEngine, twin: RunningTwin, settings: Settings
) -> AsyncIterator[Run]:
    venue = await PolymarketVenue.create(await Endpoints.from_twin(twin.urls["control_url"]), private_key=OUR_KEY)
    now, clock, log = datetime.now(UTC), await venue.clock(), VenueLog()
    recorded = cast("Venue", RecordingVenue(venue, log, lambda: datetime.now(UTC)))
    await ensure_desk(
        engine, venue.account, venue_mode="twin", cash=await venue.cash(), now=now, now_venue=clock.venue_time(now)
    )
    await publish_roster(engine, FOLLOWS, as_of=now, published_at=now, params={})
    tools = Tools(venue=recorded, engine=engine, limits=settings.limits(), wall=lambda: datetime.now(UTC))
    stop = asyncio.Event()
    async with trading_worker(client, tools):
        watching = asyncio.create_task(
            run(client, recorded, engine, settings, stop, metrics=Metrics(CollectorRegistry()))
        )

        async def listening() -> bool:
            return "rtds" in venue.last_message_at()

        await eventually(listening)
        try:
            yield Run(twin, engine, venue, log)
        finally:
            stop.set()
            await watching
            await venue.close()


async def test_a_twin_run_replayed_gives_every_decision_and_exit_again(
    temporal_client: Client, engine: AsyncEngine, twin: RunningTwin
) -> None:
    settings = Settings(REMORA_VOLUME_24H_MIN_USD=0, REMORA_SPREAD_MAX=1)  # type: ignore[call-arg]
    markets: list[TwinMarket] = [
        await twin.list_market(f"Will number {number} happen?", price=0.5, category="Politics")
        for number in range(5)
    ]
    falls, rises, followed, drifted, resolves = markets
    # at the touch, so that no trade moves what a holding is worth: live marks lag by up to two seconds
    async with running(temporal_client, engine, twin, settings) as made:
        opening = await made.venue.cash()
        clock = await made.venue.clock()
        await made.trade(PROVEN, falls.yes, "BUY", "0.50", "900")
        await made.trade(NAMED, rises.yes, "BUY", "0.50", "300")
        await made.trade(PROVEN, followed.yes, "BUY", "0.50", "800")
        await made.trade(PROVEN, falls.yes, "BUY", "0.50", "900")
        await made.trade(PROVEN, drifted.yes, "SELL", "0.50", "10")
        await made.trade(NAMED, resolves.yes, "BUY", "0.50", "300")
        await made.trade(PROVEN, followed.no, "BUY", "0.51", "100")
        await made.trade(PROVEN, followed.yes, "SELL", "0.49", "300")
        for bid, ask in (("0.40", "0.41"), ("0.39", "0.40")):
            await twin.post("/quotes", token_id=falls.yes, bid=bid, ask=ask, size="20000")
        await made.ended(falls.yes)
        for bid, ask in (("0.70", "0.71"), ("0.71", "0.72")):
            await twin.post("/quotes", token_id=rises.yes, bid=bid, ask=ask, size="20000")
        await made.ended(rises.yes)
        await made.trade(PROVEN, followed.yes, "SELL", "0.49", "5000")
        await made.ended(followed.yes)
        await twin.post("/resolve", condition_id=resolves.condition_id, payouts=[1, 0])
        await made.ended(resolves.yes)
        log = await run_log(engine, made.venue.account, opening_cash=opening)
        assert await opening_cash(engine, made.venue.account) == opening
        closing = await made.venue.cash()
    standings = {
        follow.whale: WhaleStanding(
            on_roster=True,
            unproven=follow.unproven,
            edge=follow.edge,
            status=RosterStatus.ACTIVE,
            published_at=log.opened_at - timedelta(minutes=1),
        )
        for follow in FOLLOWS
    }
    found = Reproducer(
        log,
        made.log,
        standing=lambda whale: standings[WalletAddress(whale)],
        limits=settings.limits(),
        venue_time=clock.venue_time,
    ).reproduce()

    replayed = outcome_of(
        log,
        made.log,
        standing=lambda whale: standings[WalletAddress(whale)],
        limits=settings.limits(),
        clock=clock,
    )

    reasons = {row["exit_reason"] for row in log.positions}
    assert not found.differences, "\n".join(found.differences)
    assert reasons == {"stop_loss", "take_profit", "whale_exit", "resolved"}
    assert found.decisions == len(log.decisions) >= 9
    assert found.copies >= 5
    assert found.thresholds == 4
    assert found.exits >= 5
    assert TokenId(drifted.yes) not in {row["token_id"] for row in log.positions}

    # the engine of the backtest: the same words and terms, fills and ways out, to the last cent
    assert words_of(replayed) == [row["reason"] or row["outcome"] for row in log.decisions]
    assert terms_of(replayed) == [_numbers(row["terms"]) for row in log.decisions if row["outcome"] == "copy"]
    assert ends_of(replayed) == [_ended(row) for row in log.positions]
    assert sorted(flows_of(replayed)) == pytest.approx(sorted(map(_dollars, log.fills)))
    assert Decimal(repr(replayed.cash)) == closing

    report = ledger_report(log, name="twin", mode="twin")
    other = ledger_report(replace(log, positions=log.positions[:-1]), name="less", mode="paper")
    gap = gaps([("paper", other), ("twin", report)])[0]
    page = triangulation([("paper", other), ("twin", report)])
    assert report["performance"]["pnl"] == pytest.approx(float(closing - opening), abs=0.01)
    assert sum(report["attribution"]["made_of"].values()) == pytest.approx(report["performance"]["pnl"])
    assert {row["reason"] for row in report["exits"]} == reasons
    assert report["funnel"]["filled"] == 4
    assert gap["gap"] == pytest.approx(report["performance"]["pnl"] - other["performance"]["pnl"])
    assert sum(gap["causes"].values()) == pytest.approx(gap["gap"])
    assert "The causes sum to the gap." in page
    assert "Would a careful person run this?" in tearsheet(report, title="Report")


def words_of(replayed: Outcome) -> list[str]:
    return [decided.word for decided in replayed.decisions]


def terms_of(replayed: Outcome) -> list[dict[str, Any]]:
    copies = [decided.terms for decided in replayed.decisions if isinstance(decided.terms, Copy)]
    return [_numbers({term: getattr(copy, term) for term in TERMS}) for copy in copies]


def _numbers(terms: Mapping[str, Any]) -> dict[str, Any]:
    return {term: str(value) if term in WORDS else Decimal(str(value)) for term, value in terms.items()}


def ends_of(replayed: Outcome) -> list[tuple[Any, ...]]:
    """Return how each position was left, its books and its thresholds."""
    found = []
    for holding in replayed.holdings:
        assert holding.bounds is not None
        bounds = (holding.bounds.stop_price, holding.bounds.target_price)
        found.append((holding.exit_reason, *_sums(holding.books), *bounds))
    return found


def _sums(books: PositionBooks) -> tuple[Decimal, ...]:
    sold = (books.sold_shares, books.sold_notional, books.redeemed_shares, books.redeemed_dollars)
    return books.bought_shares, books.bought_notional, *sold, books.fees


def _ended(row: dict[str, Any]) -> tuple[Any, ...]:
    books = PositionBooks(**{name: row[name] for name in PositionBooks.__dataclass_fields__})
    return row["exit_reason"], *_sums(books), row["stop_price"], row["target_price"]


def flows_of(replayed: Outcome) -> list[float]:
    """Return the dollars of every purchase and sale, fees in; payouts are no fills."""
    paid = {id(holding): float(holding.books.redeemed_dollars) for holding in replayed.holdings}
    return [flow.dollars for h in replayed.holdings for flow in h.flows if flow.dollars != paid[id(h)]]


def _dollars(fill: dict[str, Any]) -> float:
    notional = float(fill["shares"] * fill["price"])
    return (notional if fill["side"] == "SELL" else -notional) - float(fill["fee"])
