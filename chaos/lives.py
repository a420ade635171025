"""What the lives of positions have in common: signals that come from here, a person's answers, waiting."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from temporalio.client import Client
from temporalio.exceptions import TemporalError

from chaos.evidence import Told, rows
from chaos.place import Place, TradedMarket
from remora.domain.ids import ConditionId, TokenId, WalletAddress
from remora.domain.market import ResolutionStatus
from remora.domain.money import Side
from remora.domain.trades import TradeSource
from schemas.message import ClockMessage
from schemas.position import (
    CloseRequest,
    MarketChanged,
    PositionInput,
    Resolution,
    ResolveUnknownRequest,
    SignalMessage,
    position_workflow_id,
)
from starters.controls import resolve_unknown
from starters.position import deliver_signal
from starters.reconcile import reconcile
from workflows.position import PositionWorkflow

PATIENCE_S = 400.0
ASK_S = 10.0
RECONCILE_S = 60.0
LOOKS_BETWEEN_TRIES = 50
SIGNAL_AGE_MAX_S = 600
ALMOST_TOO_OLD, TOO_OLD = timedelta(seconds=SIGNAL_AGE_MAX_S - 4), timedelta(seconds=SIGNAL_AGE_MAX_S + 10)
HELD_UP_S = 5.0
ENDED = "('closed', 'unfilled', 'skipped')"
PRICE = Decimal("0.51")
NOWHERE = "12345"
"""A token that no market has."""


async def _nothing() -> None:
    return


@dataclass(slots=True)
class Lives:
    """Begins and ends positions; every life takes a whale and a market of its own."""

    place: Place
    client: Client
    clock: ClockMessage
    deaths: Callable[[], int]
    told: list[Told] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _keys: "itertools.count[int]" = field(default_factory=itertools.count)

    async def live(self, name: str, life: "Life") -> None:
        """Live one life to its end, however often the worker dies meanwhile; note one that does not end."""
        number = next(self._numbers)
        market = self.place.markets[number % len(self.place.markets)]
        whale = self.place.whales[number // len(self.place.markets) % len(self.place.whales)]
        try:
            await life(self, market, whale)
        except TimeoutError as error:
            self.stuck.append(f"{name}: {error}")

    async def arm(self, kind: str, **more: Any) -> None:
        """Arm a fault of the twin, once unless told otherwise."""
        await self.place.post("/faults", kind=kind, **{"count": 1, **more})

    async def tell(
        self,
        market: TradedMarket,
        whale: WalletAddress,
        *,
        side: Side = Side.BUY,
        size: int = 1000,
        outcome: int = 0,
        age: timedelta = timedelta(0),
        key: str | None = None,
        also: tuple[str, ...] = (),
        token: str | None = None,
    ) -> str:
        """Deliver a whale's trade, in a burst with those of `also`; return the key under which it is decided."""
        now = datetime.now(UTC)
        known = key is not None
        key = key or f"life:{next(self._keys)}"
        signal = SignalMessage(
            key=key,
            trade_keys=(key, *also),
            whale=whale,
            token_id=TokenId(token or market.tokens[outcome]),
            condition_id=ConditionId(market.condition_id),
            side=side,
            price=PRICE,
            size=Decimal(size),
            happened_at=self.clock.clock().venue_time(now),
            seen_at=now - age,
            source=TradeSource.RTDS,
        )
        start = PositionInput(account=self.place.account, mode="twin", clock=self.clock, first=signal)
        await deliver_signal(self.client, start)
        if not known:
            self.told.append(Told(key, whale, signal.token_id, side.value, signal.happened_at))
        return key

    async def until(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        """Return once `condition` holds; raise TimeoutError when patience ends, counted from the last death."""
        deadline, deaths = time.monotonic() + PATIENCE_S, self.deaths()
        while not await condition():
            if self.deaths() != deaths:
                deadline, deaths = time.monotonic() + PATIENCE_S, self.deaths()
            if time.monotonic() > deadline:
                raise TimeoutError(f"expected {what} within {PATIENCE_S:g} s")
            await asyncio.sleep(0.1)

    def workflow_id(self, market: TradedMarket, whale: WalletAddress) -> str:
        """Return the id of a position in a market's first outcome."""
        return position_workflow_id(self.place.account, whale, TokenId(market.tokens[0]))

    async def decided(self, key: str) -> None:
        """Wait until somebody has decided about a trade."""
        await self.until(lambda: self.decided_about(key), f"a decision about {key}")

    async def decided_about(self, key: str) -> bool:
        """Tell whether somebody has decided about a trade."""
        query = f"SELECT count(*) FROM consumed_trades WHERE trade_key = '{key}'"  # noqa: S608 (our own name)
        return await self.some(query)

    async def opened(self, market: TradedMarket, whale: WalletAddress) -> None:
        """Wait until the position is guarded, has ended, or waits for a person."""
        name = self.workflow_id(market, whale)
        query = (
            f"SELECT count(*) FROM positions WHERE workflow_id = '{name}' "  # noqa: S608 (our own name)
            f"AND (state = 'needs_attention' OR stop_price IS NOT NULL OR state IN {ENDED})"
        )

        async def open_or_over() -> bool:
            return await self.some(query) or await self.closed(name)

        await self.until(open_or_over, f"{name} to open")

    async def ended(
        self, market: TradedMarket, whale: WalletAddress, *, again: Callable[[], Awaitable[None]] = _nothing
    ) -> None:
        """Wait until the position has ended and its workflow with it, answering what only a person can.

        `again` is done every few seconds meanwhile.
        """
        name, looks = self.workflow_id(market, whale), itertools.count(1)

        async def over() -> bool:
            query = f"SELECT count(*) FROM positions WHERE workflow_id = '{name}' AND state NOT IN {ENDED}"  # noqa: S608
            if await self.some(query):
                await self._answer(name)
                if next(looks) % LOOKS_BETWEEN_TRIES == 0:
                    await self._bid_again(market, name)
                    await again()
                return False
            return await self.closed(name)

        await self.until(over, f"the end of {name}")

    async def close(self, market: TradedMarket, whale: WalletAddress) -> None:
        """Have the position closed by an operator, who asks again when a dead worker took his word along."""
        name = self.workflow_id(market, whale)
        handle = self.client.get_workflow_handle_for(PositionWorkflow.run, name)

        async def ask() -> None:
            try:
                async with asyncio.timeout(ASK_S):
                    await handle.execute_update(PositionWorkflow.close, CloseRequest(by="crash test"))
            except (TemporalError, TimeoutError):
                return  # it ended by itself, or answers only once it has ended

        await ask()
        await self.ended(market, whale, again=ask)

    async def market_ended(self, market: TradedMarket, whale: WalletAddress) -> None:
        """Resolve the market and tell the position."""
        await self.place.post("/resolve", condition_id=market.condition_id, payouts=[1, 0])
        changed = MarketChanged(
            condition_id=ConditionId(market.condition_id),
            accepting_orders=False,
            closed=True,
            resolution=ResolutionStatus.RESOLVED,
            seen_at=datetime.now(UTC),
        )
        handle = self.client.get_workflow_handle_for(PositionWorkflow.run, self.workflow_id(market, whale))
        with contextlib.suppress(TemporalError):  # it has ended already: another life's fault met its order
            await handle.signal(PositionWorkflow.market_changed, changed)

    async def _answer(self, name: str) -> None:
        waiting = await rows(
            self.place.engine,
            "SELECT o.digest FROM orders o JOIN positions p ON p.id = o.position_id "
            "WHERE p.workflow_id = :name AND o.state = 'unknown' AND p.state = 'needs_attention'",
            name=name,
        )
        placed = {order["id"] for order in (await self.place.books())["orders"]} if waiting else set()
        for digest in {one["digest"] for one in waiting} - placed:
            finding = ResolveUnknownRequest(digest=digest, outcome=Resolution.NONE, by="crash test")
            try:
                async with asyncio.timeout(ASK_S):
                    await resolve_unknown(self.client, name, finding)
            except (TemporalError, TimeoutError):
                return  # not yet waiting, or answered already

    async def _bid_again(self, market: TradedMarket, name: str) -> None:
        """Put buyers back where a sale has eaten them all, and let reconciling tell the position, as it would."""
        query = (
            f"SELECT count(*) FROM positions WHERE workflow_id = '{name}' "  # noqa: S608 (our own name)
            "AND state = 'awaiting_resolution'"
        )
        if not await self.some(query):
            return
        quote = {"token_id": market.tokens[0], "bid": "0.50", "ask": "0.51", "size": "2000"}
        if not (await self.place.post("/quotes", **quote)).is_success:
            return  # it is resolved: redeeming is under way
        try:
            async with asyncio.timeout(RECONCILE_S):
                await reconcile(self.client, self.place.account, mode="twin")
        except (TemporalError, TimeoutError):
            return  # the worker died over it; the next look asks again

    async def closed(self, name: str) -> bool:
        return (await self.client.get_workflow_handle(name).describe()).close_time is not None

    async def some(self, query: str) -> bool:
        """Whether a query that counts finds anything."""
        return int((await rows(self.place.engine, query))[0]["count"]) > 0


Life = Callable[[Lives, TradedMarket, WalletAddress], Awaitable[None]]
