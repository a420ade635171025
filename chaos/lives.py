"""Lives of positions that together pass every point of the order path; the signals come from here."""

import asyncio
import contextlib
import dataclasses
import itertools
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from temporalio.client import Client
from temporalio.exceptions import TemporalError

from chaos.evidence import Told, rows
from chaos.place import Place, TradedMarket
from remora.domain.ids import ConditionId, TokenId, WalletAddress
from remora.domain.market import ResolutionStatus
from remora.domain.money import Side
from remora.domain.trades import TradeSource
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.venue import PolymarketVenue
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

    async def live(self, name: str) -> None:
        """Live one life to its end, however often the worker dies meanwhile; note one that does not end."""
        number = next(self._numbers)
        market = self.place.markets[number % len(self.place.markets)]
        whale = self.place.whales[number // len(self.place.markets) % len(self.place.whales)]
        try:
            await LIVES[name](self, market, whale)
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


def _bought(*faults: tuple[str, dict[str, Any]], leaving: tuple[tuple[str, dict[str, Any]], ...] = ()) -> Life:
    """Return a life that buys while `faults` are armed, and is closed while those of `leaving` are."""

    async def life(lives: Lives, market: TradedMarket, whale: WalletAddress) -> None:
        for kind, more in faults:
            await lives.arm(kind, **more)
        await lives.decided(await lives.tell(market, whale))
        await lives.opened(market, whale)
        for kind, more in leaving:
            await lives.arm(kind, **more)
        await lives.close(market, whale)

    return life


async def _reduced(lives: Lives, market: TradedMarket, whale: WalletAddress) -> None:
    await lives.decided(await lives.tell(market, whale))
    await lives.opened(market, whale)
    await lives.decided(await lives.tell(market, whale, side=Side.SELL, size=250))
    await lives.close(market, whale)


async def _added(lives: Lives, market: TradedMarket, whale: WalletAddress) -> None:
    first = await lives.tell(market, whale)
    await lives.decided(first)
    await lives.opened(market, whale)
    await lives.decided(await lives.tell(market, whale))
    await lives.close(market, whale)
    await lives.tell(market, whale, key=first)  # a late duplicate starts a workflow, which finds it decided
    await lives.ended(market, whale)


async def _turned_round(lives: Lives, market: TradedMarket, whale: WalletAddress) -> None:
    await lives.decided(await lives.tell(market, whale))
    await lives.opened(market, whale)
    await lives.decided(await lives.tell(market, whale, outcome=1))
    await lives.ended(market, whale)


async def _refused(lives: Lives, market: TradedMarket, whale: WalletAddress) -> None:
    await lives.decided(await lives.tell(market, whale, side=Side.SELL))
    await lives.decided(await lives.tell(market, whale, token=NOWHERE))
    await lives.decided(await lives.tell(market, whale, age=TOO_OLD))


async def _unreadable(lives: Lives, market: TradedMarket, whale: WalletAddress) -> None:
    await lives.arm("server_error", count=12, on="any")
    await lives.decided(await lives.tell(market, whale, age=TOO_OLD))


async def _orphaned(lives: Lives, market: TradedMarket, whale: WalletAddress) -> None:
    await lives.decided(await lives.tell(market, whale))
    await lives.opened(market, whale)
    with contextlib.suppress(TemporalError):  # it has ended already: another life's fault met its order
        await lives.client.get_workflow_handle(lives.workflow_id(market, whale)).terminate("crash test")
    await lives.decided(await lives.tell(market, whale))
    await reconcile(lives.client, lives.place.account, mode="twin")
    await lives.close(market, whale)


async def _late(lives: Lives, market: TradedMarket, whale: WalletAddress) -> None:
    """Asked about just in time, and too old to send once the desk lets somebody decide, or after a crash."""
    async with lives.place.engine.begin() as connection:
        await connection.execute(text("SELECT account FROM desks FOR UPDATE"))
        told = await lives.tell(market, whale, age=ALMOST_TOO_OLD)
        await asyncio.sleep(HELD_UP_S)
    await lives.decided(told)
    await lives.close(market, whale)


async def _redeemed(lives: Lives, market: TradedMarket, whale: WalletAddress) -> None:
    await lives.decided(await lives.tell(market, whale))
    await lives.opened(market, whale)
    await lives.market_ended(market, whale)
    await lives.ended(market, whale)


async def _told_in_part_again(lives: Lives, market: TradedMarket, whale: WalletAddress) -> None:
    """Another watcher put the trade into a burst with one more: to the same run it is the one it has decided.

    A run that was about to end hands it on, and to the next run the one more is a purchase like any other.
    """
    first = await lives.tell(market, whale)
    await lives.decided(first)
    await lives.opened(market, whale)
    again = await lives.tell(market, whale, key=f"again:{first}", also=(first,))
    await lives.close(market, whale)
    if await lives.decided_about(again):
        told = next(one for one in lives.told if one.key == first)
        lives.told.append(dataclasses.replace(told, key=again))


async def _sale_refused(lives: Lives, market: TradedMarket, whale: WalletAddress) -> None:
    """The account's permissions are gone when it sells, and come back."""
    await lives.decided(await lives.tell(market, whale))
    await lives.opened(market, whale)
    place = lives.place
    await place.post("/chain/approvals", address=place.account)
    closing = asyncio.create_task(lives.close(market, whale))
    query = (
        f"SELECT count(*) FROM positions WHERE workflow_id = '{lives.workflow_id(market, whale)}' "  # noqa: S608
        f"AND (state = 'needs_attention' OR state IN {ENDED})"
    )

    async def refused_or_over() -> bool:
        # a market that an earlier life has ended sells nothing, and nothing was bought
        return await lives.some(query) or await lives.closed(lives.workflow_id(market, whale))

    try:
        await lives.until(refused_or_over, "the refusal of a sale")
    finally:
        venue = await PolymarketVenue.create(
            await Endpoints.from_twin(str(place.stack.twin_control_url)), private_key=place.stack.account_key
        )
        async for _ in venue.chain.approve(await venue.chain.missing_approvals()):
            pass
        await venue.close()
        await closing


_ONCE: dict[str, Any] = {}
ALONE: dict[str, Life] = {
    "told in part again": _told_in_part_again,
    "sale refused": _sale_refused,
    "sent again in vain": _bought(
        ("timeout_before_accept", _ONCE), ("cancel_only", _ONCE), leaving=(("restarting", {"count": 2}),)
    ),
    "refused when sent again": _bought(("timeout_before_accept", _ONCE), ("close_in_flight", _ONCE)),
    "unknown": _bought(("timeout_before_accept", {"count": 4})),
    "unknown sale": _bought(leaving=(("timeout_before_accept", {"count": 4}),)),
}
"""Lives that want the exchange for themselves: every strike of a fault for one order, or a stop of all sales."""

LIVES: dict[str, Life] = {
    "plain": _bought(),
    "reduced": _reduced,
    "added to": _added,
    "turned round": _turned_round,
    "refused": _refused,
    "unreadable": _unreadable,
    "orphaned": _orphaned,
    "late": _late,
    "redeemed": _redeemed,
    "reply lost": _bought(("timeout_after_accept", _ONCE), leaving=(("error_after_accept", _ONCE),)),
    "never arrived": _bought(("timeout_before_accept", _ONCE), leaving=(("timeout_before_accept", _ONCE),)),
    "delayed": _bought(("order_delayed", {"seconds": 1.0}), leaving=(("order_delayed", {"seconds": 0.5}),)),
    "undone": _bought(("settle_failed", _ONCE), ("settle_retrying", {"seconds": 1.0})),
    "in parts": _bought(("partial_fills", _ONCE), leaving=(("partial_fills", _ONCE),)),
    **ALONE,
    "tick moved": _bought(("tick_in_flight", _ONCE), leaving=(("tick_in_flight", _ONCE),)),
}
