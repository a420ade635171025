"""The paper venue on a served twin's markets: the same fills as a real order there, and its own money."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.domain.ids import ConditionId, OrderDigest, TokenId
from remora.domain.money import Side
from remora.domain.orders import (
    Accepted,
    FillStatus,
    OrderLookup,
    OrderRequest,
    OrderType,
    Rejected,
    SignedOrder,
    Unknown,
)
from remora.domain.paper import BookSide, Settlement, paper_account
from remora.storage.paper import PaperAccountMissing, PostgresPaperStore
from remora.venues.paper.venue import PaperVenue
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.public import PublicVenue
from remora.venues.polymarket.venue import PolymarketVenue
from remora.venues.venue import FillUpdate, Venue, VenueRefused
from tests.fixtures.twin import OUR_KEY, RunningTwin, TwinMarket, address_of
from tests.fixtures.waiting import eventually

ACCOUNT = paper_account(address_of(OUR_KEY))
CASH = Decimal(10_000)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
d = Decimal


@pytest.fixture
async def paper(twin: RunningTwin, engine: AsyncEngine) -> AsyncIterator[PaperVenue]:
    markets = await PublicVenue.connect(await Endpoints.from_twin(twin.urls["control_url"]))
    made = await PaperVenue.open(markets, PostgresPaperStore(engine), ACCOUNT, cash=CASH)
    yield made
    await made.close()


@pytest.fixture
async def real(twin: RunningTwin) -> AsyncIterator[PolymarketVenue]:
    made = await PolymarketVenue.create(
        await Endpoints.from_twin(twin.urls["control_url"]), private_key=OUR_KEY, random=Random(1)
    )
    yield made
    await made.close()


def _buy(market: TwinMarket, dollars: str, limit: str, **changes: object) -> OrderRequest:
    values: dict[str, object] = {
        "token_id": TokenId(market.yes),
        "condition_id": ConditionId(market.condition_id),
        "side": Side.BUY,
        "shares": (d(dollars) / d(limit)).quantize(d("0.01"), "ROUND_FLOOR"),
        "limit_price": d(limit),
        "notional": d(dollars),
    }
    return OrderRequest(**(values | changes))  # type: ignore[arg-type]


def _sell(market: TwinMarket, shares: Decimal, limit: str, **changes: object) -> OrderRequest:
    return _buy(market, "1", limit, side=Side.SELL, shares=shares, notional=None, **changes)


async def _send(venue: Venue, request: OrderRequest) -> object:
    return await venue.send(await venue.sign(request, await venue.market_of(request.token_id)))


def _lots(shares: Decimal) -> Decimal:
    return shares.quantize(d("0.01"), "ROUND_FLOOR")


async def _forget_claims(paper: PaperVenue, request: OrderRequest) -> None:
    """Here the exchange's own book shrinks by a real order too: our claims must not count on top of that."""
    async with paper._store.turn(ACCOUNT) as turn:
        for asks in (True, False):
            await turn.put_taken(BookSide(condition_id=request.condition_id, asks=asks, mirrored=False), {})


def test_the_paper_venue_is_a_venue() -> None:
    def accepts(venue: Venue) -> Venue:
        return venue

    def typed(venue: PaperVenue) -> Venue:
        return accepts(venue)

    assert callable(typed)


async def test_the_same_orders_fill_alike_on_paper_and_on_the_exchange(
    paper: PaperVenue, real: PolymarketVenue, twin_market: TwinMarket
) -> None:
    """Each order goes to paper first: the book that it meets is the one that the real order finds."""
    rng = Random(5)
    for number in range(12):
        if number % 3 == 2:
            held = await real.shares(TokenId(twin_market.yes))
            request = _sell(twin_market, _lots(held), "0.40")
        else:
            request = _buy(
                twin_market, f"{rng.randint(500, 90_000) / 100:.2f}", rng.choice(("0.51", "0.53", "0.55"))
            )
        await _forget_claims(paper, request)
        on_paper, on_exchange = await _send(paper, request), await _send(real, request)
        assert type(on_paper) is type(on_exchange), f"{number}: {request} {on_paper} {on_exchange}"

    def shape(fills: object) -> list[tuple[Side, Decimal, Decimal, Decimal]]:
        return sorted((f.side, f.price, f.shares, f.fee) for f in fills)  # type: ignore[attr-defined]

    assert shape(await paper.fills(since=LONG_AGO)) == shape(await real.fills(since=LONG_AGO))
    assert await paper.cash() == await real.cash()
    assert await paper.shares(TokenId(twin_market.yes)) == await real.shares(TokenId(twin_market.yes))


async def test_the_same_depth_is_not_filled_twice_not_even_through_the_other_outcome(
    paper: PaperVenue, twin: RunningTwin, twin_market: TwinMarket
) -> None:
    await twin.post("/quotes", token_id=twin_market.yes, bid="0.49", ask="0.50", size="100")
    top = (await paper.book(TokenId(twin_market.yes))).asks[0]
    assert top.price == d("0.50")
    first = await _send(paper, _buy(twin_market, f"{top.size * top.price:.2f}", "0.50"))

    again = await _send(paper, _buy(twin_market, "10.00", "0.50"))
    # selling No at 0.50 would meet the bid for No at 0.50, which is the offer of Yes that is gone
    bought = await _send(paper, _buy(twin_market, "10.00", "0.55", token_id=TokenId(twin_market.no)))
    held = await paper.shares(TokenId(twin_market.no))
    sold = await _send(
        paper,
        _sell(twin_market, _lots(held), "0.50", token_id=TokenId(twin_market.no)),
    )

    assert isinstance(first, Accepted)
    assert isinstance(again, Rejected)
    assert again.code == "fak_not_filled"
    assert isinstance(bought, Accepted)
    assert isinstance(sold, Rejected)
    assert sold.code == "fak_not_filled"


async def test_identical_bytes_are_taken_once_and_foreign_bytes_never(
    paper: PaperVenue, twin_market: TwinMarket
) -> None:
    request = _buy(twin_market, "10.00", "0.53")
    signed = await paper.sign(request, await paper.market_of(request.token_id))
    assert isinstance(await paper.send(signed), Accepted)
    cash = await paper.cash()

    again = await paper.send(SignedOrder(digest=signed.digest, payload=signed.payload))
    foreign = await paper.send(SignedOrder(digest=signed.digest, payload='{"order":{}}'))

    assert isinstance(again, Unknown)
    assert isinstance(foreign, Rejected)
    assert await paper.cash() == cash
    found = await paper.look_up(signed.digest, condition_id=request.condition_id)
    assert (found.found, found.live, len(found.fills)) == (True, False, 1)


async def test_an_account_survives_a_restart_and_settles_by_the_clock(
    paper: PaperVenue, twin: RunningTwin, engine: AsyncEngine, twin_market: TwinMarket
) -> None:
    before = datetime.now(UTC)
    sent = await _send(paper, _buy(twin_market, "10.00", "0.53"))
    assert isinstance(sent, Accepted)
    cash, shares = await paper.cash(), await paper.shares(TokenId(twin_market.yes))
    later = datetime.now(UTC) + timedelta(minutes=1)
    markets = await PublicVenue.connect(await Endpoints.from_twin(twin.urls["control_url"]))
    store = PostgresPaperStore(engine)
    await store.open(ACCOUNT, cash=d(1), now=later)
    restarted = PaperVenue(markets, store, ACCOUNT, now=lambda: later)

    assert (await restarted.cash(), await restarted.shares(TokenId(twin_market.yes))) == (cash, shares)
    at_once = PaperVenue(markets, store, ACCOUNT, now=lambda: before)
    assert [fill.status for fill in await at_once.fills(since=LONG_AGO)] == [FillStatus.MATCHED]
    assert [fill.status for fill in await restarted.fills(since=LONG_AGO)] == [FillStatus.CONFIRMED]
    assert isinstance(await _send(restarted, _sell(twin_market, _lots(shares), "0.40")), Accepted)
    await restarted.close()
    with pytest.raises(PaperAccountMissing):
        async with store.turn(paper_account("0x" + "99" * 20)):
            pass


async def test_a_resting_order_fills_when_the_book_comes_to_it(
    paper: PaperVenue, twin: RunningTwin, twin_market: TwinMarket
) -> None:
    resting = _buy(twin_market, "1", "0.40", notional=None, shares=d("50"), order_type=OrderType.GTC)
    sent = await _send(paper, resting)
    assert isinstance(sent, Accepted)
    assert sent.live
    assert await paper.open_orders() == [sent.digest]
    too_much = _buy(twin_market, "9990.00", "0.55")
    refused = await _send(paper, too_much)
    assert isinstance(refused, Rejected)
    assert refused.code == "not_enough_balance", "the resting order holds twenty dollars"

    await twin.post("/quotes", token_id=twin_market.yes, bid="0.37", ask="0.39", size="30")
    (await paper.look_up(sent.digest, condition_id=resting.condition_id))
    await twin.post("/quotes", token_id=twin_market.yes, bid="0.36", ask="0.38", size="1000")
    found = await paper.look_up(sent.digest, condition_id=resting.condition_id)

    assert not found.live
    assert {fill.price for fill in found.fills} == {d("0.40")}, "a maker gets its own price"
    assert sum(fill.shares for fill in found.fills) == d("50")
    assert sum(fill.fee for fill in found.fills) == 0
    assert await paper.open_orders() == []
    assert not await paper.cancel(sent.digest)


async def test_shares_are_redeemed_once_the_market_has_paid_out(
    paper: PaperVenue, twin: RunningTwin, twin_market: TwinMarket
) -> None:
    await _send(paper, _buy(twin_market, "10.00", "0.53"))
    condition = ConditionId(twin_market.condition_id)
    with pytest.raises(VenueRefused, match="not resolved"):
        await paper.redeem(condition)
    await twin.post("/resolve", condition_id=condition, payouts=["1", "0"])

    (holding,) = await paper.holdings()
    before = await paper.cash()
    credited = await paper.redeem(condition)

    assert holding.redeemable
    assert credited == holding.shares
    assert await paper.cash() == before + credited
    assert await paper.redeem(condition) == 0
    assert await paper.holdings() == []
    late = await _send(paper, _buy(twin_market, "10.00", "0.53"))
    assert isinstance(late, Rejected)
    assert late.code == "market_not_ready"


async def test_the_fill_feed_tells_every_step_of_settlement(
    twin: RunningTwin, engine: AsyncEngine, twin_market: TwinMarket
) -> None:
    markets = await PublicVenue.connect(await Endpoints.from_twin(twin.urls["control_url"]))
    store = PostgresPaperStore(engine)
    await store.open(ACCOUNT, cash=CASH, now=datetime.now(UTC))
    quick = Settlement(mined_after=timedelta(seconds=0.5), confirmed_after=timedelta(seconds=1))
    venue = PaperVenue(markets, store, ACCOUNT, settlement=quick)
    seen: list[FillStatus] = []

    async def listen() -> None:
        async for update in venue.fill_feed():
            assert isinstance(update, FillUpdate)
            seen.append(update.fill.status)
            if update.fill.status is FillStatus.CONFIRMED:
                return

    listening = asyncio.create_task(listen())
    await _send(venue, _buy(twin_market, "10.00", "0.53"))
    await asyncio.wait_for(listening, timeout=30)

    assert seen == sorted(seen, key=list(FillStatus).index)
    assert "user" in venue.last_message_at()
    await venue.close()


async def test_orders_of_one_account_come_one_after_the_other(
    paper: PaperVenue, twin: RunningTwin, twin_market: TwinMarket
) -> None:
    await twin.post("/quotes", token_id=twin_market.yes, bid="0.49", ask="0.50", size="100")
    top = (await paper.book(TokenId(twin_market.yes))).asks[0]

    sent = await asyncio.gather(*(_send(paper, _buy(twin_market, "20.00", "0.50")) for _ in range(8)))

    taken = sum(outcome.matched_shares for outcome in sent if isinstance(outcome, Accepted))
    assert taken <= top.size
    assert taken == await paper.shares(TokenId(twin_market.yes))


async def test_a_market_that_holds_takers_back_fills_alike_on_paper_and_on_the_exchange(
    paper: PaperVenue, real: PolymarketVenue, twin: RunningTwin
) -> None:
    """Both orders are held back while the price moves away, and both pay the price of later."""
    market = await twin.list_market("Is it a game?", price=0.5, seconds_delay=1)
    await twin.post("/quotes", token_id=market.yes, bid="0.49", ask="0.50", size="1000")
    request = _buy(market, "10.00", "0.55")

    on_paper, on_exchange = await _send(paper, request), await _send(real, request)
    assert isinstance(on_paper, Accepted)
    assert isinstance(on_exchange, Accepted)
    assert on_paper.delayed
    assert on_exchange.delayed
    assert on_paper.matched_shares == on_exchange.matched_shares == 0
    assert not await paper.cancel(on_paper.digest)
    assert await paper.open_orders() == [on_paper.digest]
    refused = await _send(paper, _buy(market, "9995.00", "0.55"))
    assert isinstance(refused, Rejected), "what is held back holds its dollars"
    await twin.post("/quotes", token_id=market.yes, bid="0.52", ask="0.53", size="1000")

    looks = [
        await _wait_for_fills(venue, sent.digest, request.condition_id)
        for venue, sent in ((paper, on_paper), (real, on_exchange))
    ]

    prices = [{(fill.price, fill.shares, fill.fee) for fill in look.fills} for look in looks]
    assert prices[0] == prices[1]
    assert {price for price, _, _ in prices[0]} == {d("0.53")}
    assert not any(look.live for look in looks)


async def test_what_cannot_fill_after_the_delay_ends_without_a_fill(paper: PaperVenue, twin: RunningTwin) -> None:
    market = await twin.list_market("Does it run away?", price=0.5, seconds_delay=1)
    sent = await _send(paper, _buy(market, "10.00", "0.51"))
    assert isinstance(sent, Accepted)
    assert sent.delayed
    await twin.post("/quotes", token_id=market.yes, bid="0.60", ask="0.61", size="1000")
    condition = ConditionId(market.condition_id)

    async def over() -> bool:
        return not (await paper.look_up(sent.digest, condition_id=condition)).live

    await eventually(over, "the end of the delay", patience_s=30)
    found = await paper.look_up(sent.digest, condition_id=condition)
    assert (found.found, found.fills) == (True, ())
    assert await paper.cash() == CASH


async def _wait_for_fills(venue: Venue, digest: OrderDigest, condition: ConditionId) -> OrderLookup:
    async def filled() -> bool:
        return bool((await venue.look_up(digest, condition_id=condition)).fills)

    await eventually(filled, "a fill", patience_s=30)
    return await venue.look_up(digest, condition_id=condition)


async def _venue_whose_settlements_fail(
    twin: RunningTwin, engine: AsyncEngine, moments: list[datetime]
) -> PaperVenue:
    """Return a venue that lives at the last of `moments`."""
    markets = await PublicVenue.connect(await Endpoints.from_twin(twin.urls["control_url"]))
    store = PostgresPaperStore(engine)
    await store.open(ACCOUNT, cash=CASH, now=moments[0])
    return PaperVenue(
        markets, store, ACCOUNT, now=lambda: moments[-1], settlement=Settlement(failed_share=Decimal(1))
    )


async def test_a_settlement_that_fails_gives_back_what_it_took(
    twin: RunningTwin, engine: AsyncEngine, twin_market: TwinMarket
) -> None:
    moments = [datetime.now(UTC)]
    venue = await _venue_whose_settlements_fail(twin, engine, moments)
    token = TokenId(twin_market.yes)
    bought = await _send(venue, _buy(twin_market, "10.00", "0.53"))
    assert isinstance(bought, Accepted)
    assert await venue.shares(token) > 0
    statuses = [{fill.status for fill in await venue.fills(since=LONG_AGO)}]
    for seconds in (3, 10):
        moments.append(moments[0] + timedelta(seconds=seconds))
        statuses.append({fill.status for fill in await venue.fills(since=LONG_AGO)})

    assert statuses == [{FillStatus.MATCHED}, {FillStatus.MINED}, {FillStatus.FAILED}]
    assert await venue.cash() == CASH
    assert await venue.shares(token) == 0
    assert await venue.holdings() == []
    await venue.close()


async def test_a_failing_purchase_whose_shares_were_sold_settles_after_all(
    twin: RunningTwin, engine: AsyncEngine, twin_market: TwinMarket
) -> None:
    moments = [datetime.now(UTC)]
    venue = await _venue_whose_settlements_fail(twin, engine, moments)
    assert isinstance(await _send(venue, _buy(twin_market, "10.00", "0.53")), Accepted)
    held = await venue.shares(TokenId(twin_market.yes))
    moments.append(moments[0] + timedelta(seconds=1))
    assert isinstance(await _send(venue, _sell(twin_market, _lots(held), "0.40")), Accepted)
    after_both = await venue.cash()
    moments.append(moments[0] + timedelta(seconds=10))

    fills = await venue.fills(since=LONG_AGO)

    by_side = {side: {fill.status for fill in fills if fill.side is side} for side in Side}
    assert by_side[Side.BUY] == {FillStatus.CONFIRMED}
    assert by_side[Side.SELL] == {FillStatus.FAILED}, "the shares came back"
    sold = sum((fill.shares * fill.price - fill.fee for fill in fills if fill.side is Side.SELL), d(0))
    assert abs(await venue.cash() - (after_both - sold)) <= d("0.00001")
    assert await venue.shares(TokenId(twin_market.yes)) == held
    await venue.close()
