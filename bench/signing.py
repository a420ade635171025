"""Signing and posting one order: how long each takes, and what share of the whole is the signature.

Orders are signed by the official client with the market read ahead, as the hot path does, and posted to a twin on
this machine, which verifies every signature. The network to the venue is not in these numbers.
"""

import contextlib
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx
from eth_keys.backends.coincurve import CoinCurveECCBackend
from eth_keys.backends.native.main import NativeECCBackend
from eth_keys.main import KeyAPI

from bench.numbers import Row, percentiles
from remora.domain.ids import ConditionId, TokenId
from remora.domain.money import Side
from remora.domain.orders import Accepted, OrderRequest
from remora.embedded.config import StackConfig
from remora.embedded.services import twin
from remora.embedded.stack import Stack
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.venue import PolymarketVenue

ORDERS = 300
WARM_UP = 20
KEY = "0x" + "3b" * 32
MARKET = {"question": "Will it be signed?", "depth_usd": "10000000"}


async def measure() -> list[Row]:
    """Sign and post `ORDERS` purchases one after the other; time the curve alone with both signers."""
    signing: list[float] = []
    posting: list[float] = []
    async with _venue() as (venue, request):
        await venue.prepare(request.token_id, request.condition_id)
        market = await venue.market_of(request.token_id)
        for number in range(WARM_UP + ORDERS):
            began = time.perf_counter()
            signed = await venue.sign(request, market)
            between = time.perf_counter()
            sent = await venue.send(signed)
            ended = time.perf_counter()
            if not isinstance(sent, Accepted):
                raise AssertionError(f"expected every order to be taken, found {sent}")
            if number >= WARM_UP:
                signing.append((between - began) * 1000)
                posting.append((ended - between) * 1000)
    both = [sign + post for sign, post in zip(signing, posting, strict=True)]
    shares = [100 * sign / whole for sign, whole in zip(signing, both, strict=True)]
    return [
        _row("order", "sign", signing),
        _row("order", "post to the twin", posting),
        _row("order", "sign and post", both),
        _row("order", "share of signing in the whole", shares, unit="%"),
        _row("curve alone", "coincurve", _curve(CoinCurveECCBackend())),
        _row("curve alone", "pure Python", _curve(NativeECCBackend())),
    ]


def _curve(backend: Any) -> list[float]:
    """Return milliseconds for signing one digest, again and again."""
    signer = KeyAPI(backend)
    key = signer.PrivateKey(bytes.fromhex(KEY[2:]))
    spans = []
    for number in range(WARM_UP + ORDERS):
        digest = number.to_bytes(32, "big")
        began = time.perf_counter()
        signer.ecdsa_sign(digest, key)
        spans.append((time.perf_counter() - began) * 1000)
    return spans[WARM_UP:]


def _row(where: str, what: str, values: list[float], unit: str = "ms") -> Row:
    return Row(where, what, len(values), *percentiles(values), unit)


@contextlib.asynccontextmanager
async def _venue() -> AsyncIterator[tuple[PolymarketVenue, OrderRequest]]:
    """Start a twin in a process of its own with one deep market and a funded account."""
    async with Stack(StackConfig(), services=[twin(("--empty", "--start"))]) as stack:
        endpoints = await Endpoints.from_twin(str(stack.twin_control_url))
        venue = await PolymarketVenue.create(endpoints, private_key=KEY)
        async with httpx.AsyncClient(base_url=str(stack.twin_control_url), trust_env=False) as control:
            body = {"address": venue.account, "cash": "1000000"}
            (await control.post("/accounts", json=body)).raise_for_status()
            listed = (await control.post("/markets", json=MARKET)).raise_for_status().json()
        request = OrderRequest(
            token_id=TokenId(listed["tokens"][0]),
            condition_id=ConditionId(listed["condition_id"]),
            side=Side.BUY,
            shares=Decimal("9.43"),
            limit_price=Decimal("0.53"),
            notional=Decimal("5.00"),
        )
        try:
            yield venue, request
        finally:
            await venue.close()
