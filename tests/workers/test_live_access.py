"""What the venue says about region and account is written before the first order, and refuses entries."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.domain.ids import ConditionId, TokenId
from remora.domain.money import Side
from remora.domain.orders import Accepted, OrderRequest, Rejected
from remora.domain.permission import Access
from remora.ending import end
from remora.storage import live
from remora.venues.polymarket.access import region
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.venue import PolymarketVenue
from remora.venues.venue import VenueUnavailable
from tests.fixtures.twin import OUR_KEY, RunningTwin, TwinMarket, address_of
from workers import live_access
from workers.live_access import access_checked, check_access


@pytest.fixture
async def venue(twin: RunningTwin) -> AsyncIterator[PolymarketVenue]:
    made = await PolymarketVenue.create(await Endpoints.from_twin(twin.urls["control_url"]), private_key=OUR_KEY)
    yield made
    await made.close()


async def _written(engine: AsyncEngine, venue: PolymarketVenue) -> Access | None:
    async with engine.connect() as connection:
        return (await live.permission(connection, venue.account)).access


def _order(market: TwinMarket, side: Side, shares: str) -> OrderRequest:
    buys = side is Side.BUY
    return OrderRequest(
        token_id=TokenId(market.yes),
        condition_id=ConditionId(market.condition_id),
        side=side,
        shares=Decimal(shares),
        limit_price=Decimal("0.55") if buys else Decimal("0.40"),
        notional=Decimal("11.00") if buys else None,
    )


async def test_region_and_account_are_read_and_kept(
    twin: RunningTwin, engine: AsyncEngine, venue: PolymarketVenue
) -> None:
    async with access_checked(venue, engine, now=lambda: datetime.now(UTC)):
        assert await _written(engine, venue) == Access(geoblocked=False, closed_only=False, country="IE")
    await twin.post("/access", blocked=True, country="US", closed_only=[address_of(OUR_KEY)])

    assert await check_access(venue, engine, now=datetime.now(UTC))

    assert await _written(engine, venue) == Access(geoblocked=True, closed_only=True, country="US")


async def test_an_account_in_closed_only_mode_may_sell_but_not_buy(
    twin: RunningTwin, venue: PolymarketVenue, twin_market: TwinMarket
) -> None:
    market = await venue.market_of(TokenId(twin_market.yes))
    assert isinstance(await venue.send(await venue.sign(_order(twin_market, Side.BUY, "20"), market)), Accepted)
    await twin.post("/access", closed_only=[address_of(OUR_KEY)])

    bought = await venue.send(await venue.sign(_order(twin_market, Side.BUY, "20"), market))
    sold = await venue.send(await venue.sign(_order(twin_market, Side.SELL, "10"), market))
    await twin.post("/access", closed_only=[], blocked=True)
    blocked = await venue.send(await venue.sign(_order(twin_market, Side.SELL, "10"), market))

    assert isinstance(bought, Rejected)
    assert bought.code == "closed_only"
    assert isinstance(sold, Accepted)
    assert isinstance(blocked, Rejected)
    assert blocked.code == "region_blocked"


async def test_no_answer_is_no_permission(engine: AsyncEngine, twin: RunningTwin, venue: PolymarketVenue) -> None:
    with pytest.raises(VenueUnavailable):
        await region("http://127.0.0.1:9/api/geoblock")
    with pytest.raises(VenueUnavailable):
        await region(twin.urls["control_url"] + "/health")


async def test_the_region_is_asked_the_way_that_orders_go(
    twin: RunningTwin, venue: PolymarketVenue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    geoblock = (await Endpoints.from_twin(twin.urls["control_url"])).geoblock_url

    assert await region(geoblock) == (False, "IE")


async def test_a_database_that_was_away_does_not_end_the_asking(
    engine: AsyncEngine, venue: PolymarketVenue, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, failed = asyncio.Event(), False

    async def fails_once(*given: Any, **more: Any) -> None:
        nonlocal failed
        if not failed:
            failed = True
            raise ConnectionError("the database went away")
        await live.write_access(*given, **more)
        written.set()

    monkeypatch.setattr(live_access, "write_access", fails_once)
    monkeypatch.setattr(live_access, "CHECK_EVERY", timedelta(milliseconds=10))
    monkeypatch.setattr(live_access, "RETRY_AFTER", timedelta(milliseconds=10))
    asking = asyncio.create_task(live_access.keep_checking(venue, engine, now=lambda: datetime.now(UTC)))
    try:
        await asyncio.wait_for(written.wait(), 10)
    finally:
        await end(asking)

    assert failed
    assert await _written(engine, venue) is not None
