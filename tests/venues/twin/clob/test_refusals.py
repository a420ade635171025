"""Every refusal in the venue's own words and with its status, over plain HTTP."""

import dataclasses
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.fixtures.twin import OTHER_KEY, OUR_KEY, RunningTwin, TwinMarket, address_of
from tests.venues.twin.clob.raw_client import RawClient, order_id, raw_client, spoilt

UNIT = 1_000_000
HOUR = 3_600


@pytest.fixture
async def raw(twin: RunningTwin) -> AsyncIterator[RawClient]:
    """Yield a raw client of `OUR_KEY`."""
    async with raw_client(twin, OUR_KEY) as client:
        yield client


def buy(raw: RawClient, token: str, dollars: str, shares: str, **changes: Any) -> dict[str, Any]:
    """Return a purchase of `shares` for `dollars`."""
    return raw.order(token, "BUY", maker_amount=units(dollars), taker_amount=units(shares), **changes)


def sell(raw: RawClient, token: str, shares: str, dollars: str, **changes: Any) -> dict[str, Any]:
    """Return a sale of `shares` for `dollars`."""
    return raw.order(token, "SELL", maker_amount=units(shares), taker_amount=units(dollars), **changes)


def units(amount: str) -> int:
    """Return an amount in millionths."""
    whole, _, rest = amount.partition(".")
    return int(whole) * UNIT + int(rest.ljust(6, "0") or "0")


def said(answer: httpx.Response) -> tuple[int, str]:
    """Return a refusal's status and text; it must be JSON."""
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    if answer.status_code == 200:
        assert body["success"] is False
        assert body["orderID"] == ""
        return 200, body["errorMsg"]
    assert list(body) == ["error"]
    return answer.status_code, body["error"]


async def post(raw: RawClient, body: Any) -> httpx.Response:
    """Post an order."""
    return await raw.call("POST", "/order", body)


@pytest.mark.parametrize(
    "spoil",
    [
        {"POLY_SIGNATURE": "AAAA"},
        {"POLY_SIGNATURE": "ä"},
        {"POLY_PASSPHRASE": "wrong"},
        {"POLY_API_KEY": "00000000-0000-4000-8000-000000000000"},
        {"POLY_ADDRESS": address_of(OTHER_KEY)},
        {"POLY_TIMESTAMP": ""},
    ],
    ids=str,
)
async def test_a_request_that_is_not_signed_by_its_key_is_401(raw: RawClient, spoil: dict[str, str]) -> None:
    request = raw.request("GET", "/data/orders")
    headers = [(name.encode(), value.encode()) for name, value in {**request.headers, **spoil}.items()]
    answer = await raw.http.get("/data/orders", headers=headers)

    assert said(answer) in ((401, "Invalid API key"), (401, "Invalid timestamp"))


@pytest.mark.parametrize("stamp", ["1600000000", "9999999999", "1e9", "now", "9" * 5_000])
async def test_a_stale_or_nonsensical_time_stamp_is_401_even_when_signed(raw: RawClient, stamp: str) -> None:
    answer = await raw.send(raw.request("GET", "/data/orders", timestamp=stamp))

    assert said(answer) == (401, "Invalid timestamp")


async def test_whatever_changed_after_signing_is_401(raw: RawClient, quiet: TwinMarket) -> None:
    body = json.dumps(buy(raw, quiet.yes, "4", "10")).encode()
    now = int(time.time())
    request = raw.request("POST", "/order", body, timestamp=now)

    for changed in (
        dataclasses.replace(request, headers={**request.headers, "POLY_TIMESTAMP": str(now - 1)}),
        spoilt(request, body.replace(b'"GTC"', b'"FAK"')),
        dataclasses.replace(request, path="/orders"),
        dataclasses.replace(request, method="DELETE"),
    ):
        assert said(await raw.send(changed)) == (401, "Invalid API key")
    assert (await raw.send(request)).json()["status"] == "live"


async def test_only_the_key_that_signed_may_send_for_its_own_wallet(
    twin: RunningTwin, raw: RawClient, quiet: TwinMarket
) -> None:
    tampered = buy(raw, quiet.yes, "4", "10")
    tampered["order"]["takerAmount"] = str(20 * UNIT)
    garbled = buy(raw, quiet.yes, "4", "10")
    garbled["order"]["signature"] = "0x" + "00" * 65
    async with raw_client(twin, OTHER_KEY) as other:
        foreign_signer = other.order(quiet.yes, "BUY", maker_amount=4 * UNIT, taker_amount=10 * UNIT)
        foreign_signer["owner"] = raw.api_key
        foreign_maker = buy(raw, quiet.yes, "4", "10", maker=other.address)
        foreign_owner = buy(raw, quiet.yes, "4", "10") | {"owner": other.api_key}

    assert said(await post(raw, tampered)) == (400, "invalid signature")
    assert said(await post(raw, garbled)) == (400, "Invalid signature")
    assert said(await post(raw, foreign_maker)) == (400, "invalid signature")
    assert said(await post(raw, foreign_signer)) == (
        400,
        "the order signer address has to be the address of the API KEY",
    )
    assert said(await post(raw, foreign_owner)) == (400, "the order owner has to be the owner of the API KEY")


async def test_the_other_contracts_signature_does_not_hold(
    raw: RawClient, quiet: TwinMarket, twin_neg_risk_market: TwinMarket
) -> None:
    crossed = (
        buy(raw, quiet.yes, "4", "10", neg_risk=True),
        buy(raw, twin_neg_risk_market.yes, "1", "10", neg_risk=False),
    )
    for wrong in crossed:
        assert said(await post(raw, wrong)) == (400, "invalid signature")
    right = buy(raw, twin_neg_risk_market.yes, "1", "10", neg_risk=True)
    answer = (await post(raw, right)).json()
    assert answer["orderID"] == order_id(right["order"], neg_risk=True)


@pytest.mark.parametrize(
    ("side", "dollars", "shares", "why"),
    [
        ("BUY", "4.05", "10", "Price (0.405) breaks minimum tick size rule: 0.01"),
        ("BUY", "10", "10", "Price (1) breaks minimum tick size rule: 0.01"),
        ("BUY", "20", "10", "Price (2) breaks minimum tick size rule: 0.01"),
        ("SELL", "0.05", "10", "Price (0.005) breaks minimum tick size rule: 0.01"),
        ("BUY", "1.996", "4.99", "Size (4.99) lower than the minimum: 5"),
        ("SELL", "0.5", "1", "Size (1) lower than the minimum: 5"),
    ],
)
async def test_a_price_off_tick_or_a_size_below_the_minimum_names_order_and_rule(
    raw: RawClient, quiet: TwinMarket, side: str, dollars: str, shares: str, why: str
) -> None:
    body = buy(raw, quiet.yes, dollars, shares) if side == "BUY" else sell(raw, quiet.yes, shares, dollars)
    name = order_id(body["order"], neg_risk=False)

    assert said(await post(raw, body)) == (400, f"order {name} is invalid. {why}")


async def test_amounts_need_few_decimals_and_a_dollar(raw: RawClient, twin_market: TwinMarket) -> None:
    token = twin_market.yes
    precision = (
        "the market buy orders maker amount supports a max accuracy of 2 decimals, "
        "taker amount a max of 5 decimals"
    )
    too_fine = buy(raw, token, "4.805", "9.61", order_type="FAK")
    too_many_shares = buy(raw, token, "4.80", "9.600001", order_type="FOK")
    lots = buy(raw, token, "2.0025", "5.00625")
    cheap = buy(
        raw,
        token,
        "0.99",
        "5.5",
        order_type="FAK",
    )

    assert said(await post(raw, too_fine)) == (400, precision)
    assert said(await post(raw, too_many_shares)) == (400, precision)
    assert said(await post(raw, lots)) == (400, "Size 5.00625 has 5 decimal places. Maximum lot size is 2")
    assert said(await post(raw, cheap)) == (400, "invalid amount for a marketable BUY order ($0.99), min size: $1")


async def test_a_marketable_limit_purchase_needs_a_dollar_too(
    twin: RunningTwin, raw: RawClient, twin_market: TwinMarket
) -> None:
    await twin.post("/quotes", token_id=twin_market.yes, bid="0.05", ask="0.06", size="100")

    crossing = said(await post(raw, buy(raw, twin_market.yes, "0.30", "5")))
    resting = await post(raw, buy(raw, twin_market.yes, "0.25", "5"))

    assert crossing == (400, "invalid amount for a marketable BUY order ($0.3), min size: $1")
    assert resting.json()["status"] == "live"


async def test_money_and_shares_must_be_there_and_not_reserved(raw: RawClient, quiet: TwinMarket) -> None:
    assert (await post(raw, buy(raw, quiet.yes, "9900", "19800"))).json()["status"] == "live"

    for body in (buy(raw, quiet.yes, "200", "400"), sell(raw, quiet.yes, "5", "2")):
        status, text = said(await post(raw, body))
        assert status == 400
        assert text.startswith("not enough balance / allowance: the balance is not enough -> balance: ")
        assert "allowance is not enough" not in text, "the official client would try to approve"


async def test_markets_say_when_they_take_no_orders(twin: RunningTwin, raw: RawClient, quiet: TwinMarket) -> None:
    unknown = "7" * 70
    assert said(await post(raw, buy(raw, unknown, "4", "10"))) == (
        400,
        f"the orderbook {unknown} does not exist",
    )
    await twin.post("/close", condition_id=quiet.condition_id)
    assert said(await post(raw, buy(raw, quiet.yes, "4", "10"))) == (
        200,
        "the market is not yet ready to process new orders",
    )
    await twin.post("/resolve", condition_id=quiet.condition_id, payouts=["0", "1"])
    assert said(await post(raw, buy(raw, quiet.yes, "4", "10"))) == (
        400,
        f"the orderbook {quiet.yes} does not exist",
    )


async def test_what_the_book_does_not_give_is_killed(raw: RawClient, quiet: TwinMarket) -> None:
    await post(raw, buy(raw, quiet.no, "5", "10"))

    fok = buy(raw, quiet.yes, "6", "12", order_type="FOK")
    fak = buy(raw, quiet.yes, "4", "10", order_type="FAK")

    assert said(await post(raw, fok)) == (
        400,
        "order couldn't be fully filled. FOK orders are fully filled or killed.",
    )
    assert said(await post(raw, fak)) == (
        400,
        "no orders found to match with FAK order. FAK orders are partially filled or killed if no match is found.",
    )


async def test_post_only_and_expirations(raw: RawClient, twin_market: TwinMarket) -> None:
    token, now = twin_market.yes, int(time.time())
    crossing = buy(raw, token, "9", "10") | {"postOnly": True}
    killed = buy(raw, token, "4", "10", order_type="FAK") | {"postOnly": True}

    assert said(await post(raw, crossing)) == (200, "invalid post-only order: order crosses book")
    assert said(await post(raw, killed)) == (400, "Invalid order payload")
    for kind, expiration in (
        ("GTD", "0"),
        ("GTD", str(now + 120)),
        ("GTD", str(now - HOUR)),
        ("GTD", str(now * 1_000)),
        ("GTD", "9" * 60),
        ("GTC", str(now + HOUR)),
    ):
        dated = buy(raw, token, "1", "10", order_type=kind, expiration=expiration)
        assert said(await post(raw, dated)) == (200, "invalid expiration"), (kind, expiration)
    good = buy(raw, token, "1", "10", order_type="GTD", expiration=str(now + HOUR))
    assert (await post(raw, good)).json()["status"] == "live"


async def test_the_same_order_is_taken_once(twin: RunningTwin, raw: RawClient, twin_market: TwinMarket) -> None:
    body = buy(raw, twin_market.yes, "5.5", "10", order_type="FAK")
    assert (await post(raw, body)).json()["status"] == "matched"
    spent = await twin.cash()
    name = order_id(body["order"], neg_risk=False)

    again = said(await post(raw, body))

    assert again == (
        400,
        f"order {name} is invalid. Duplicated. Same order has already been placed, can't be placed again.",
    )
    assert await twin.cash() == spent


async def test_the_first_protocols_orders_are_refused_by_version(raw: RawClient, quiet: TwinMarket) -> None:
    body = buy(raw, quiet.yes, "4", "10")
    body["order"] |= {"nonce": "0", "feeRateBps": "0", "taker": "0x" + "00" * 20}

    assert said(await post(raw, body)) == (400, "order_version_mismatch")


async def test_an_account_in_closed_only_mode_sells_and_does_not_buy(
    twin: RunningTwin, raw: RawClient, twin_market: TwinMarket
) -> None:
    held = await post(raw, buy(raw, twin_market.yes, "5.5", "10", order_type="FAK"))
    assert held.json()["status"] == "matched"
    await twin.post("/access", closed_only=[raw.address])

    refused = said(await post(raw, buy(raw, twin_market.yes, "5.5", "10", order_type="FAK")))
    sold = (await post(raw, sell(raw, twin_market.yes, "10", "4", order_type="FAK"))).json()

    assert refused == (400, f"'{raw.address.lower()}' address in closed only mode")
    assert sold["status"] == "matched"
    assert (await raw.call("GET", "/auth/ban-status/closed-only")).json() == {"closed_only": True}


async def test_a_batch_holds_one_to_fifteen_orders(raw: RawClient, quiet: TwinMarket) -> None:
    orders = [buy(raw, quiet.yes, "4", "10") for _ in range(16)]

    for batch in ([], orders, {"orders": orders}, None, "orders"):
        answer = await raw.call("POST", "/orders", batch)
        assert said(answer) == (400, "Invalid order payload")
    answers = (await raw.call("POST", "/orders", [*orders[:13], 7, {"order": None}])).json()
    assert [one["success"] for one in answers] == [True] * 13 + [False] * 2
    assert {one["errorMsg"] for one in answers[13:]} == {"Invalid order payload"}


async def test_unknown_paths_and_methods_answer_in_json(raw: RawClient) -> None:
    for method, path, status in (("GET", "/no/such", 404), ("GET", "/order", 405), ("PUT", "/book", 405)):
        answer = await raw.http.request(method, path)
        assert said(answer)[0] == status
