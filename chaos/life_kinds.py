"""Lives of positions that together pass every point of the order path."""

import asyncio
import contextlib
import dataclasses
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from temporalio.exceptions import TemporalError

from chaos.evidence import rows
from chaos.lives import ALMOST_TOO_OLD, ENDED, HELD_UP_S, NOWHERE, TOO_OLD, Life, Lives
from chaos.place import TradedMarket
from remora.domain.ids import OrderDigest, WalletAddress
from remora.domain.money import Side
from remora.storage.orders import note_unmatched
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.venue import PolymarketVenue
from remora.venues.twin.engine.records import OrderStatus
from schemas.position import OrderChanged
from starters.reconcile import reconcile
from workflows.position import PositionWorkflow


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
    """Another watcher put the trade into a burst with one more, which is a purchase like any other."""
    first = await lives.tell(market, whale)
    await lives.decided(first)
    await lives.opened(market, whale)
    again = await lives.tell(market, whale, key=f"again:{first}", also=(first,))
    told = next(one for one in lives.told if one.key == first)
    lives.told.append(dataclasses.replace(told, key=again))
    await lives.decided(again)
    await lives.close(market, whale)


async def _held_back_in_vain(lives: Lives, market: TradedMarket, whale: WalletAddress) -> None:
    """The exchange holds a purchase back while its price moves away, and says on its user channel how it ended."""
    await lives.arm("order_delayed", seconds=HELD_UP_S)
    await lives.decided(await lives.tell(market, whale))
    name = lives.workflow_id(market, whale)
    handle = lives.client.get_workflow_handle_for(PositionWorkflow.run, name)

    async def theirs() -> dict[str, str]:
        query = "SELECT o.digest FROM orders o JOIN positions p ON p.id = o.position_id WHERE workflow_id = :name"
        ours = {one["digest"] for one in await rows(lives.place.engine, query, name=name)}
        return {one["id"]: one["status"] for one in (await lives.place.books())["orders"] if one["id"] in ours}

    async def arrived_or_over() -> bool:
        return bool(await theirs()) or await lives.closed(name)

    async def say() -> None:
        """Say what the watcher would of an order that ended so."""
        for order_id, status in (await theirs()).items():
            if status == OrderStatus.UNMATCHED:
                news = OrderChanged(digest=OrderDigest(order_id), seen_at=datetime.now(UTC))
                await note_unmatched(lives.place.engine, news.digest, status)
                with contextlib.suppress(TemporalError):
                    await handle.signal(PositionWorkflow.order_changed, news)

    await lives.until(arrived_or_over, f"the order of {name} at the exchange")
    quote = {"token_id": market.tokens[0], "size": "2000"}
    await lives.place.post("/quotes", bid="0.80", ask="0.81", **quote)
    await lives.ended(market, whale, again=say)
    await lives.place.post("/quotes", bid="0.50", ask="0.51", **quote)


async def _sale_refused(lives: Lives, market: TradedMarket, whale: WalletAddress) -> None:
    """The account's permissions are gone when it sells, and come back."""
    await lives.decided(await lives.tell(market, whale))
    await lives.opened(market, whale)
    place = lives.place
    await place.post("/chain/approvals", address=place.account)
    closing = asyncio.create_task(lives.close(market, whale))
    name = lives.workflow_id(market, whale)
    query = (
        f"SELECT count(*) FROM positions WHERE workflow_id = '{name}' "  # noqa: S608 (our own name)
        f"AND (state = 'needs_attention' OR state IN {ENDED})"
    )

    async def refused_or_over() -> bool:
        # a market that an earlier life has ended sells nothing, and nothing was bought
        return await lives.some(query) or await lives.closed(name)

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
    "held back in vain": _held_back_in_vain,
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
