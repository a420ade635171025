"""A stack of its own with an empty exchange, markets, a funded account and followed whales."""

import asyncio
import contextlib
import dataclasses
import itertools
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.domain.ids import AccountId, ConditionId, TokenId, WalletAddress
from remora.embedded.config import StackConfig
from remora.embedded.services import engine as trading_engine
from remora.embedded.services import twin
from remora.embedded.site import Site
from remora.embedded.stack import Stack
from remora.storage.engine import create_engine
from remora.storage.roster import Follow, publish_roster
from remora.venues.polymarket.sdk import address_of

CASH_USD = 1_000_000
OVERRIDES = {
    "REMORA_ENTRY_ORDERS_PER_MINUTE": "10000",
    "REMORA_UNPROVEN_SHARE": "0.00001",
    "REMORA_DAILY_LOSS_SHARE": "1",
    "MAX_DAILY_LOSS": "1000000",
}
"""The desk's limits must not stop what is measured here: many small entries soon, half a spread lost each."""

SUBSCRIBED_AFTER_S = 3.0
"""The watcher reads its roster and subscribes a moment after the worker polls."""


@dataclass(slots=True, kw_only=True)
class Place:
    """Where a measurement runs; `pairs` yields a whale and a token that it does not hold yet."""

    stack: Stack
    control: httpx.AsyncClient
    engine: AsyncEngine
    account: AccountId
    conditions: dict[TokenId, ConditionId]
    pairs: Iterator[tuple[WalletAddress, TokenId]]

    async def trade(self) -> tuple[WalletAddress, TokenId]:
        """Let the next pair of whale and token trade."""
        whale, token = next(self.pairs)
        body = {"wallet": whale, "token_id": token, "side": "BUY", "price": "0.51", "size": "100"}
        (await self.control.post("/trades", json=body)).raise_for_status()
        return whale, token

    async def received_at(self) -> dict[str, datetime]:
        """Return when the exchange had the first byte of each of our orders, by digest."""
        books: dict[str, Any] = (await self.control.get(f"/books/{self.account}")).raise_for_status().json()
        return {order["id"]: datetime.fromisoformat(order["received_at"]) for order in books["orders"]}


@contextlib.asynccontextmanager
async def bench_place(
    *, markets: int, whales: int, with_engine: bool = True, env: Mapping[str, str] | None = None
) -> AsyncIterator[Place]:
    """Start everything, list `markets`, follow `whales`; end everything when the block is left.

    `env` are further variables of the trading worker.
    """
    wallets = [WalletAddress(f"0x{number:040x}") for number in range(1, whales + 1)]
    services = [twin(("--empty", "--start"))]
    if with_engine:
        services.append(
            dataclasses.replace(
                trading_engine(("--with-watcher",), env={**OVERRIDES, **(env or {})}), prepare=_fund
            )
        )
    async with Stack(StackConfig(), services=services) as stack:
        engine = create_engine(stack.database_url)
        control = httpx.AsyncClient(base_url=str(stack.twin_control_url), trust_env=False, timeout=30.0)
        try:
            await _fund(stack.site)
            conditions = await _list_markets(control, markets)
            await _follow(engine, wallets)
            await asyncio.sleep(SUBSCRIBED_AFTER_S)
            yield Place(
                stack=stack,
                control=control,
                engine=engine,
                account=AccountId(address_of(stack.account_key).lower()),
                conditions=conditions,
                pairs=itertools.product(wallets, conditions),
            )
        finally:
            await control.aclose()
            await engine.dispose()


async def _fund(site: Site) -> None:
    assert site.account_key is not None
    body = {"address": address_of(site.account_key), "cash": str(CASH_USD)}
    async with httpx.AsyncClient(base_url=str(site.twin_url), trust_env=False) as control:
        (await control.post("/accounts", json=body)).raise_for_status()


async def _follow(engine: AsyncEngine, wallets: Sequence[WalletAddress]) -> None:
    now = datetime.now(UTC)
    follows = [Follow(whale=wallet, edge=Decimal(0), unproven=True) for wallet in wallets]
    await publish_roster(engine, follows, as_of=now, published_at=now, params={"source": "bench"})


async def _list_markets(control: httpx.AsyncClient, count: int) -> dict[TokenId, ConditionId]:
    conditions: dict[TokenId, ConditionId] = {}
    for number in range(count):
        body = {"question": f"Market {number}?", "price": "0.50", "depth_usd": "100000"}
        listed = (await control.post("/markets", json=body)).raise_for_status().json()
        conditions[TokenId(listed["tokens"][0])] = ConditionId(listed["condition_id"])
    return conditions
