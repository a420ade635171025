"""Hold our books, the exchange and the running workflows against each other; repair what is certain."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from temporalio import activity

from activities import leftovers
from activities.gathered import Found, Gathered
from activities.lost_records import restore_record
from activities.order_fills import about, by_order, in_any_order, taken_back, undone
from activities.recollection import Recollection
from activities.sweep import sweep
from activities.tools import Tools, heartbeating
from activities.totals import quiet_totals
from remora.domain.alerts import Alert, AlertKind
from remora.domain.exits import Thresholds
from remora.domain.ids import OrderDigest
from remora.domain.money import Side
from remora.domain.orders import Fill
from remora.domain.reasons import PositionState
from remora.domain.reconcile import (
    Difference,
    DifferenceCode,
    FillComparison,
    Repair,
    compare_fills,
    look_again,
)
from remora.domain.trades import TradeSource
from remora.storage import desk_orders, positions, triggers
from remora.storage import reconcile as store
from remora.storage.alerts import raise_alerts
from remora.storage.desk import load_desk
from remora.storage.positions import PositionRow
from schemas.desk import desk_workflow_id
from schemas.message import ClockMessage
from schemas.position import OrderChanged, PositionInput, SignalMessage
from schemas.reconcile import CompareAsk, Comparison, DifferenceMessage, NewsFor

OVERLAP = timedelta(hours=1)
"""Venue time before our newest fill from which the exchange's fills are read again."""

BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)
"""Before the venue had any trade."""

UNSETTLED_AFTER = timedelta(seconds=30)
"""By then an order activity has looked often enough; what is left waits for news or for a person."""

POSITIONS_MAX = 1_000_000

ORPHANS_AT_ONCE, NEWS_AT_ONCE = 500, 1_000
"""What one answer of an activity, and the workflow after it, can carry; the next comparison has the rest."""

BY = "reconcile"


class ReconcileActivities:
    """Compares, and repairs what has one possible explanation; it never sends or cancels an order."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    @activity.defn
    async def compare(self, ask: CompareAsk) -> Comparison:
        """Return every difference; with `repair`, books are rolled forward first."""
        tools = self._tools
        async with heartbeating():
            recollection, now = Recollection(activity.client()), tools.wall()
            gathered = Gathered(attempt=activity.info().attempt)
            read = await gathered.take("fills", self._recent_fills(ask, recollection, gathered.booked))
            await gathered.take("ended positions", leftovers.held_after_end(tools, ask))
            rows = await positions.list_positions(tools.engine, ask.account, limit=POSITIONS_MAX)
            await gathered.take("open orders", self._resting())
            running = await recollection.running(ask.account, [row.workflow_id for row in rows])
            orphans = await self._orphans(ask, [row for row in rows if row.workflow_id not in running])
            guarded = [row for row in rows if row.workflow_id in running]
            gathered.differences += await self._unguarded(ask, recollection, guarded)
            await sweep(tools, rows, gathered, now=now)
            gathered.differences += gathered.told(await self._unsettled(ask, now))
            await gathered.take("winners", leftovers.winners(tools, ask))
            gathered.differences += await leftovers.reservations(tools, ask)
            desk_missing = not await recollection.runs(desk_workflow_id(ask.account))
            gathered.differences += [] if desk_missing else await self._desk(ask, recollection, now)
            if ask.totals:
                if read:
                    await gathered.take("totals", self._totals(ask, recollection, gathered.booked))
                await self._alert(ask, gathered.differences, now)
            gathered.news += _booked(guarded, gathered.booked, now)
        clock = ClockMessage.of(await tools.venue.clock())
        return Comparison(
            differences=tuple(DifferenceMessage.of(found) for found in gathered.differences),
            orphans=tuple(_adoption(ask, row, clock, now) for row in orphans[:ORPHANS_AT_ONCE]),
            news=tuple(gathered.news[:NEWS_AT_ONCE]),
            desk_missing=desk_missing,
            positions=len(rows),
            clock=clock,
        )

    # fills

    async def _recent_fills(
        self, ask: CompareAsk, recollection: Recollection, booked: dict[str, OrderDigest]
    ) -> list[Difference]:
        return await self._fills(ask, recollection, await self._since(ask), booked)

    async def _since(self, ask: CompareAsk) -> datetime:
        newest = await store.newest_fill_at(self._tools.engine, ask.account)
        unsettled = await store.oldest_unsettled_at(self._tools.engine, ask.account)
        known = [at for at in (newest, unsettled) if at is not None]
        return BEGINNING if not known else max(BEGINNING, min(known) - OVERLAP)

    async def _alert(self, ask: CompareAsk, differences: list[Difference], now: datetime) -> None:
        """Raise an alert, once a day, for what nobody but a person can repair."""
        open_ones = [d for d in differences if d.repair is Repair.NONE and d.code is not DifferenceCode.NOT_QUIET]
        raised = [
            Alert(
                key=f"reconcile/{found.code.value}/{found.subject}/{now.date()}",
                kind=AlertKind.RECONCILE,
                title=f"Books and exchange differ: {found.code.value}",
                body=f"{found.subject}: ours {found.ours}, theirs {found.theirs}; see remora reconcile",
            )
            for found in open_ones
        ]
        await raise_alerts(self._tools.engine, ask.account, raised, now=now)

    async def _fills(
        self, ask: CompareAsk, recollection: Recollection, since: datetime, booked: dict[str, OrderDigest]
    ) -> list[Difference]:
        theirs = await self._tools.venue.fills(since=since)
        compared, placed = await self._compared(theirs)
        differences = list(compared.contradictions)
        wanted = {fill.order_digest for fill in (*compared.missed, *compared.moved)}
        # a purchase that failed is taken back only once the sales that lived off it are
        groups = sorted(
            by_order(fill for fill in theirs if fill.order_digest in wanted), key=lambda one: taken_back(one[1])
        )
        refused = await self._roll_forward(groups, placed) if ask.repair else {}
        for digest, group in groups:
            order, why = placed[digest], refused.get(digest)
            code = DifferenceCode.MISSED_FILL
            if all(fill.order_digest != digest for fill in compared.missed):
                code = DifferenceCode.FILL_MOVED
            repaired = ask.repair and why is None
            differences.append(about(code, group, order.position_id, repaired=repaired, why=why))
            if repaired and (code is DifferenceCode.MISSED_FILL or any(map(undone, group))):
                booked[order.position_id] = digest
        return differences + await self._foreign(ask, recollection, compared.foreign)

    async def _roll_forward(
        self, groups: Sequence[tuple[OrderDigest, list[Fill]]], placed: Mapping[OrderDigest, store.Placed]
    ) -> dict[OrderDigest, str]:
        """Book what can be booked and return why the rest cannot."""
        engine, now = self._tools.engine, self._tools.wall()

        async def book(digest: OrderDigest, group: Sequence[Fill]) -> str | None:
            return await store.book(engine, placed[digest].order_id, group, now=now)

        return await in_any_order(groups, book)

    async def _compared(self, theirs: Sequence[Fill]) -> tuple[FillComparison, dict[OrderDigest, store.Placed]]:
        digests = {fill.order_digest for fill in theirs}
        placed = await store.placed_orders(self._tools.engine, digests)
        ours = await store.known_fills(self._tools.engine, digests)
        return compare_fills(ours, theirs, placed=placed), placed

    async def _foreign(
        self, ask: CompareAsk, recollection: Recollection, foreign: Sequence[Fill]
    ) -> list[Difference]:
        """Give fills of unknown orders back to the positions that remember them; report the others."""
        if not foreign:
            return []
        placers = await recollection.placers(
            ask.account, {fill.order_digest for fill in foreign}, {fill.token_id for fill in foreign}
        )
        groups = by_order(foreign)

        async def restore(digest: OrderDigest, group: Sequence[Fill]) -> str | None:
            return await restore_record(self._tools, *placers[digest], group)

        remembered = [one for one in groups if one[0] in placers]
        refused = await in_any_order(remembered, restore) if ask.repair else {}
        differences = []
        for digest, group in groups:
            if digest not in placers:
                differences.append(about(DifferenceCode.FOREIGN_FILL, group, None, repaired=False))
                continue
            why, code = refused.get(digest), DifferenceCode.LOST_RECORD
            repaired = ask.repair and why is None
            differences.append(about(code, group, placers[digest][0].position_id, repaired=repaired, why=why))
        return differences

    # orders and workflows

    async def _resting(self) -> list[Difference]:
        """Name orders that rest: those of nobody here are reported, never touched."""
        resting = await self._tools.venue.open_orders()
        placed = await store.placed_orders(self._tools.engine, resting)
        return [
            Difference(
                code=DifferenceCode.FOREIGN_ORDER,
                subject=digest,
                theirs="rests",
                detail="not placed here: left alone",
            )
            for digest in resting
            if digest not in placed
        ]

    async def _unsettled(self, ask: CompareAsk, now: datetime) -> Found:
        """Have the orders looked up again whose end nobody knew for long: their news may have been lost."""
        found = await store.unsettled_orders(self._tools.engine, ask.account, before=now - UNSETTLED_AFTER)
        differences = [
            Difference(
                code=DifferenceCode.UNSETTLED_ORDER,
                subject=digest,
                position_id=position_id,
                ours="unknown",
                repair=Repair.SIGNALLED,
            )
            for digest, position_id, _, _ in found
        ]
        news = [
            NewsFor(workflow_id=workflow_id, order=OrderChanged(digest=digest, seen_at=now))
            for digest, _, workflow_id, sent_at in found
            # once a reconciliation, and not for ever each minute: a look makes a dozen events
            if look_again(now - sent_at) and not (ask.repair and ask.totals)
        ]
        return differences, news

    async def _orphans(self, ask: CompareAsk, candidates: Collection[PositionRow]) -> list[PositionRow]:
        """Return those of `candidates` that are still open: one may have ended since it was read."""
        orphans = []
        for row in candidates:
            again = await positions.load_position(self._tools.engine, row.id)
            if not again.state.ended:
                orphans.append(again)
        return orphans

    async def _unguarded(
        self, ask: CompareAsk, recollection: Recollection, rows: Collection[PositionRow]
    ) -> list[Difference]:
        """Arm the thresholds that a running position remembers and our books lost."""
        bare = await store.without_trigger(self._tools.engine, ask.account)
        differences = []
        for row in [row for row in rows if row.id in bare]:
            snapshot = await recollection.snapshot(row.workflow_id)
            if snapshot is None or snapshot.state is not PositionState.OPEN or snapshot.position_id != row.id:
                continue
            if row.id not in await store.without_trigger(self._tools.engine, ask.account):
                continue  # it armed them while it was asked
            if ask.repair:
                bounds = Thresholds(
                    stop_price=snapshot.stop_price, target_price=snapshot.target_price, exit_at=snapshot.exit_at
                )
                await triggers.set_trigger(
                    self._tools.engine, row.id, shares=snapshot.shares, bounds=bounds, now=self._tools.wall()
                )
                await positions.set_position_state(self._tools.engine, row.id, PositionState.OPEN)
            differences.append(
                Difference(
                    code=DifferenceCode.TRIGGER_MISSING,
                    subject=row.id,
                    position_id=row.id,
                    theirs=f"stop {snapshot.stop_price}, target {snapshot.target_price}",
                    repair=Repair.ARMED if ask.repair else Repair.NONE,
                )
            )
        return differences

    async def _desk(self, ask: CompareAsk, recollection: Recollection, now: datetime) -> list[Difference]:
        """Put the dials back that the desk remembers and an older database does not; the stricter ones hold."""
        remembered = await recollection.desk(ask.account)
        row = await load_desk(self._tools.engine, ask.account)
        if remembered is None or remembered.revision <= row.revision:
            return []
        if ask.repair:
            await desk_orders.catch_up(
                self._tools.engine,
                ask.account,
                mode=remembered.mode,
                scale=remembered.scale,
                revision=remembered.revision,
                by=BY,
                now=now,
            )
        return [
            Difference(
                code=DifferenceCode.DESK_BEHIND,
                subject=ask.account,
                ours=f"{row.mode.value}, scale {row.scale.normalize():f}",
                theirs=f"{remembered.mode.value}, scale {remembered.scale.normalize():f}",
                repair=Repair.RESTORED if ask.repair else Repair.NONE,
                detail="the database is older than the desk: the stricter of both holds",
            )
        ]

    async def _totals(
        self, ask: CompareAsk, recollection: Recollection, booked: dict[str, OrderDigest]
    ) -> list[Difference]:
        """Compare cash and shares; where they differ, read all fills there ever were and look again."""
        found = await quiet_totals(self._tools, ask.account)
        if not found or found[0].code is DifferenceCode.NOT_QUIET:
            return found
        older = await self._fills(ask, recollection, BEGINNING, booked)
        return older + await quiet_totals(self._tools, ask.account) if ask.repair and older else found


def _booked(rows: Iterable[PositionRow], booked: Mapping[str, OrderDigest], now: datetime) -> list[NewsFor]:
    return [
        NewsFor(workflow_id=row.workflow_id, order=OrderChanged(digest=booked[row.id], seen_at=now))
        for row in rows
        if row.id in booked
    ]


def _adoption(ask: CompareAsk, row: PositionRow, clock: ClockMessage, now: datetime) -> PositionInput:
    first = SignalMessage(
        key=f"adopt:{row.id}",
        trade_keys=(),
        whale=row.whale,
        token_id=row.token_id,
        condition_id=row.condition_id,
        side=Side.BUY,
        price=row.whale_price,
        size=row.books.shares,
        happened_at=row.opened_at,
        seen_at=now,
        source=TradeSource.RECORDED,
    )
    return PositionInput(account=ask.account, mode=ask.mode, clock=clock, first=first, adopt_position_id=row.id)
