"""Markets with three outcomes in the live part: told apart, left out, and in nobody's way."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from random import Random

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.domain.ids import ConditionId, TokenId
from remora.domain.money import Side
from remora.domain.orders import OrderRequest, Rejected
from remora.domain.paper import paper_account
from remora.storage.paper import PostgresPaperStore
from remora.venues.paper.venue import PaperVenue
from remora.venues.paper.wire import written
from remora.venues.polymarket import feed_probe
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.probe import busy_tokens
from remora.venues.polymarket.public import PublicVenue, venue_clock
from remora.venues.venue import MarketNotBinary, MarketUnknown
from tests.fixtures.twin import RunningTwin, TwinMarket


@pytest.fixture
async def three(twin: RunningTwin) -> tuple[ConditionId, TokenId]:
    made = await twin.post("/categorical-markets", question="Who of three?", labels=["A", "B", "C"])
    return ConditionId(made["condition_id"]), TokenId(made["tokens"][2])


@pytest.fixture
async def venue(twin: RunningTwin) -> AsyncIterator[PublicVenue]:
    made = await PublicVenue.connect(await Endpoints.from_twin(twin.urls["control_url"]), random=Random(1))
    yield made
    await made.close()


async def test_it_is_told_apart_from_a_token_that_nobody_knows(
    venue: PublicVenue, three: tuple[ConditionId, TokenId]
) -> None:
    with pytest.raises(MarketNotBinary, match="not exactly two outcomes"):
        await venue.market_of(three[1])
    with pytest.raises(MarketUnknown) as unknown:
        await venue.market_of(TokenId("7" * 70))
    assert not isinstance(unknown.value, MarketNotBinary)


async def test_lists_leave_it_out_and_keep_the_others(
    venue: PublicVenue, three: tuple[ConditionId, TokenId], twin_market: TwinMarket
) -> None:
    conditions = [three[0], ConditionId(twin_market.condition_id)]

    assert [market.condition_id for market in await venue.markets(conditions)] == conditions[1:]
    assert [book.token_id for book in await venue.books([three[1], TokenId(twin_market.yes)])] == [twin_market.yes]


async def test_an_order_on_paper_is_refused_and_takes_nothing(
    venue: PublicVenue, engine: AsyncEngine, three: tuple[ConditionId, TokenId]
) -> None:
    paper = await PaperVenue.open(
        venue, PostgresPaperStore(engine), paper_account("0x" + "00" * 20), cash=Decimal(100)
    )
    request = OrderRequest(
        token_id=three[1],
        condition_id=three[0],
        side=Side.BUY,
        shares=Decimal(10),
        limit_price=Decimal("0.5"),
        notional=Decimal(5),
    )
    sent = await paper.send(written(request, account=paper.account, salt="1"))

    assert isinstance(sent, Rejected)
    assert sent.code == "market_not_ready"
    assert await paper.cash() == 100


async def test_the_doctors_look_at_the_market_channel_is_not_disturbed(
    twin: RunningTwin, three: tuple[ConditionId, TokenId], twin_market: TwinMarket
) -> None:
    endpoints = await Endpoints.from_twin(twin.urls["control_url"])
    tokens = await busy_tokens(endpoints)

    def now() -> datetime:
        return datetime.now(UTC)

    facts = await feed_probe.look_at_market(
        endpoints.market_ws_url, [*tokens, three[1]], await venue_clock(endpoints, now), now
    )

    assert twin_market.yes in tokens
    assert not facts.trouble
