"""Every fault of the twin, as our venue and the exchange's own books see it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal

import pytest

from remora.domain.ids import ConditionId, TokenId
from remora.domain.market import ResolutionStatus
from remora.domain.money import Side
from remora.domain.orders import Accepted, FillStatus, OrderRequest, Rejected, SignedOrder, Unknown
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.venue import PolymarketVenue
from remora.venues.venue import VenueUnavailable
from tests.fixtures.twin import OUR_KEY, RunningTwin, TwinMarket
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.system
MODES = {
    "restarting": "venue_restarting",
    "cancel_only": "cancel_only_mode",
    "post_only": "post_only_mode",
}
"""Answers by which the venue says that its engine never saw the order, and the code that we give each."""

BEFORE = ("rate_limited", "server_error", "trading_disabled", *MODES)
AFTER = ("cut_mid_reply", "error_after_accept")


@pytest.fixture
async def venue(twin: RunningTwin) -> AsyncIterator[PolymarketVenue]:
    made = await PolymarketVenue.create(await Endpoints.from_twin(twin.urls["control_url"]), private_key=OUR_KEY)
    yield made
    await made.close()


async def signed(venue: PolymarketVenue, market: TwinMarket, dollars: str = "10") -> SignedOrder:
    request = OrderRequest(
        token_id=TokenId(market.yes),
        condition_id=ConditionId(market.condition_id),
        side=Side.BUY,
        shares=Decimal(dollars) / Decimal("0.60"),
        notional=Decimal(dollars),
        limit_price=Decimal("0.60"),
    )
    return await venue.sign(request, await venue.market_of(request.token_id))


async def arm(twin: RunningTwin, kind: str, **options: object) -> None:
    await twin.post("/faults", kind=kind, **options)


async def fills(venue: PolymarketVenue, market: TwinMarket, order: SignedOrder) -> list[Decimal]:
    found = await venue.look_up(order.digest, condition_id=ConditionId(market.condition_id))
    return [fill.shares for fill in found.fills]


async def test_a_lost_or_wrong_reply_is_unknown_and_the_same_bytes_cannot_fill_twice(
    twin: RunningTwin, twin_market: TwinMarket, venue: PolymarketVenue
) -> None:
    for kind in (*BEFORE, *AFTER):
        order = await signed(venue, twin_market)
        await arm(twin, kind, count=1)
        outcome = await venue.send(order)
        if kind in MODES:
            assert isinstance(outcome, Rejected)
            assert outcome.code == MODES[kind]
        else:
            assert isinstance(outcome, Unknown), kind
        assert bool(await fills(venue, twin_market, order)) is (kind in AFTER), kind
        again = await venue.send(order)
        assert isinstance(again, Unknown if kind in AFTER else Accepted), (kind, again)
        assert len(await fills(venue, twin_market, order)) == 1, kind

    happened = (await twin.get("/faults"))["happened"]
    assert happened == dict.fromkeys(sorted((*BEFORE, *AFTER)), 1)
    assert len((await twin.books())["fills"]) == len(BEFORE) + len(AFTER)


@pytest.mark.parametrize(("kind", "filled"), [("timeout_before_accept", 0), ("timeout_after_accept", 1)])
async def test_a_reply_that_never_comes_is_unknown(
    twin: RunningTwin, twin_market: TwinMarket, venue: PolymarketVenue, kind: str, filled: int
) -> None:
    order = await signed(venue, twin_market)
    await arm(twin, kind, count=1)

    assert isinstance(await venue.send(order), Unknown)
    assert len(await fills(venue, twin_market, order)) == filled


async def test_reads_fail_too_when_asked_for(twin: RunningTwin, venue: PolymarketVenue) -> None:
    await arm(twin, "rate_limited", on="any", count=1, seconds=7)
    with pytest.raises(VenueUnavailable) as refused:
        await venue.open_orders()

    assert refused.value.retry_after == 7


async def test_an_order_is_held_back_and_fills_later(
    twin: RunningTwin, twin_market: TwinMarket, venue: PolymarketVenue
) -> None:
    order = await signed(venue, twin_market)
    await arm(twin, "order_delayed", seconds=0.3, count=1)
    answer = await venue.send(order)

    assert isinstance(answer, Accepted)
    assert answer.delayed
    assert (await venue.look_up(order.digest, condition_id=ConditionId(twin_market.condition_id))).live

    async def filled() -> bool:
        return bool(await fills(venue, twin_market, order))

    await eventually(filled, "the delayed order to fill", patience_s=30)


async def test_a_thin_book_fills_in_part_and_in_several_trades(
    twin: RunningTwin, twin_market: TwinMarket, venue: PolymarketVenue
) -> None:
    order = await signed(venue, twin_market)
    await arm(twin, "partial_fills", count=1)
    answer = await venue.send(order)

    assert isinstance(answer, Accepted)
    got = await fills(venue, twin_market, order)
    assert len(got) >= 2
    assert sum(got) == answer.matched_shares < Decimal(10) / Decimal("0.50")


async def test_the_tick_changes_and_the_market_closes_in_flight(
    twin: RunningTwin, twin_market: TwinMarket, venue: PolymarketVenue
) -> None:
    order = await signed(venue, twin_market)
    await arm(twin, "tick_in_flight", count=1)
    moved = await venue.send(order)
    assert isinstance(moved, Rejected)
    assert moved.code == "tick_size"
    assert (await venue.market_of(TokenId(twin_market.yes), fresh=True)).tick_size == Decimal("0.001")
    assert isinstance(await venue.send(await signed(venue, twin_market)), Accepted)

    order = await signed(venue, twin_market)
    await arm(twin, "close_in_flight", count=1)
    answer = await venue.send(order)
    assert isinstance(answer, Rejected)
    assert answer.code == "market_not_ready"


@pytest.mark.parametrize(
    ("kind", "status", "hashed"),
    [
        ("settle_failed", FillStatus.FAILED, False),
        ("settle_retrying", FillStatus.CONFIRMED, True),
        ("hash_missing", FillStatus.CONFIRMED, False),
        ("hash_late", FillStatus.CONFIRMED, True),
    ],
)
async def test_settlement_goes_astray(
    twin: RunningTwin,
    twin_market: TwinMarket,
    venue: PolymarketVenue,
    kind: str,
    status: FillStatus,
    hashed: bool,
) -> None:
    cash = await twin.cash()
    order = await signed(venue, twin_market)
    await arm(twin, kind, seconds=0.2, count=1)
    assert isinstance(await venue.send(order), Accepted)

    async def settled() -> bool:
        found = await venue.look_up(order.digest, condition_id=ConditionId(twin_market.condition_id))
        return [(fill.status, bool(fill.transaction_hash)) for fill in found.fills] == [(status, hashed)]

    await eventually(settled, f"{status} with a hash: {hashed}", patience_s=30)
    assert (await twin.cash() == cash) is (status is FillStatus.FAILED)


async def test_the_data_api_shows_an_old_page(
    twin: RunningTwin, twin_market: TwinMarket, venue: PolymarketVenue
) -> None:
    whale = "0x" + "ab" * 20
    clock = await venue.clock()
    since = clock.venue_origin - timedelta(days=1)
    assert await venue.whale_trades(whale, since=since) == []  # type: ignore[arg-type]
    await arm(twin, "data_stale", seconds=60)
    await twin.post("/trades", wallet=whale, token_id=twin_market.yes, side="BUY", price="0.5", size="10")
    assert await venue.whale_trades(whale, since=since) == []  # type: ignore[arg-type]
    await twin.control.delete("/faults")
    assert len(await venue.whale_trades(whale, since=since)) == 1  # type: ignore[arg-type]


async def test_resolutions_come_proposed_disputed_late_and_in_halves(
    twin: RunningTwin, twin_market: TwinMarket, twin_neg_risk_market: TwinMarket, venue: PolymarketVenue
) -> None:
    token, condition = TokenId(twin_market.yes), twin_market.condition_id
    for kind, status in (("resolution_proposed", "proposed"), ("resolution_disputed", "disputed")):
        await arm(twin, kind, market=condition)
        assert (await venue.market_of(token, fresh=True)).resolution.value == status
    await arm(twin, "resolution_fifty_fifty", market=condition)
    assert (await venue.market_of(token, fresh=True)).payouts == (Decimal("0.5"), Decimal("0.5"))

    refused = await twin.control.post(
        "/faults", json={"kind": "resolution_fifty_fifty", "market": twin_neg_risk_market.condition_id}
    )
    assert refused.status_code == 409
    await arm(twin, "resolution_late", market=twin_neg_risk_market.condition_id, seconds=0.3)
    late = await venue.market_of(TokenId(twin_neg_risk_market.yes), fresh=True)
    assert (late.accepting_orders, late.closed) == (False, False)

    async def resolved() -> bool:
        now = await venue.market_of(TokenId(twin_neg_risk_market.yes), fresh=True)
        return now.resolution is ResolutionStatus.RESOLVED

    await eventually(resolved, "the late resolution", patience_s=30)


async def test_nonsense_is_refused_with_the_field(twin: RunningTwin) -> None:
    for body, said in (({"kind": "gremlins"}, "kind"), ({"kind": "ws_drop", "rate": 2}, "rate")):
        answer = await twin.control.post("/faults", json=body)
        assert answer.status_code == 422
        assert answer.json()["error"].startswith(said)
    assert (await twin.control.delete("/faults", params={"kind": "x"})).status_code == 422
