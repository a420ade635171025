"""A trading worker on real servers and the twin, with one position open, steered from the command line."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.testing import WorkflowEnvironment

from activities.tools import Tools
from remora.cli.main import run
from remora.domain.ids import ConditionId, TokenId, WalletAddress
from remora.domain.limits import Limits
from remora.domain.money import Side
from remora.domain.reasons import PositionState
from remora.domain.trades import TradeSource
from remora.embedded.state import StateDir
from remora.embedded.stopping import stop_everything
from remora.storage.desk import ensure_desk as ensure_desk_row
from remora.storage.positions import PositionRow, list_positions
from remora.storage.roster import Follow, publish_roster
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.venue import PolymarketVenue
from schemas.message import ClockMessage
from schemas.position import PositionInput, SignalMessage
from starters.desk import ensure_desk
from starters.position import deliver_signal
from tests.fixtures.twin import OUR_KEY, RunningTwin, TwinMarket
from workers.trading import trading_worker

WHALE = WalletAddress("0x" + "aa" * 20)


@pytest.fixture
def state_dir() -> Iterator[Path]:
    """Give a directory that does not exist yet; what a failed test left running is ended."""
    parent = Path(tempfile.mkdtemp(prefix="remora-test-"))
    yield parent / "state"
    if (parent / "state").exists():
        stop_everything(StateDir(parent / "state"), patience_s=10)
    shutil.rmtree(parent, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Trading:
    """A running desk; `remora` types a command and returns its exit code."""

    env: WorkflowEnvironment
    engine: AsyncEngine
    twin: RunningTwin
    venue: PolymarketVenue
    market: TwinMarket

    async def remora(self, *arguments: str) -> int:
        """Run a command line in a thread, as the process would."""
        return await asyncio.to_thread(run, list(arguments))

    async def buy(self, key: str) -> None:
        """Deliver a whale's purchase at the touch."""
        now = datetime.now(UTC)
        clock = await self.venue.clock()
        ask = (await self.venue.book(TokenId(self.market.yes))).best_ask
        assert ask is not None
        signal = SignalMessage(
            key=key,
            trade_keys=(key,),
            whale=WHALE,
            token_id=TokenId(self.market.yes),
            condition_id=ConditionId(self.market.condition_id),
            side=Side.BUY,
            price=ask,
            size=Decimal(1000),
            happened_at=clock.venue_time(now),
            seen_at=now,
            source=TradeSource.RTDS,
        )
        start = PositionInput(account=self.venue.account, mode="twin", clock=ClockMessage.of(clock), first=signal)
        await deliver_signal(self.env.client, start)

    async def opened(self) -> PositionRow:
        """Return the one open position, once it is open."""
        for _ in range(400):
            rows = await list_positions(self.engine, self.venue.account)
            if rows and rows[0].state is PositionState.OPEN and rows[0].stop_price is not None:
                return rows[0]
            await asyncio.sleep(0.05)
        raise AssertionError(f"expected an open position, found {rows}")


@pytest.fixture
async def desk(
    temporal: WorkflowEnvironment,
    engine: AsyncEngine,
    postgres_url: str,
    twin: RunningTwin,
    twin_market: TwinMarket,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Trading]:
    """Give a desk with its workflow, whose worker is not running yet."""
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal.client.service_client.config.target_host)
    venue = await PolymarketVenue.create(await Endpoints.from_twin(twin.urls["control_url"]), private_key=OUR_KEY)
    now = datetime.now(UTC)
    facts: dict[str, Any] = {"cash": await venue.cash(), "now": now, "now_venue": now, "venue_mode": "twin"}
    await ensure_desk_row(engine, venue.account, **facts)
    follow = Follow(whale=WHALE, edge=Decimal("0.05"), unproven=False)
    await publish_roster(engine, [follow], as_of=now, published_at=now, params={})
    await ensure_desk(temporal.client, venue.account, mode="twin")
    yield Trading(temporal, engine, twin, venue, twin_market)
    await venue.close()


@pytest.fixture
async def trading(desk: Trading) -> AsyncIterator[Trading]:
    """Give a desk whose worker runs."""
    limits = Limits(spread_max=Decimal(1))
    tools = Tools(venue=desk.venue, engine=desk.engine, limits=limits, wall=lambda: datetime.now(UTC))
    async with trading_worker(desk.env.client, tools):
        yield desk
