"""The whole stack of a chaos run: two workers, two watchers, servers of their own, a twin with empty books."""

import asyncio
import contextlib
import dataclasses
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from remora.domain.ids import AccountId, WalletAddress
from remora.embedded.config import StackConfig
from remora.embedded.health import polls
from remora.embedded.processes import Command
from remora.embedded.service import Service
from remora.embedded.services import TRADING_QUEUE, twin
from remora.embedded.site import Site
from remora.embedded.stack import Stack
from remora.storage.engine import create_engine
from remora.storage.roster import Follow, publish_roster
from remora.venues.polymarket.sdk import address_of
from starters.client import connect

CASH = Decimal(100_000)
PER_MINUTE = 40
POSITION_MAX = Decimal(450)
MARKET_SHARE, EVENT_SHARE, WHALE_SHARE = Decimal("0.008"), Decimal("0.012"), Decimal("0.03")
LIMITS = {
    "REMORA_UNPROVEN_SHARE": "0.002",
    "REMORA_ENTRY_ORDERS_PER_MINUTE": str(PER_MINUTE),
    "MAX_POSITION_SIZE": str(POSITION_MAX),
    "REMORA_MARKET_SHARE": str(MARKET_SHARE),
    "REMORA_EVENT_SHARE": str(EVENT_SHARE),
    "REMORA_WHALE_SHARE": str(WHALE_SHARE),
    "REMORA_SPREAD_MAX": "0.2",
    # a halted desk would end the entries, and with them the test
    "REMORA_DAILY_LOSS_SHARE": "0.9",
    "MAX_DAILY_LOSS": "90000",
}
"""Small stakes under caps so near that they are reached again and again."""

TWIN_OPTIONS = ("--empty", "--start", "--data-lag", "0.5")
SERVERS = ("postgres", "temporal", "twin")
WORKERS = ("worker-1", "worker-2")
WATCHERS = ("watcher-1", "watcher-2")
READY_S = 120.0
LOOK_AGAIN_S = 0.2


@dataclass(frozen=True, slots=True)
class TradedMarket:
    """A market of the run."""

    condition_id: str
    event_id: str
    tokens: tuple[str, str]
    neg_risk: bool


@dataclass(slots=True, kw_only=True)
class Place:
    """Open connections to everything that runs."""

    stack: Stack
    control: httpx.AsyncClient
    engine: AsyncEngine
    account: AccountId
    whales: tuple[WalletAddress, ...]
    markets: tuple[TradedMarket, ...]

    async def client(self) -> Client:
        """Return a fresh client: the server may have been killed since the last."""
        return await connect(self.stack.temporal_address, namespace="default")

    async def post(self, path: str, **body: Any) -> httpx.Response:
        """Send a control request; the twin may refuse it, say because the market has closed."""
        return await self.control.post(path, json=body)

    async def answers(self) -> None:
        """Return once the twin takes requests: it may have been killed."""
        while True:
            try:
                await self.get("/health")
            except httpx.HTTPError:
                await asyncio.sleep(LOOK_AGAIN_S)
            else:
                return

    async def get(self, path: str) -> dict[str, Any]:
        """Read the twin's control API."""
        out: dict[str, Any] = (await self.control.get(path)).raise_for_status().json()
        return out

    async def books(self) -> dict[str, Any]:
        """Return the exchange's exact books of our account."""
        return await self.get(f"/books/{self.account}")


def worker(
    name: str, *, module: str = "workers.trading", env: Mapping[str, str] | None = None, forks: bool = False
) -> Service:
    """Return a trading worker without a watcher; one that `forks` has its children poll."""

    def healthy(site: Site, pid: int) -> Awaitable[bool]:
        return polls(site.temporal_address, site.temporal_namespace, TRADING_QUEUE, pid=None if forks else pid)

    return Service(
        name=name,
        command=lambda site: _python(site, module, env),
        healthy=healthy,
        needs=SERVERS,
        stop_patience_s=5.0,
    )


def _python(site: Site, module: str, env: Mapping[str, str] | None) -> Command:
    """Return a process of ours that trusts no root: reading the system's takes longer than many a step."""
    nothing = site.state_dir / "certificates"
    nothing.mkdir(exist_ok=True)
    quick = {"SSL_CERT_DIR": str(nothing), "SSL_CERT_FILE": ""}
    return Command(
        argv=(sys.executable, "-m", module), env={**site.environment(), **quick, **LIMITS, **(env or {})}
    )


def watcher(name: str, *, needs: str = "worker-1", env: Mapping[str, str] | None = None) -> Service:
    """Return a watcher of its own; it needs the worker that makes the desk."""

    async def healthy(_site: Site, _pid: int) -> bool:
        return True  # it answers nobody: whether it watches is seen in the table of feeds

    return Service(
        name=name,
        command=lambda site: _python(site, "workers.watcher", env),
        healthy=healthy,
        needs=(*SERVERS, needs),
        stop_patience_s=5.0,
    )


@contextlib.asynccontextmanager
async def chaos_place(
    *,
    markets: int,
    whales: int,
    services: Sequence[Service] | None = None,
    twin_options: Sequence[str] = TWIN_OPTIONS,
    twin_keeps: bool = False,
    logs: Path | None = None,
) -> AsyncIterator[Place]:
    """Start everything, list markets (two to an event, every third neg-risk), follow whales; end it all.

    The first of `services` is started with the account funded. A twin that keeps its state may be killed as well.
    What the processes said is left in `logs`.
    """
    wallets = tuple(WalletAddress(f"0x{number:040x}") for number in range(0xA1, 0xA1 + whales))
    first, *others = services or [*map(worker, WORKERS), *map(watcher, WATCHERS)]
    started = [twin(twin_options, keeps=twin_keeps), dataclasses.replace(first, prepare=fund), *others]
    async with Stack(StackConfig(), services=started) as stack:
        engine = create_engine(stack.database_url)
        # no connection is kept: on a busy machine the twin ends an idle one just as it is used again
        control = httpx.AsyncClient(
            base_url=str(stack.twin_control_url),
            trust_env=False,
            timeout=30.0,
            limits=httpx.Limits(max_keepalive_connections=0),
        )
        try:
            place = Place(
                stack=stack,
                control=control,
                engine=engine,
                account=AccountId(address_of(stack.account_key).lower()),
                whales=wallets,
                markets=tuple([await _market(control, number) for number in range(markets)]),
            )
            await follow(place, wallets)
            yield place
        finally:
            if logs is not None:
                await asyncio.to_thread(shutil.copytree, stack.state_dir / "logs", logs, dirs_exist_ok=True)
            await control.aclose()
            await engine.dispose()


async def follow(place: Place, wallets: Sequence[WalletAddress]) -> None:
    """Put wallets on the roster by name."""
    now = datetime.now(UTC)
    follows = [Follow(whale=wallet, edge=Decimal(0), unproven=True) for wallet in wallets]
    await publish_roster(place.engine, follows, as_of=now, published_at=now, params={"source": "chaos"})


async def fund(site: Site) -> None:
    """Give the account its cash, once."""
    assert site.account_key is not None
    async with httpx.AsyncClient(base_url=str(site.twin_url), trust_env=False) as control:
        books = (await control.get(f"/books/{address_of(site.account_key)}")).raise_for_status().json()
        if Decimal(books["deposits"]) == 0:
            body = {"address": address_of(site.account_key), "cash": str(CASH)}
            (await control.post("/accounts", json=body)).raise_for_status()


async def _market(control: httpx.AsyncClient, number: int) -> TradedMarket:
    neg_risk = number % 3 == 2
    body = {
        "question": f"Chaos {number}?",
        "event": f"Chaos event {number // 2}",
        "price": "0.50",
        "depth_usd": "20000",
        "neg_risk": neg_risk,
    }
    made = (await control.post("/markets", json=body)).raise_for_status().json()
    first, second = made["tokens"]
    return TradedMarket(made["condition_id"], made["event_id"], (first, second), neg_risk)
