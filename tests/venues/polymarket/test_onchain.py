"""Approvals and redemptions of every kind of wallet, by the official client against a served twin."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from remora.domain.ids import ConditionId, TokenId
from remora.domain.money import Side
from remora.domain.orders import Accepted, OrderRequest, Rejected
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.venue import PolymarketVenue
from remora.venues.twin.auth.wallets import SignatureType, wallets_of
from remora.venues.twin.chain.contracts import EXCHANGE_V3, ORDER_FILLED
from remora.venues.twin.engine.settlement import chain_hash
from remora.venues.venue import VenueRefused
from tests.fixtures.twin import RunningTwin, address_of, served

KEY = "0x" + "5c" * 32
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
KINDS = list(SignatureType)


def wallet_of(kind: SignatureType) -> str:
    """Return a wallet that the test's key controls."""
    return max(wallets_of(address_of(KEY))[kind])


@pytest.fixture
async def twin(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RunningTwin]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with served() as running:
        yield running


async def _venue(twin: RunningTwin, kind: SignatureType) -> PolymarketVenue:
    endpoints = await Endpoints.from_twin(twin.urls["control_url"])
    venue = await PolymarketVenue.create(endpoints, private_key=KEY, wallet=wallet_of(kind), random=Random(1))
    await twin.post("/accounts", address=venue.account, cash="1000")
    return venue


async def _buy(venue: PolymarketVenue, condition: str, token: str, dollars: str = "50.00") -> Any:
    market = await venue.market_of(TokenId(token))
    request = OrderRequest(
        token_id=TokenId(token),
        condition_id=ConditionId(condition),
        side=Side.BUY,
        shares=Decimal(dollars) / Decimal("0.6"),
        limit_price=Decimal("0.6"),
        notional=Decimal(dollars),
    )
    return await venue.send(await venue.sign(request, market))


@pytest.mark.parametrize(
    ("kind", "neg_risk"),
    [
        (SignatureType.EOA, True),
        (SignatureType.PROXY, False),
        (SignatureType.SAFE, True),
        (SignatureType.DEPOSIT, False),
    ],
)
async def test_every_kind_of_wallet_trades_and_redeems(
    twin: RunningTwin, kind: SignatureType, neg_risk: bool
) -> None:
    market = await twin.list_market("Which wallet?", price=0.5, neg_risk=neg_risk)
    venue = await _venue(twin, kind)

    assert isinstance(await _buy(venue, market.condition_id, market.yes), Accepted)
    held, before = await venue.shares(TokenId(market.yes)), await venue.cash()
    assert held > 0
    await twin.post("/resolve", condition_id=market.condition_id, payouts=["1", "0"])
    credited = await venue.redeem(ConditionId(market.condition_id))

    assert credited == held
    assert await venue.cash() == before + held
    assert await venue.redeem(ConditionId(market.condition_id)) == 0
    books = await twin.get(f"/books/{venue.account}")
    assert [Decimal(row["dollars"]) for row in books["redemptions"]] == [held]
    twin.twin.exchange.assert_conserved()
    await venue.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_wallet_without_approvals_cannot_trade_until_it_approves(
    twin: RunningTwin, kind: SignatureType
) -> None:
    market = await twin.list_market("Is it allowed?", price=0.5)
    venue = await _venue(twin, kind)
    assert await venue.chain.missing_approvals() == []
    await twin.post("/chain/approvals", address=venue.account)

    refused = await _buy(venue, market.condition_id, market.yes)
    missing = await venue.chain.missing_approvals()
    granted = [step async for step in venue.chain.approve(missing)]

    assert isinstance(refused, Rejected)
    assert refused.code == "not_enough_balance"
    assert [step.approval for step in granted] == missing
    assert len(missing) == 17
    assert {one.token_name for one in missing} == {"pUSD", "shares (conditional tokens)", "shares of Protocol V2"}
    assert await venue.chain.missing_approvals() == []
    assert isinstance(await _buy(venue, market.condition_id, market.yes), Accepted)
    await venue.close()


@pytest.mark.parametrize(("kind", "neg_risk"), [(SignatureType.EOA, False), (SignatureType.DEPOSIT, True)])
async def test_a_market_of_the_second_protocol_trades_and_redeems(
    twin: RunningTwin, kind: SignatureType, neg_risk: bool
) -> None:
    market = await twin.list_market("Second protocol?", price=0.5, neg_risk=neg_risk, protocol="v2")
    venue = await _venue(twin, kind)

    assert isinstance(await _buy(venue, market.condition_id, market.yes), Accepted)
    held = await venue.shares(TokenId(market.yes))
    found = (await venue.fills(since=LONG_AGO))[0]
    chain = twin.twin.node.chain
    while (placed := chain.places.get(chain_hash(twin.twin.exchange.trades[found.trade_id]))) is None:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    await twin.post("/resolve", condition_id=market.condition_id, payouts=["1", "0"])

    assert await venue.redeem(ConditionId(market.condition_id)) == held
    assert {log["address"] for log in placed[0].logs if log["topics"][0] == ORDER_FILLED} == {EXCHANGE_V3}
    await venue.close()


async def test_an_unresolved_market_and_an_empty_purse_are_refusals(twin: RunningTwin) -> None:
    market = await twin.list_market("Too early?", price=0.5)
    venue = await _venue(twin, SignatureType.EOA)
    await _buy(venue, market.condition_id, market.yes)

    with pytest.raises(VenueRefused):
        await venue.redeem(ConditionId(market.condition_id))
    await twin.post("/resolve", condition_id=market.condition_id, payouts=["1", "0"])
    await twin.post("/chain/gas", address=venue.account, coins="0")
    with pytest.raises(VenueRefused, match="insufficient funds"):
        await venue.redeem(ConditionId(market.condition_id))
    await venue.close()
