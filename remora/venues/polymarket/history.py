"""The public history, page by page and without an account: Data API v2 and Gamma."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import httpx
from polymarket import AsyncPublicClient
from polymarket.models.gamma.market import Market as GammaMarket

from remora.domain.ids import WalletAddress
from remora.venues.polymarket import sdk
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.market_facts import market_facts
from remora.venues.polymarket.pacing import Pacing
from remora.venues.polymarket.translate import translated
from remora.venues.polymarket.wire.history import Result, count_of, results_of, wallet_of
from remora.venues.venue import VenueRefused, VenueUnavailable

PAGE = 500
SELECTORS = 20
"""Markets that one request may name."""

TRIES = 6
PATIENCE_S = 60.0
"""A venue that asks for a longer wait than this is unavailable."""

BUSY = (425, 429)
SINCE_EVER = 1
"""Without a start the venue goes back three years only."""


class BadPage(VenueRefused):
    """A page breaks the contract of paging: what it continues cannot be read to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketFacts:
    """What never changes about a market, and its result if it has one; payouts in dollars per share."""

    condition_id: str
    question: str
    slug: str
    event_id: str
    category: str
    fee_rate: float
    opened_at: datetime | None
    ends_at: datetime | None
    resolved_at: datetime | None = None
    payouts: tuple[float, float] | None = None


class PublicHistory:
    """Reads everybody's trades and the markets' results, at a bounded rate and past the venue's cache."""

    def __init__(self, endpoints: Endpoints, *, pacing: Pacing, page: int = PAGE) -> None:
        self.name = endpoints.name
        self._pacing = pacing
        self._page = page
        self._data = httpx.AsyncClient(base_url=endpoints.data_url, trust_env=False, timeout=15.0)
        self._gamma = AsyncPublicClient(environment=sdk.environment(endpoints))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._data.aclose()
        await self._gamma.close()

    async def activity(self, wallet: str, *, since: datetime | None) -> AsyncIterator[list[dict[str, Any]]]:
        """Yield a wallet's fills and other holding changes since `since` (ever, without it), oldest first.

        Raises BadPage when the pages cannot be followed to their end, VenueUnavailable after several tries.
        """
        start = SINCE_EVER if since is None else max(SINCE_EVER, int(since.timestamp()))
        params = {"user": wallet, "start": start, "sort_direction": "ASC", "limit": self._page}
        async for page in self._pages("/v2/activity", params):
            yield page

    async def leaders(self, *, count: int) -> list[WalletAddress]:
        """Return wallets of the boards by volume and by profit of all time, at most `count` of each."""
        found: dict[WalletAddress, None] = {}
        for order in ("VOLUME", "PNL"):
            left = count
            params = {"time_period": "all", "sort_by": order, "limit": min(self._page, count)}
            async for page in self._pages("/v2/leaderboard", params):
                named = [wallet_of(row, "user_id") for row in page[:left]]
                found |= dict.fromkeys(wallet for wallet in named if wallet is not None)
                left -= len(page)
                if left <= 0:
                    break
        return list(found)

    async def recent_traders(self, *, pages: int) -> list[WalletAddress]:
        """Return wallets of the newest trades of the whole venue, makers included."""
        found: dict[WalletAddress, None] = {}
        number = 0
        async for page in self._pages("/v2/trades", {"taker_only": "false", "limit": self._page}):
            named = [wallet_of(row, "proxy_wallet") for row in page]
            found |= dict.fromkeys(wallet for wallet in named if wallet is not None)
            number += 1
            if number >= pages:
                break
        return list(found)

    async def markets_traded(self, wallet: str) -> int | None:
        """Return in how many markets the venue says that a wallet ever traded; None if it does not know it.

        Raises BadPage when it says something that is no count.
        """
        stats = (await self._get("/v2/user-stats", {"user": wallet})).get("data")
        counted = count_of(stats, "trades")
        if stats is not None and counted is None:
            raise BadPage(f"/v2/user-stats: expected a count of trades, found {str(stats)[:80]}")
        return counted

    async def markets(self, condition_ids: Sequence[str]) -> list[MarketFacts]:
        """Return what is known of markets, results with their own times included; unknown ones are left out."""
        found: list[MarketFacts] = []
        for first in range(0, len(condition_ids), SELECTORS):
            some = list(condition_ids[first : first + SELECTORS])
            body = await self._get("/v2/resolutions", {"condition_id": ",".join(some)})
            results = results_of(body.get("data"))
            facts = [_facts(listed, results) for listed in await self._listed(some)]
            found += [fact for fact in facts if fact is not None]
        return found

    async def _listed(self, condition_ids: list[str]) -> list[GammaMarket]:
        """Ask for open and for closed markets: the venue lists one kind at a time."""
        listed: list[GammaMarket] = []
        for closed in (False, True):
            await self._pacing.turn()
            async with translated("reading markets"):
                page = await self._gamma.list_markets(
                    closed=closed, include_tag=True, condition_ids=condition_ids
                ).first_page()
            listed += page.items
        return listed

    async def _pages(self, path: str, params: dict[str, Any]) -> AsyncIterator[list[dict[str, Any]]]:
        cursors: set[str] = set()
        cursor: str | None = None
        while True:
            body = await self._get(path, params | ({} if cursor is None else {"cursor": cursor}))
            paging = body.get("pagination")
            if not isinstance(body.get("data"), list) or not isinstance(paging, dict):
                raise BadPage(f"{path}: expected data and pagination, found {sorted(body)}")
            cursor = paging.get("next_cursor")
            if paging.get("has_more") is not (cursor is not None):
                raise BadPage(f"{path}: has_more {paging.get('has_more')} contradicts next_cursor {cursor!r:.40}")
            yield body["data"]
            if cursor is None:
                return
            if cursor in cursors:
                raise BadPage(f"{path}: the cursor {cursor!r:.40} came twice")
            cursors.add(cursor)

    async def _get(self, path: str, params: dict[str, Any]) -> dict[str, Any]:
        """Read past the cache, which serves the same address for up to five minutes; try again when refused."""
        for left in range(TRIES - 1, -1, -1):
            await self._pacing.turn()
            try:
                async with translated(f"reading {path}"):
                    answer = await self._data.get(path, params={**params, "_": time.monotonic_ns()})
            except VenueUnavailable:
                if not left:
                    raise
                await asyncio.sleep(0.2 * 2 ** (TRIES - 1 - left))
                continue
            if answer.status_code in BUSY or answer.status_code >= 500:
                wait = _retry_after(answer, default=0.2 * 2 ** (TRIES - 1 - left))
                if not left or wait > PATIENCE_S:
                    raise VenueUnavailable(f"reading {path}: status {answer.status_code}", retry_after=wait)
                await asyncio.sleep(wait)
                continue
            return _body(path, answer)
        raise AssertionError("unreachable: the last try returns or raises")


def _body(path: str, answer: httpx.Response) -> dict[str, Any]:
    if answer.is_error:
        raise VenueRefused(f"reading {path}: status {answer.status_code}: {answer.text[:200]}")
    try:
        body = answer.json()
    except ValueError as error:
        raise BadPage(f"{path}: expected JSON, found {answer.text[:80]!r}") from error
    if not isinstance(body, dict):
        raise BadPage(f"{path}: expected an object, found {type(body).__name__}")
    return body


def _retry_after(answer: httpx.Response, *, default: float) -> float:
    try:
        return max(0.0, float(answer.headers.get("Retry-After", default)))
    except ValueError:
        return default


def _facts(listed: GammaMarket, results: dict[str, Result]) -> MarketFacts | None:
    market = market_facts(listed)
    if market is None:
        return None
    result = results.get(market.condition_id.lower(), Result())
    start = listed.state.start_date
    return MarketFacts(
        condition_id=market.condition_id.lower(),
        question=market.question,
        slug=market.slug,
        event_id=market.event_id,
        category=market.category,
        fee_rate=float(market.fee_rate),
        opened_at=None if start is None else start.astimezone(UTC),
        ends_at=market.end_at,
        resolved_at=result.resolved_at,
        payouts=result.payouts,
    )
