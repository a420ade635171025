"""Whatever bytes arrive, the twin answers in JSON and stays as it was."""

import copy
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fixtures.twin import OUR_KEY, RunningTwin, TwinMarket
from tests.venues.twin.clob.raw_client import RawClient, raw_client

UNIT = 1_000_000
ODD_NUMBERS = st.sampled_from(
    [0, -1, 2**53, 2**256, 2**256 - 1, -(2**256), 10**400, 1.5, -0.0, 1e308, True, False]
)
ODD_TEXTS = st.sampled_from(
    ["", "0", "-1", "1e5", "0x10", "9" * 400, "9" * 5_000, "\ud800", "\x00", "NaN", "١٢٣", "1_000", " 5 ", "🐋"]
)
SCALARS = st.none() | st.booleans() | ODD_NUMBERS | ODD_TEXTS | st.text(max_size=8)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
ROUTES = st.sampled_from(
    [
        ("POST", "/order"),
        ("POST", "/orders"),
        ("DELETE", "/order"),
        ("DELETE", "/orders"),
        ("DELETE", "/cancel-market-orders"),
        ("POST", "/v1/heartbeats"),
        ("POST", "/books"),
        ("POST", "/midpoints"),
        ("POST", "/prices"),
        ("POST", "/spreads"),
        ("POST", "/last-trades-prices"),
    ]
)
QUERIES = st.sampled_from(
    [
        "/book?token_id=",
        "/price?side=BUY&token_id=",
        "/price?token_id=1&side=",
        "/data/trades?next_cursor=",
        "/data/trades?after=",
        "/data/trades?asset_id=",
        "/data/orders?next_cursor=",
        "/data/orders?id=",
        "/data/order/",
        "/balance-allowance?asset_type=CONDITIONAL&signature_type=",
        "/balance-allowance?asset_type=CONDITIONAL&signature_type=0&token_id=",
        "/clob-markets/",
        "/markets-by-token/",
        "/markets/",
    ]
)
TORN = st.sampled_from(
    [
        b"",
        b"{",
        b"[" * 100_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b"\xff\xfe",
        b'"\\ud800"',
        b"NaN",
        b"[Infinity]",
        b"1" * 10_000,
        b"null",
        b'{"order":{"salt":' + b"9" * 5_000 + b"}}",
    ]
) | st.binary(max_size=40)
FEW = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
async def raw(twin: RunningTwin, quiet: TwinMarket) -> AsyncIterator[RawClient]:
    """Yield a raw client of `OUR_KEY` that never waits long."""
    async with raw_client(twin, OUR_KEY) as client:
        yield client


def sane(answer: httpx.Response) -> None:
    """The answer is whole, JSON, and no mistake of the twin's own."""
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert body.get("error") or body.get("error_msg")
    assert "Traceback" not in answer.text


async def unharmed(twin: RunningTwin, raw: RawClient, market: TwinMarket) -> None:
    """Nothing was traded, and a good order still works."""
    twin.twin.exchange.assert_conserved()
    assert await twin.cash() == 10_000
    body = raw.order(market.yes, "BUY", maker_amount=4 * UNIT, taker_amount=10 * UNIT)
    answer = (await raw.call("POST", "/order", body)).json()
    assert answer["status"] == "live", answer
    assert (await raw.call("DELETE", "/order", {"orderID": answer["orderID"]})).json()["canceled"]


@FEW
@given(route=ROUTES, body=ANYTHING)
async def test_any_json_gets_an_answer(
    twin: RunningTwin, raw: RawClient, quiet: TwinMarket, route: tuple[str, str], body: Any
) -> None:
    sane(await raw.call(*route, body))


@FEW
@given(route=ROUTES, body=TORN)
async def test_any_bytes_get_an_answer(
    twin: RunningTwin, raw: RawClient, quiet: TwinMarket, route: tuple[str, str], body: bytes
) -> None:
    sane(await raw.send(raw.request(*route, body)))


@FEW
@given(
    changes=st.lists(
        st.tuples(
            st.sampled_from(
                [
                    *("salt", "maker", "signer", "tokenId", "makerAmount", "takerAmount", "side", "signatureType"),
                    *("timestamp", "metadata", "builder", "expiration", "signature"),
                    *("/order", "/owner", "/orderType", "/postOnly", "/deferExec"),
                ]
            ),
            SCALARS | ANYTHING | st.just(...),
        ),
        min_size=1,
        max_size=3,
    )
)
async def test_any_field_of_an_order_may_be_broken(
    twin: RunningTwin, raw: RawClient, quiet: TwinMarket, changes: list[tuple[str, Any]]
) -> None:
    body = raw.order(quiet.yes, "BUY", maker_amount=4 * UNIT, taker_amount=10 * UNIT)
    broken = copy.deepcopy(body)
    for name, value in changes:
        where = broken if name.startswith("/") else broken.get("order")
        if not isinstance(where, dict):
            continue
        if value is ...:
            where.pop(name.strip("/"), None)
        else:
            where[name.strip("/")] = value

    answer = await raw.call("POST", "/order", broken)

    sane(answer)
    if answer.status_code == 200 and answer.json()["success"]:
        digest = answer.json()["orderID"]
        resting = twin.twin.exchange.orders[digest]
        assert (resting.size, resting.price) == (10 * UNIT, 400_000), "only what was signed may be accepted"
        await raw.call("DELETE", "/order", {"orderID": digest})


@FEW
@given(path=QUERIES, value=st.text(max_size=12) | ODD_TEXTS)
async def test_any_query_gets_an_answer(
    twin: RunningTwin, raw: RawClient, quiet: TwinMarket, path: str, value: str
) -> None:
    safe = httpx.QueryParams({"v": value.encode("utf-8", "replace").decode()})
    target = f"{path}{str(safe)[2:]}"
    if len(target) > 60_000:
        return
    request = raw.request("GET", target)
    if "/order/" in path:  # the HMAC covers the path as it arrives
        request = raw.request("GET", path + "0x" + value.encode("ascii", "ignore").hex()[:80])
    sane(await raw.send(request))


@pytest.mark.parametrize("depth", [900, 60_000])
async def test_deep_nesting_inside_an_order_is_an_invalid_payload(
    twin: RunningTwin, raw: RawClient, quiet: TwinMarket, depth: int
) -> None:
    body = json.dumps(raw.order(quiet.yes, "BUY", maker_amount=4 * UNIT, taker_amount=10 * UNIT)).encode()
    for field in (b'"maker"', b'"tokenId"', b'"signature"', b'"orderType"', b'"owner"'):
        before, _, after = body.partition(field + b": ")
        value, _, rest = after.partition(b",")
        nested = before + field + b": " + b"[" * depth + b"]" * depth + b"," + rest

        answer = await raw.send(raw.request("POST", "/order", nested))

        sane(answer)
        assert answer.status_code == 400, (field, value, answer.text)
    await unharmed(twin, raw, quiet)


async def test_a_body_cut_off_on_its_way_changes_nothing(
    twin: RunningTwin, raw: RawClient, quiet: TwinMarket
) -> None:
    body = json.dumps(raw.order(quiet.yes, "BUY", maker_amount=4 * UNIT, taker_amount=10 * UNIT)).encode()
    for length in range(0, len(body), 61):
        answer = await raw.send(raw.request("POST", "/order", body[:length]))
        assert (answer.status_code, answer.json()) == (400, {"error": "Invalid order payload"})
    await unharmed(twin, raw, quiet)
