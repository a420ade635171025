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
from remora.venues.venue import VenueRefused, VenueUnavailable
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


@pytest.mark.parametrize(
    ("kind", "neg_risk"),
    [
        (SignatureType.EOA, False),
        (SignatureType.PROXY, True),
        (SignatureType.SAFE, False),
        (SignatureType.DEPOSIT, True),
    ],
)
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


async def _redeemable(twin: RunningTwin, kind: SignatureType) -> tuple[PolymarketVenue, ConditionId, Decimal]:
    market = await twin.list_market("Does it pay?", price=0.5)
    venue = await _venue(twin, kind)
    assert isinstance(await _buy(venue, market.condition_id, market.yes), Accepted)
    held = await venue.shares(TokenId(market.yes))
    await twin.post("/resolve", condition_id=market.condition_id, payouts=["1", "0"])
    return venue, ConditionId(market.condition_id), held


@pytest.mark.parametrize(
    ("kind", "service"), [(SignatureType.EOA, "rpc"), (SignatureType.SAFE, "relayer"), (SignatureType.EOA, "any")]
)
async def test_a_redemption_through_a_broken_node_or_relayer_is_tried_again_and_pays_once(
    twin: RunningTwin, kind: SignatureType, service: str
) -> None:
    venue, condition, held = await _redeemable(twin, kind)
    await twin.post("/faults", kind="server_error", on=service, count=1)

    with pytest.raises(VenueUnavailable):
        await venue.redeem(condition)
    assert await venue.redeem(condition) == held

    books = await twin.get(f"/books/{venue.account}")
    assert [Decimal(row["dollars"]) for row in books["redemptions"]] == [held]
    await venue.close()


@pytest.mark.parametrize(("kind", "service"), [(SignatureType.EOA, "rpc"), (SignatureType.SAFE, "relayer")])
async def test_a_redemption_whose_reply_was_lost_is_not_paid_twice(
    twin: RunningTwin, kind: SignatureType, service: str
) -> None:
    venue, condition, held = await _redeemable(twin, kind)
    # the node answers five questions before it takes the transaction; the relayer is asked once before
    await twin.post("/faults", kind="error_after_accept", on=service, count=1 if service == "relayer" else 6)
    credited = Decimal(0)
    for _ in range(12):
        try:
            credited += await venue.redeem(condition)
            if credited or not await venue.shares(TokenId((await venue.market(condition)).outcomes[0].token_id)):
                break
        except VenueUnavailable:
            await asyncio.sleep(0.2)

    books = await twin.get(f"/books/{venue.account}")
    assert [Decimal(row["dollars"]) for row in books["redemptions"]] == [held]
    assert credited in (0, held)
    assert await venue.redeem(condition) == 0
    await venue.close()


async def test_a_node_of_another_chain_gets_no_transaction(twin: RunningTwin) -> None:
    venue, condition, held = await _redeemable(twin, SignatureType.EOA)
    await twin.post("/faults", kind="node_wrong_chain")

    with pytest.raises(VenueUnavailable, match="chain id 80002 does not match"):
        await venue.redeem(condition)
    assert (await twin.get(f"/books/{venue.account}"))["redemptions"] == []
    await twin.control.delete("/faults")
    assert await venue.redeem(condition) == held
    await venue.close()
