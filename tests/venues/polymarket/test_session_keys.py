"""Session keys by the official client on a served twin: granted, used for orders alone, taken back."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest
from polymarket import AsyncSecureClient, SessionKeyKnownScope

from remora.domain.ids import ConditionId, TokenId
from remora.domain.money import Side
from remora.domain.orders import Accepted, OrderRequest, OrderType, Rejected, SendOutcome
from remora.venues.polymarket import sdk
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.venue import PolymarketVenue
from remora.venues.twin.auth.session_keys import Grant, SessionKeys
from remora.venues.twin.auth.wallets import SignatureType, wallets_of
from remora.venues.venue import VenueRefused, VenueUnavailable
from tests.fixtures.twin import RunningTwin, TwinMarket, address_of

OWNER, SESSION, STRANGER = "0x" + "5c" * 32, "0x" + "5d" * 32, "0x" + "5e" * 32
WALLET = max(wallets_of(address_of(OWNER))[SignatureType.DEPOSIT])
BUILDER = sdk.builder_key("a-builder", "YS1zZWNyZXQ=", "a-phrase")
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


async def _venue(twin: RunningTwin, key: str, *, wallet: str = WALLET) -> PolymarketVenue:
    endpoints = await Endpoints.from_twin(twin.urls["control_url"])
    return await PolymarketVenue.create(
        endpoints, private_key=key, wallet=wallet, builder_key=BUILDER, random=Random(1)
    )


@pytest.fixture
async def owner(twin: RunningTwin) -> AsyncIterator[PolymarketVenue]:
    await twin.post("/accounts", address=WALLET, cash="1000")
    made = await _venue(twin, OWNER)
    yield made
    await made.close()


@pytest.fixture
async def session(twin: RunningTwin) -> AsyncIterator[PolymarketVenue]:
    made = await _venue(twin, SESSION)
    yield made
    await made.close()


async def _send(venue: PolymarketVenue, market: TwinMarket, **changes: object) -> SendOutcome:
    values: dict[str, object] = {
        "token_id": TokenId(market.yes),
        "condition_id": ConditionId(market.condition_id),
        "side": Side.BUY,
        "shares": Decimal("16.66"),
        "limit_price": Decimal("0.6"),
        "notional": Decimal("10.00"),
    }
    request = OrderRequest(**(values | changes))  # type: ignore[arg-type]
    return await venue.send(await venue.sign(request, await venue.market_of(request.token_id)))


@pytest.mark.parametrize("facts", [{}, {"neg_risk": True}, {"protocol": "v2"}])
async def test_a_session_key_trades_for_the_wallet_until_it_is_taken_back(
    twin: RunningTwin, owner: PolymarketVenue, session: PolymarketVenue, facts: dict[str, object]
) -> None:
    market = await twin.list_market("May it trade?", price=0.5, **facts)
    before = await _send(session, market)
    granted = await owner.session_keys.authorise(address_of(SESSION))
    bought = await _send(session, market)
    resting = await _send(
        session, market, order_type=OrderType.GTC, limit_price=Decimal("0.3"), notional=None, shares=Decimal(10)
    )

    assert isinstance(before, Rejected)
    assert (granted.address.lower(), granted.scopes) == (address_of(SESSION).lower(), ("CLOB",))
    assert granted.valid_until - datetime.now(UTC) > timedelta(days=179)
    assert isinstance(bought, Accepted)
    assert session.account == WALLET
    assert await session.cash() == await owner.cash() < 1000
    assert [fill.order_digest for fill in await session.fills(since=LONG_AGO)] == [bought.digest]
    assert isinstance(resting, Accepted)
    assert await session.cancel(resting.digest)

    assert await owner.session_keys.listed() == [granted]
    await owner.session_keys.revoke(address_of(SESSION))
    assert await owner.session_keys.listed() == []
    after = await _send(session, market)
    assert isinstance(after, Rejected)
    twin.twin.exchange.assert_conserved()


async def test_it_can_neither_approve_nor_redeem_nor_grant(
    twin: RunningTwin, twin_market: TwinMarket, owner: PolymarketVenue, session: PolymarketVenue
) -> None:
    await owner.session_keys.authorise(address_of(SESSION))
    assert isinstance(await _send(session, twin_market), Accepted)
    await twin.post("/resolve", condition_id=twin_market.condition_id, payouts=["1", "0"])

    with pytest.raises(VenueUnavailable, match="a session key cannot"):
        await session.redeem(ConditionId(twin_market.condition_id))
    with pytest.raises(VenueRefused, match="owner's key"):
        _ = [step async for step in session.chain.approve(await session.chain.missing_approvals())]
    with pytest.raises(VenueRefused, match="only be managed by the Deposit Wallet owner"):
        await session.session_keys.authorise(address_of(STRANGER))
    assert await owner.redeem(ConditionId(twin_market.condition_id)) > 0


async def test_a_key_nobody_granted_and_one_granted_for_something_else_are_refused(
    twin: RunningTwin, twin_market: TwinMarket, owner: PolymarketVenue, session: PolymarketVenue
) -> None:
    stranger = await _venue(twin, STRANGER)
    client: AsyncSecureClient = owner._secure
    await client.authorize_session_key(address=address_of(SESSION), scopes=(SessionKeyKnownScope.COMBOSRFQ,))

    refused = [await _send(venue, twin_market) for venue in (stranger, session)]

    assert all(isinstance(outcome, Rejected) for outcome in refused)
    await stranger.close()


async def test_only_deposit_wallets_have_session_keys(twin: RunningTwin) -> None:
    venue = await _venue(twin, OWNER, wallet=address_of(OWNER))

    with pytest.raises(VenueRefused, match="Deposit Wallet"):
        await venue.session_keys.listed()
    await venue.close()


def test_a_grant_ends_with_its_time() -> None:
    at = datetime(2026, 11, 24, tzinfo=UTC)
    moments = [at]
    keys = SessionKeys(lambda: moments[-1])
    keys.authorise(WALLET, SESSION[:42], Grant(("ALL",), int(at.timestamp()) + 60))

    assert keys.wallets_for(SESSION[:42]) == {WALLET}
    moments.append(at + timedelta(seconds=60))
    assert keys.wallets_for(SESSION[:42]) == frozenset()
