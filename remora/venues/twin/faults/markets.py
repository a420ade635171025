"""What happens to orders and markets at the wrong moment."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from remora.domain.ids import ConditionId, TokenId
from remora.domain.money import ONE, Side
from remora.venues.twin.engine.records import NewOrder, Trade
from remora.venues.twin.engine.settlement import SMOOTH, SettlementPlan
from remora.venues.twin.faults.switchboard import Fault, FaultKind, Switchboard
from remora.venues.twin.journal.steps import Steps
from remora.venues.twin.listings import Listing
from remora.venues.twin.scenario.model import ResolutionProposed, Resolved, TickChanged, TradingClosed
from remora.venues.twin.stage import Stage

PARTS = 3
COARSE, FINE = Decimal("0.01"), Decimal("0.001")


@dataclass(frozen=True, slots=True)
class Treatment:
    """How an accepted order is dealt with: held back for `delay`, matched in so many `parts`."""

    delay: timedelta | None = None
    parts: int = 1


def settlement_plan(board: Switchboard, _trade: Trade) -> SettlementPlan:
    """Return how a trade settles, as the armed faults have it."""
    if board.calm:
        return SMOOTH
    retry = board.strikes(FaultKind.SETTLE_RETRYING)
    late = board.strikes(FaultKind.HASH_LATE)
    return SettlementPlan(
        retry=None if retry is None else timedelta(seconds=retry.seconds),
        fails=board.strikes(FaultKind.SETTLE_FAILED) is not None,
        hash_late=timedelta(0) if late is None else timedelta(seconds=late.seconds),
        hash_missing=late is None and board.strikes(FaultKind.HASH_MISSING) is not None,
    )


def paid_out(board: Switchboard, owed: int) -> int:
    """Return what a redemption credits of the millionths that are owed."""
    return owed * 9 // 10 if board.strikes(FaultKind.REDEEM_SHORT) else owed


class MarketFaults:
    """Moves markets by way of the stage, so that every feed and read agrees."""

    def __init__(self, board: Switchboard, stage: Stage, steps: Steps) -> None:
        self._board = board
        self._stage = stage
        self._steps = steps
        steps.on("market fault", self._do)

    def treat(self, order: NewOrder) -> Treatment:
        """Let faults strike while this order is on its way; return how it is matched."""
        board, found = self._board, self._stage.public.listings.token(TokenId(order.token_id))
        if board.calm or found is None:
            return Treatment()
        listing = found[0]
        if listing.accepting and board.strikes(FaultKind.TICK_IN_FLIGHT):
            tick = COARSE if listing.tick_size == FINE else FINE
            self._stage.apply(TickChanged(self._stage.public.now(), listing.spec.condition_id, tick))
        if listing.accepting and board.strikes(FaultKind.CLOSE_IN_FLIGHT):
            self._stage.apply(TradingClosed(self._stage.public.now(), listing.spec.condition_id))
        delay = board.strikes(FaultKind.ORDER_DELAYED)
        if board.strikes(FaultKind.PARTIAL_FILLS) is None:
            return Treatment(delay=None if delay is None else timedelta(seconds=delay.seconds))
        shares = order.taker_amount if order.side is Side.BUY else order.maker_amount
        self._stage.exchange.thin(TokenId(order.token_id), order.side, shares * 3 // 5)
        return Treatment(delay=None if delay is None else timedelta(seconds=delay.seconds), parts=PARTS)

    def act(self, fault: Fault, market: str | None) -> str:
        """Do to a market, or to one drawn by the seed, what `fault` says; return its condition.

        Raises LookupError when there is no such market, or none that still trades.
        """
        condition = self._choose(fault.kind, market).spec.condition_id
        deed = {"kind": fault.kind.value, "market": condition, "seconds": fault.seconds}
        if fault.kind in (FaultKind.RESOLVED_EARLY, FaultKind.RESOLVED_LATE):
            deed["first"] = self._board.stream(fault.kind).randrange(2)
        self._steps.do("market fault", deed)
        self._board.happened[fault.kind.value] += 1
        return condition

    def _do(self, deed: dict[str, Any]) -> None:
        kind, condition = FaultKind(deed["kind"]), ConditionId(deed["market"])
        stage = self._stage
        now = stage.public.now()
        first = Decimal(deed.get("first", 0))
        if kind in (FaultKind.PROPOSED, FaultKind.DISPUTED):
            stage.apply(ResolutionProposed(now, condition))
            listing = stage.public.listings.condition(condition)
            if kind is FaultKind.DISPUTED and listing is not None:
                listing.disputed = True
                stage.exchange.dispute(condition)
        elif kind is FaultKind.RESOLVED_LATE:
            stage.apply(TradingClosed(now, condition))
            stage.resolve_after(timedelta(seconds=deed["seconds"]), condition, (first, ONE - first))
        elif kind is FaultKind.FIFTY_FIFTY:
            half = Decimal("0.5")
            stage.apply(Resolved(now, condition, (half, half)))
        else:
            stage.apply(Resolved(now, condition, (first, ONE - first)))

    def _choose(self, kind: FaultKind, market: str | None) -> Listing:
        if market is not None:
            found = self._stage.public.listings.condition(ConditionId(market))
            if found is None:
                raise LookupError(f"no market {market}")
            if found.payouts is not None:
                raise LookupError(f"market {market} is resolved already")
            choices = [found]
        else:
            choices = [listing for listing in self._stage.public.listings if listing.accepting]
        if kind is FaultKind.FIFTY_FIFTY:
            choices = [listing for listing in choices if not listing.spec.neg_risk]
        if not choices:
            raise LookupError("no market that this can happen to: neg-risk ones never pay 50/50")
        return self._board.stream(kind).choice(sorted(choices, key=lambda one: one.spec.condition_id))
