"""REMORA_MODE=paper: the whole desk on another venue's markets, and not one order leaves."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.testing import WorkflowEnvironment

from remora.domain.ids import AccountId, TokenId, WalletAddress
from remora.domain.money import Side
from remora.domain.orders import OrderRequest
from remora.domain.reasons import PositionState
from remora.settings import Mode, Settings, SettingsError, load_settings
from remora.storage.desk import ensure_desk
from remora.storage.positions import PositionRow, list_positions
from remora.storage.roster import Follow, publish_roster
from remora.venues.paper.venue import PaperVenue
from tests.fixtures.twin import OUR_KEY, RunningTwin, TwinMarket, address_of
from workers.trading import serve
from workers.venues import NOBODY, books_mode, open_venue, paper_account_of

WHALE = WalletAddress("0x" + "aa" * 20)


@pytest.fixture
def settings(
    temporal: WorkflowEnvironment, postgres_url: str, twin: RunningTwin, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal.client.service_client.config.target_host)
    monkeypatch.setenv("REMORA_TWIN_URL", twin.urls["control_url"])
    monkeypatch.setenv("REMORA_MODE", "paper")
    monkeypatch.setenv("REMORA_SPREAD_MAX", "1")
    return load_settings(None)


@contextlib.asynccontextmanager
async def _serving(settings: Settings, ready: Path) -> AsyncIterator[None]:
    stop = asyncio.Event()
    running = asyncio.create_task(serve(settings, stop, ready_file=ready, with_watcher=True))
    try:
        while not await asyncio.to_thread(ready.exists):
            assert not running.done(), running.exception()
            await asyncio.sleep(0.05)
        yield
    finally:
        stop.set()
        await running


async def _opened(engine: AsyncEngine, settings: Settings, twin: RunningTwin, market: TwinMarket) -> PositionRow:
    """Let the whale buy now and then until our copy is open: the streams may still be connecting."""
    price = float(await _ask(settings, engine, market))
    for number in range(600):
        if number % 60 == 0:
            await twin.post("/trades", wallet=WHALE, token_id=market.yes, side="BUY", price=price, size=1000)
        rows = await list_positions(engine, paper_account_of(settings))
        if rows and rows[0].state is PositionState.OPEN:
            return rows[0]
        await asyncio.sleep(0.05)
    raise AssertionError(f"expected an open position, found {rows}")


async def test_a_whale_is_copied_on_paper_without_a_key(
    settings: Settings, engine: AsyncEngine, twin: RunningTwin, twin_market: TwinMarket, tmp_path: Path
) -> None:
    assert settings.private_key is None
    now = datetime.now(UTC)
    follow = Follow(whale=WHALE, edge=Decimal("0.05"), unproven=False)
    await publish_roster(engine, [follow], as_of=now, published_at=now, params={})

    async with _serving(settings, tmp_path / "ready"):
        position = await _opened(engine, settings, twin, twin_market)

    venue = await open_venue(settings, engine)
    assert await venue.shares(position.token_id) == position.books.shares > 0
    assert await venue.cash() < settings.paper_cash_usd
    await venue.close()
    async with engine.connect() as connection:
        desk, latency = (
            await connection.execute(
                text("SELECT venue_mode, (SELECT min(latency_ms) FROM paper_orders) FROM desks")
            )
        ).one()
    assert desk == "paper_on_twin", "a rehearsal is no time on paper"
    assert latency > 0
    assert not twin.twin.exchange.trades, "no order reached the exchange"


async def _ask(settings: Settings, engine: AsyncEngine, market: TwinMarket) -> Decimal:
    venue = await open_venue(settings, engine)
    found = (await venue.book(TokenId(market.yes))).best_ask
    await venue.close()
    assert found is not None
    return found


async def test_a_paper_account_stands_beside_its_wallet(
    settings: Settings, engine: AsyncEngine, twin_market: TwinMarket
) -> None:
    with_key = settings.model_copy(update={"wallet_address": address_of(OUR_KEY).lower()})

    in_production = settings.model_copy(update={"twin_url": None})
    assert paper_account_of(in_production) != paper_account_of(settings)
    assert (books_mode(in_production), books_mode(settings)) == ("paper", "paper_on_twin")
    assert paper_account_of(with_key) not in (paper_account_of(settings), address_of(OUR_KEY).lower(), NOBODY)
    venue = await open_venue(with_key, engine)
    assert isinstance(venue, PaperVenue)
    market = await venue.market_of(TokenId(twin_market.yes))
    request = OrderRequest(
        token_id=TokenId(twin_market.yes),
        condition_id=market.condition_id,
        side=Side.BUY,
        shares=Decimal(20),
        limit_price=Decimal("0.55"),
        notional=Decimal("11.00"),
    )
    assert (await venue.sign(request, market)).digest != (await venue.sign(request, market)).digest
    await venue.close()


@pytest.mark.parametrize("begun", ["twin", "paper"])
async def test_an_account_with_books_of_another_mode_is_refused(
    settings: Settings, engine: AsyncEngine, tmp_path: Path, begun: str
) -> None:
    now = datetime.now(UTC)
    await ensure_desk(
        engine, paper_account_of(settings), venue_mode=begun, cash=Decimal(1), now=now, now_venue=now
    )

    with pytest.raises(SettingsError, match=f"expected {begun},"):
        await serve(settings, asyncio.Event(), ready_file=tmp_path / "ready", with_watcher=False)


async def test_books_begun_on_a_twin_are_not_continued_with_real_money(
    settings: Settings, engine: AsyncEngine, tmp_path: Path
) -> None:
    live = {"mode": Mode.LIVE, "private_key": SecretStr(OUR_KEY)}
    rehearsal = settings.model_copy(update=live)
    now, account = datetime.now(UTC), AccountId(address_of(OUR_KEY).lower())
    await ensure_desk(engine, account, venue_mode="live", cash=Decimal(1), now=now, now_venue=now)

    assert books_mode(rehearsal) == "live_on_twin"
    assert books_mode(rehearsal.model_copy(update={"twin_url": None})) == "live"
    with pytest.raises(SettingsError, match=r"expected live, .* found live_on_twin"):
        await serve(rehearsal, asyncio.Event(), ready_file=tmp_path / "ready", with_watcher=False)
