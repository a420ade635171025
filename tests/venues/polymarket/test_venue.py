"""The adapter, over the official client, against a served twin."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest

from remora.domain.ids import ConditionId, OrderDigest, TokenId, WalletAddress
from remora.domain.market import MarketClass, ResolutionStatus
from remora.domain.money import Side
from remora.domain.orders import Accepted, FillStatus, OrderRequest, OrderType, Rejected, SignedOrder, Unknown
from remora.domain.trades import WhaleTrade
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.trading import outcome
from remora.venues.polymarket.venue import PolymarketVenue
from remora.venues.venue import BookUpdate, FillUpdate, MarketUnknown, Venue, VenueRefused
from tests.fixtures.twin import RunningTwin

KEY = "0x" + "4f" * 32
WHALE = WalletAddress("0x" + "ab" * 20)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
DIGEST = OrderDigest("0x" + "12" * 32)


@pytest.fixture
async def venue(twin: RunningTwin) -> "PolymarketVenue":
    endpoints = await Endpoints.from_twin(twin.urls["control_url"])
    made = await PolymarketVenue.create(endpoints, private_key=KEY, random=Random(1))
    await twin.post("/accounts", address=made.account, cash="1000")
    return made


async def _market(twin: RunningTwin, **fields: object) -> tuple[ConditionId, TokenId, TokenId]:
    made = await twin.post("/markets", question="Will it rain?", **fields)
    yes, no = made["token_ids"] if "token_ids" in made else made["tokens"]
    return ConditionId(made["condition_id"]), TokenId(yes), TokenId(no)


def _buy(token: TokenId, condition: ConditionId, dollars: str, limit: str) -> OrderRequest:
    return OrderRequest(
        token_id=token,
        condition_id=condition,
        side=Side.BUY,
        shares=Decimal(dollars) / Decimal(limit),
        limit_price=Decimal(limit),
        notional=Decimal(dollars),
    )


def test_the_adapter_is_a_venue() -> None:
    def accepts(venue: Venue) -> Venue:
        return venue

    def typed(venue: PolymarketVenue) -> Venue:
        return accepts(venue)

    assert callable(typed)


async def test_a_purchase_is_found_by_its_digest_and_books_agree(
    venue: PolymarketVenue, twin: RunningTwin
) -> None:
    condition, yes, _ = await _market(twin)
    market = await venue.market_of(yes)

    signed = await venue.sign(_buy(yes, condition, "50.00", "0.53"), market)
    sent = await venue.send(signed)

    assert isinstance(sent, Accepted)
    found = await venue.look_up(signed.digest, condition_id=condition)
    assert found.found
    assert not found.live
    paid = sum((fill.shares * fill.price + fill.fee for fill in found.fills), Decimal(0))
    assert await venue.shares(yes) == sum((fill.shares for fill in found.fills), Decimal(0))
    assert abs(Decimal(1000) - await venue.cash() - paid) < Decimal("0.00001")
    await venue.close()


async def test_the_same_bytes_sent_again_fill_nothing_more(venue: PolymarketVenue, twin: RunningTwin) -> None:
    condition, yes, _ = await _market(twin)
    signed = await venue.sign(_buy(yes, condition, "10.00", "0.53"), await venue.market_of(yes))
    assert isinstance(await venue.send(signed), Accepted)
    shares = await venue.shares(yes)

    again = await venue.send(SignedOrder(digest=signed.digest, payload=signed.payload))

    assert isinstance(again, Unknown)
    assert await venue.shares(yes) == shares
    await venue.close()


async def test_a_sale_gives_the_shares_back(venue: PolymarketVenue, twin: RunningTwin) -> None:
    condition, yes, _ = await _market(twin)
    market = await venue.market_of(yes)
    await venue.send(await venue.sign(_buy(yes, condition, "50.00", "0.53"), market))
    held = (await venue.shares(yes)).quantize(Decimal("0.01"), "ROUND_FLOOR")
    request = OrderRequest(
        token_id=yes, condition_id=condition, side=Side.SELL, shares=held, limit_price=Decimal("0.40")
    )

    sent = await venue.send(await venue.sign(request, market))

    assert isinstance(sent, Accepted)
    assert await venue.shares(yes) < Decimal("0.01")
    # also within one second
    assert [fill.side for fill in await venue.fills(since=LONG_AGO)] == [Side.BUY, Side.SELL]
    await venue.close()


async def test_a_resting_order_is_live_until_cancelled(venue: PolymarketVenue, twin: RunningTwin) -> None:
    condition, yes, _ = await _market(twin)
    request = OrderRequest(
        token_id=yes,
        condition_id=condition,
        side=Side.BUY,
        shares=Decimal(10),
        limit_price=Decimal("0.20"),
        order_type=OrderType.GTC,
    )
    signed = await venue.sign(request, await venue.market_of(yes))
    sent = await venue.send(signed)

    assert isinstance(sent, Accepted)
    assert sent.live
    assert await venue.open_orders() == [signed.digest]
    assert (await venue.look_up(signed.digest, condition_id=condition)).live
    assert await venue.cancel(signed.digest)
    assert not await venue.cancel(signed.digest)
    await venue.close()


async def test_orders_and_cancels_never_wait_for_the_pace_of_reads(
    venue: PolymarketVenue, twin: RunningTwin, monkeypatch: pytest.MonkeyPatch
) -> None:
    condition, yes, _ = await _market(twin)
    request = replace(_buy(yes, condition, "2.00", "0.20"), order_type=OrderType.GTC, notional=None)
    market = await venue.market_of(yes)

    async def refused(family: str) -> None:
        raise AssertionError(f"waited for a turn to read {family}")

    monkeypatch.setattr(venue.limiter, "turn", refused)
    signed = await venue.sign(request, market)
    assert isinstance(await venue.send(signed), Accepted)
    assert await venue.cancel(signed.digest)
    with pytest.raises(AssertionError):
        await venue.open_orders()
    await venue.close()


async def test_an_order_with_an_end_rests_until_then_and_none_is_signed_without(
    venue: PolymarketVenue, twin: RunningTwin
) -> None:
    condition, yes, _ = await _market(twin)
    ends = datetime.now(UTC) + timedelta(seconds=140)
    request = OrderRequest(
        token_id=yes,
        condition_id=condition,
        side=Side.BUY,
        shares=Decimal(10),
        limit_price=Decimal("0.20"),
        order_type=OrderType.GTD,
        expires_at=ends,
    )
    market, now = await venue.market_of(yes), twin.twin.clock.now()
    signed = await venue.sign(request, market)
    sent = await venue.send(signed)
    assert isinstance(sent, Accepted)
    assert sent.live

    twin.twin.exchange.advance(now=now, wall=ends - timedelta(seconds=1))
    assert await venue.open_orders() == [signed.digest]
    twin.twin.exchange.advance(now=now, wall=ends + timedelta(seconds=1))
    assert await venue.open_orders() == []
    assert not (await venue.look_up(signed.digest, condition_id=condition)).live
    for wrong in (None, datetime.now(UTC) + timedelta(seconds=30)):
        with pytest.raises(VenueRefused):
            await venue.sign(replace(request, expires_at=wrong), market)
    await venue.close()


async def test_facts_follow_the_market_to_its_payout(venue: PolymarketVenue, twin: RunningTwin) -> None:
    condition, yes, no = await _market(twin, category="Politics")
    before = await venue.market_of(yes)
    await venue.send(await venue.sign(_buy(yes, condition, "10.00", "0.53"), before))
    await twin.post("/propose", condition_id=condition)
    proposed = await venue.market_of(yes, fresh=True)
    await twin.post("/resolve", condition_id=condition, payouts=["1", "0"])
    (resolved,) = await venue.markets([condition])

    assert before.market_class is MarketClass.STANDARD
    assert before.fee_rate == Decimal("0.04")
    assert proposed.resolution is ResolutionStatus.PROPOSED
    assert resolved.payout(yes) == 1
    assert resolved.payout(no) == 0
    held = await venue.shares(yes)
    assert await venue.redeem(condition) == held
    assert await venue.redeem(condition) == 0
    with pytest.raises(MarketUnknown):
        await venue.market_of(TokenId("12345"))
    await venue.close()


async def test_the_feeds_tell_of_whales_books_and_our_own_fills(venue: PolymarketVenue, twin: RunningTwin) -> None:
    condition, yes, _ = await _market(twin)
    whales, books, fills = venue.whale_feed(), venue.book_feed(), venue.fill_feed()
    await whales.follow([WHALE])
    await books.watch([yes])
    first_trade = asyncio.ensure_future(anext(aiter(whales)))
    first_book = asyncio.ensure_future(anext(aiter(books)))
    first_fill = asyncio.ensure_future(anext(aiter(fills)))
    await asyncio.sleep(0.5)

    await twin.post("/trades", wallet=WHALE, token_id=yes, side="BUY", price="0.50", size="100")
    await venue.send(await venue.sign(_buy(yes, condition, "10.00", "0.53"), await venue.market_of(yes)))
    trade, book, fill = await asyncio.wait_for(asyncio.gather(first_trade, first_book, first_fill), timeout=10)

    assert isinstance(trade, WhaleTrade)
    assert (trade.whale, trade.token_id, trade.size) == (WHALE, yes, Decimal(100))
    assert isinstance(book, BookUpdate)
    assert book.book.best_bid is not None
    assert isinstance(fill, FillUpdate)
    assert fill.fill.status in FillStatus
    seen = await venue.whale_trades(WHALE, since=trade.happened_at - timedelta(minutes=1))
    assert [row.key for row in seen] == [trade.key]
    await venue.close()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, '{"error":"could not insert order"}'),
        (503, "{}"),
        (425, "{}"),
        (503, '{"error":"upstream"}'),
        (429, "{}"),
        (200, "<html>"),
    ],
)
def test_doubt_is_unknown(status: int, body: str) -> None:
    assert isinstance(outcome(DIGEST, status, body), Unknown)


def test_a_definite_no_is_a_rejection_with_a_stable_code() -> None:
    refused = outcome(DIGEST, 400, '{"error":"not enough balance / allowance: the balance is not enough"}')

    assert isinstance(refused, Rejected)
    assert refused.code == "not_enough_balance"
