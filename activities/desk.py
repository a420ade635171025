"""The desk row as the mirror of the desk's workflow, and what its limits say of it."""

import asyncio
from datetime import datetime
from decimal import Decimal

import structlog
from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.tools import Tools, heartbeating
from remora.domain.desk import DeskOrder
from remora.domain.exits import executable_bid
from remora.domain.ids import AccountId
from remora.domain.market import ResolutionStatus
from remora.domain.reasons import DeskMode
from remora.storage import desk as desks
from remora.storage import desk_orders, orders, positions, reductions
from remora.storage.desk import DeskRow
from remora.storage.desk_orders import Ask, Measured
from remora.storage.portfolio import HeldShares, Portfolio, load_portfolio
from remora.storage.reductions import Reduction
from remora.venues.venue import VenueError
from schemas.desk import DeskState, PendingOrder
from schemas.message import Message
from schemas.position import Reduce

log = structlog.get_logger(__name__)

VENUE_PATIENCE_S = 3.0
"""Longest wait for fresh books: after that the last marks have to do."""

IN_FLIGHT_LOOK_S = 0.02

TOLD_AT_ONCE = 50
SIGNALS_AT_ONCE = 16


class DeskChange(Message):
    """An order to the desk."""

    account: AccountId
    ask: PendingOrder


class DeskAnswer(Message):
    """What became of an order: the desk after it, and why it was refused if it was."""

    state: DeskState
    refused: str | None = None


class Lost(Message):
    """A desk whose workflow was lost, how, and who found out."""

    account: AccountId
    reason: str
    by: str = "remora"


class DeskActivities:
    """Turns the dials in the desk row, each turn audited; every method may run again at any time."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    @activity.defn
    async def load_state(self, account: AccountId) -> DeskState:
        """Return the dials as stored."""
        return await self._state(await desks.load_desk(self._tools.engine, account))

    @activity.defn
    async def restart_desk(self, lost: Lost) -> DeskState:
        """Put a desk that lost its workflow into the safest mode, and return it."""
        tools = self._tools
        row = await desk_orders.restart(
            tools.engine, lost.account, now=tools.wall(), by=lost.by, reason=lost.reason
        )
        return await self._state(row)

    @activity.defn
    async def turn(self, change: DeskChange) -> DeskAnswer:
        """Obey or refuse an order."""
        tools, asked = self._tools, change.ask
        judged = asked.order is DeskOrder.RESET  # the others need no venue, so that they work without one
        if judged:
            await self._mark(await load_portfolio(tools.engine, change.account))
        measured = await desk_orders.carry_out(
            tools.engine,
            Ask(
                account=change.account,
                key=asked.key,
                order=asked.order,
                by=asked.command.by,
                reason=asked.command.reason,
                force=asked.command.force,
            ),
            limits=tools.limits,
            now=tools.wall(),
            now_venue=await self._venue_now() if judged else None,
        )
        if measured.row.mode is not DeskMode.TRADING:
            await self._drain(change.account)
        return DeskAnswer(state=await self._measured(measured), refused=measured.refused)

    @activity.defn
    async def assess(self, account: AccountId) -> DeskState:
        """Mark the desk to market on fresh books and turn its dials where the limits say so."""
        tools = self._tools
        await self._mark(await load_portfolio(tools.engine, account))
        measured = await desk_orders.assess(
            tools.engine, account, limits=tools.limits, now=tools.wall(), now_venue=await self._venue_now()
        )
        return await self._measured(measured)

    @activity.defn
    async def tell_reductions(self, account: AccountId) -> DeskState:
        """Signal every position that has to hear of a desk-wide reduction; one without a workflow stays untold."""
        tools, client = self._tools, activity.client()
        async with heartbeating():
            for reduction in await reductions.unfinished(tools.engine, account):
                waiting = await reductions.untold(tools.engine, reduction)
                for start in range(0, len(waiting), TOLD_AT_ONCE):
                    await self._tell(client, reduction, waiting[start : start + TOLD_AT_ONCE])
                if not await reductions.untold(tools.engine, reduction):
                    await reductions.finish(tools.engine, reduction, now=tools.wall())
        return await self._state(await desks.load_desk(tools.engine, account))

    async def _tell(self, client: Client, reduction: Reduction, batch: list[tuple[str, str]]) -> None:
        slots = asyncio.Semaphore(SIGNALS_AT_ONCE)
        message = Reduce(
            share=reduction.share,
            reason=reduction.exit_reason,
            by=reduction.by,
            key=reduction.key,
        )

        async def one(position_id: str, workflow_id: str) -> str | None:
            async with slots:
                try:
                    await client.get_workflow_handle(workflow_id).signal("reduce", message)
                except RPCError as error:
                    if error.status is not RPCStatusCode.NOT_FOUND:
                        raise
                    log.warning("reduction.nobody", position=position_id, workflow=workflow_id)
                    return None
                return position_id

        told = await asyncio.gather(*(one(*position) for position in batch))
        await reductions.mark_told(self._tools.engine, reduction, [name for name in told if name is not None])

    async def _drain(self, account: AccountId) -> None:
        """Let entries that were on their way when the dial was turned arrive, so that none follows the answer."""
        tools, loop = self._tools, asyncio.get_running_loop()
        deadline = loop.time() + tools.patience.in_flight.total_seconds()
        since = tools.wall() - tools.limits.signal_age_max
        while await orders.entries_in_flight(tools.engine, account, since=since):
            if loop.time() > deadline:
                log.warning("desk.entries_unanswered", account=account)
                return
            await asyncio.sleep(IN_FLIGHT_LOOK_S)

    async def _mark(self, portfolio: Portfolio) -> None:
        """Write fresh executable prices, payouts where there are any; without an answer the last ones stay."""
        try:
            async with asyncio.timeout(VENUE_PATIENCE_S):
                marks = await self._fresh(portfolio.held)
        except (VenueError, TimeoutError) as error:
            log.warning("desk.unmarked", account=portfolio.desk.account, cause=str(error) or "no answer in time")
            return
        await positions.set_marks(self._tools.engine, marks)

    async def _fresh(self, held: tuple[HeldShares, ...]) -> dict[str, Decimal]:
        venue = self._tools.venue
        books = {book.token_id: book for book in await venue.books(sorted({one.token_id for one in held}))}
        marks = {
            one.position_id: price
            for one in held
            if one.token_id in books and (price := executable_bid(books[one.token_id], one.shares)) is not None
        }
        unpriced = [one for one in held if one.position_id not in marks]
        if unpriced:
            found = await venue.markets(sorted({one.condition_id for one in unpriced}))
            resolved = {m.condition_id: m for m in found if m.resolution is ResolutionStatus.RESOLVED}
            for one in unpriced:
                market = resolved.get(one.condition_id)
                payout = None if market is None else market.payout(one.token_id)
                if payout is not None:
                    marks[one.position_id] = payout
        return marks

    async def _venue_now(self) -> datetime | None:
        try:
            async with asyncio.timeout(VENUE_PATIENCE_S):
                return (await self._tools.venue.clock()).venue_time(self._tools.wall())
        except (VenueError, TimeoutError) as error:
            log.warning("desk.clock_unread", cause=str(error) or "no answer in time")
            return None

    async def _measured(self, measured: Measured) -> DeskState:
        standing = measured.standing
        return (await self._state(measured.row)).model_copy(
            update={
                "equity": standing.equity,
                "day_start_equity": standing.day_start_equity,
                "high_water_mark": standing.high_water_mark,
            }
        )

    async def _state(self, row: DeskRow) -> DeskState:
        return DeskState(
            mode=row.mode,
            scale=row.scale,
            changed_at=row.changed_at,
            changed_by=row.changed_by,
            reason=row.reason,
            revision=row.revision,
            reducing=bool(await reductions.unfinished(self._tools.engine, row.account)),
        )
