"""Orders of every kind through the official client."""

import time
from datetime import timedelta
from decimal import Decimal

import pytest
from polymarket import (
    AcceptedOrder,
    AsyncSecureClient,
    InsufficientLiquidityError,
    RejectedOrder,
    RequestRejectedError,
)
from polymarket.models.clob.order_response import OrderResponse

from remora.domain.ids import ConditionId
from tests.fixtures.twin import OTHER_KEY, OUR_KEY, RunningTwin, TwinMarket
from tests.venues.twin.clob.raw_client import order_id

D = Decimal
UNIT = 1_000_000


def accepted(answer: OrderResponse) -> AcceptedOrder:
    """Return an answer that must be an acceptance."""
    assert isinstance(answer, AcceptedOrder), answer
    return answer


async def quote(twin: RunningTwin, market: TwinMarket, bid: str, ask: str, size: str) -> None:
    """Make the synthetic depth of one token known exactly at its touch."""
    await twin.post("/quotes", token_id=market.yes, bid=bid, ask=ask, size=size)


async def test_a_limit_order_rests_and_its_id_is_the_digest_we_compute_ourselves(
    ours: AsyncSecureClient, quiet: TwinMarket, twin_neg_risk_market: TwinMarket
) -> None:
    for market, price, neg_risk in ((quiet, "0.41", False), (twin_neg_risk_market, "0.012", True)):
        signed = await ours.create_limit_order(token_id=market.yes, price=price, size="12.34", side="BUY")
        wire = {
            "salt": signed.salt,
            "maker": signed.maker,
            "signer": signed.signer,
            "tokenId": signed.token_id,
            "makerAmount": signed.maker_amount,
            "takerAmount": signed.taker_amount,
            "side": signed.side,
            "signatureType": signed.signature_type,
            "timestamp": signed.timestamp,
            "metadata": signed.metadata,
            "builder": signed.builder,
        }
        answer = accepted(await ours.post_order(signed))

        assert answer.order_id == order_id(wire, neg_risk=neg_risk)
        assert (answer.status, answer.trade_ids, answer.making_amount) == ("live", (), D(0))
        resting = await ours.get_order(order_id=answer.order_id)
        assert (resting.price, resting.original_size, resting.size_matched) == (D(price), D("12.34"), D(0))
        assert (resting.side, resting.order_type, resting.expires_at) == ("BUY", "GTC", None)
        assert resting.owner == ours.credentials.key


async def test_a_good_till_date_order_says_when_it_ends_and_ends_a_minute_early(
    twin: RunningTwin, ours: AsyncSecureClient, quiet: TwinMarket
) -> None:
    expiration = int(time.time()) + 200
    made = accepted(
        await ours.place_limit_order(token_id=quiet.yes, price="0.4", size="10", side="BUY", expiration=expiration)
    )
    resting = await ours.get_order(order_id=made.order_id)
    assert resting.expires_at is not None
    assert (resting.order_type, int(resting.expires_at.timestamp())) == ("GTD", expiration)

    now = twin.twin.clock.now()
    for before_end, left in ((61, 1), (60, 0)):
        wall = resting.expires_at - timedelta(seconds=before_end)
        twin.twin.exchange.advance(now=now, wall=wall)
        assert len((await ours.list_open_orders().first_page()).items) == left


@pytest.mark.parametrize("protected", [True, False])
@pytest.mark.parametrize("kind", ["FAK", "FOK"])
async def test_a_market_purchase_spends_its_dollars_at_the_books_prices(
    twin: RunningTwin, ours: AsyncSecureClient, twin_market: TwinMarket, kind: str, protected: bool
) -> None:
    await quote(twin, twin_market, "0.48", "0.50", "100")

    answer = accepted(
        await ours.place_market_order(
            token_id=twin_market.yes,
            side="BUY",
            amount="40",
            max_price="0.55" if protected else None,
            order_type="FAK" if kind == "FAK" else "FOK",
        )
    )

    assert (answer.status, answer.making_amount, answer.taking_amount) == ("matched", D(40), D(80))
    assert answer.transactions_hashes == ()
    assert await twin.cash() == 10_000 - 40 - D("0.80000"), "80 shares at 0.50 pay 0.04 * 80 * 0.25"
    held = await ours.get_balance_allowance(asset_type="CONDITIONAL", token_id=twin_market.yes)
    assert held.balance == 80 * UNIT


@pytest.mark.parametrize("protected", [True, False])
@pytest.mark.parametrize("kind", ["FAK", "FOK"])
async def test_a_market_sale_sells_its_shares_at_the_books_prices(
    twin: RunningTwin, ours: AsyncSecureClient, twin_market: TwinMarket, kind: str, protected: bool
) -> None:
    await quote(twin, twin_market, "0.48", "0.50", "100")
    await ours.place_market_order(token_id=twin_market.yes, side="BUY", amount="40", max_price="0.5")
    before = await twin.cash()

    answer = accepted(
        await ours.place_market_order(
            token_id=twin_market.yes,
            side="SELL",
            shares="60",
            min_price="0.40" if protected else None,
            order_type="FAK" if kind == "FAK" else "FOK",
        )
    )

    assert (answer.status, answer.making_amount, answer.taking_amount) == ("matched", D(60), D("28.8"))
    assert await twin.cash() - before == D("28.8") - D("0.59904"), "0.04 * 60 * 0.48 * 0.52"


async def test_fak_takes_what_there_is_and_fok_all_or_nothing(
    twin: RunningTwin, ours: AsyncSecureClient, others: AsyncSecureClient, quiet: TwinMarket
) -> None:
    accepted(await others.place_limit_order(token_id=quiet.no, price="0.5", size="20", side="BUY"))

    none = await ours.create_market_order(
        token_id=quiet.yes, side="BUY", amount="30", max_price="0.5", order_type="FOK"
    )
    with pytest.raises(RequestRejectedError, match="couldn't be fully filled"):
        await ours.post_order(none)
    with pytest.raises(InsufficientLiquidityError):
        await ours.create_market_order(token_id=quiet.yes, side="BUY", amount="30", order_type="FOK")
    assert await twin.cash() == 10_000
    some = accepted(await ours.place_market_order(token_id=quiet.yes, side="BUY", amount="30", max_price="0.5"))

    assert (some.making_amount, some.taking_amount) == (D(10), D(20))
    assert (await ours.list_open_orders().first_page()).items == (), "a FAK order never rests"


async def test_post_only_rests_or_is_refused(ours: AsyncSecureClient, twin_market: TwinMarket) -> None:
    crossing = await ours.place_limit_order(
        token_id=twin_market.yes, price="0.9", size="10", side="BUY", post_only=True
    )
    passive = await ours.place_limit_order(
        token_id=twin_market.yes, price="0.1", size="10", side="BUY", post_only=True
    )

    assert isinstance(crossing, RejectedOrder)
    assert crossing.code == "post_only_would_cross"
    assert accepted(passive).status == "live"


async def test_a_batch_answers_every_order_by_itself(
    twin: RunningTwin, ours: AsyncSecureClient, quiet: TwinMarket
) -> None:
    good = [
        await ours.create_limit_order(token_id=quiet.yes, price="0.3", size=size, side="BUY")
        for size in ("10", "20")
    ]
    unpaid = await ours.create_limit_order(token_id=quiet.yes, price="0.3", size="20", side="SELL")

    first, refused, second = await ours.post_orders([good[0], unpaid, good[1]])

    assert isinstance(refused, RejectedOrder)
    assert refused.code == "not_enough_balance"
    assert {accepted(first).status, accepted(second).status} == {"live"}
    assert accepted(first).order_id != accepted(second).order_id
    assert [row["id"] for row in (await twin.books())["orders"]] == [
        accepted(first).order_id,
        accepted(second).order_id,
    ]


async def test_a_better_price_goes_to_the_taker(
    twin: RunningTwin, ours: AsyncSecureClient, others: AsyncSecureClient, quiet: TwinMarket
) -> None:
    for price in ("0.42", "0.40"):
        accepted(await others.place_limit_order(token_id=quiet.no, price=price, size="10", side="BUY"))

    answer = accepted(await ours.place_limit_order(token_id=quiet.yes, price="0.65", size="25", side="BUY"))

    assert answer.status == "matched"
    assert (answer.making_amount, answer.taking_amount) == (D("11.8"), D(20)), "10 at 0.58 and 10 at 0.60"
    assert len(answer.trade_ids) == 2
    resting = await ours.get_order(order_id=answer.order_id)
    assert (resting.size_matched, resting.original_size, resting.price) == (D(20), D(25), D("0.65"))
    assert await twin.cash(OTHER_KEY) == 10_000 - D("4.2") - D("4")
    assert await twin.cash(OUR_KEY) == 10_000 - D("11.8") - D("0.09744") - D("0.09600")


async def test_a_builders_code_is_signed_along_and_costs_nothing(
    twin: RunningTwin, ours: AsyncSecureClient, twin_market: TwinMarket
) -> None:
    await quote(twin, twin_market, "0.48", "0.50", "100")
    code = "0x" + "b1" * 32

    rates = await ours.get_builder_fee_rates(code)
    made = accepted(
        await ours.place_market_order(
            token_id=twin_market.yes, side="BUY", amount="40", max_spend="41", builder_code=code
        )
    )

    assert (rates.maker, rates.taker) == (D(0), D(0))
    assert (made.making_amount, await twin.cash()) == (D(40), 10_000 - 40 - D("0.8"))


async def test_a_finer_tick_is_found_by_a_client_that_remembers_the_coarse_one(
    twin: RunningTwin, ours: AsyncSecureClient, quiet: TwinMarket
) -> None:
    old = accepted(await ours.place_limit_order(token_id=quiet.yes, price="0.4", size="10", side="BUY"))
    twin.twin.exchange.change_tick(ConditionId(quiet.condition_id), D("0.001"))

    new = accepted(await ours.place_limit_order(token_id=quiet.yes, price="0.405", size="10", side="BUY"))

    prices = {row.id: row.price async for row in ours.list_open_orders().iter_items()}
    assert prices == {old.order_id: D("0.4"), new.order_id: D("0.405")}


async def test_an_order_signed_on_the_fine_tick_is_refused_on_the_coarse_one(
    twin: RunningTwin, ours: AsyncSecureClient, quiet: TwinMarket
) -> None:
    twin.twin.exchange.change_tick(ConditionId(quiet.condition_id), D("0.001"))
    signed = await ours.create_limit_order(token_id=quiet.yes, price="0.405", size="10", side="BUY")
    twin.twin.exchange.change_tick(ConditionId(quiet.condition_id), D("0.01"))

    with pytest.raises(RequestRejectedError, match=r"breaks minimum tick size rule: 0\.01") as refused:
        await ours.post_order(signed)

    assert refused.value.status == 400
