"""What becomes of a trade after it matched: mined, confirmed, or failed and taken back."""

import hashlib
from abc import ABC
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from remora.domain.money import Side
from remora.domain.orders import FillStatus
from remora.venues.twin.engine import events
from remora.venues.twin.engine.holdings import HoldingChanges
from remora.venues.twin.engine.records import FEES, HOUSE, OrderStatus, Trade

NOTHING = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementPlan:
    """How one trade will settle; the times are wall time, `hash_late` counts from its being mined."""

    retry: timedelta | None = None
    fails: bool = False
    hash_late: timedelta = NOTHING
    hash_missing: bool = False


SMOOTH = SettlementPlan()
Planner = Callable[[Trade], SettlementPlan]
Witness = Callable[[Trade, str], None]
"""Told of what really happened to a trade: ``retrying``, ``failed``, ``hash_late``, ``hash_missing``."""


class Settlement(HoldingChanges, ABC):
    """Moves trades through settlement; a trade waits for the older ones of its parties."""

    def __init__(self, *, mined_after: timedelta, confirmed_after: timedelta) -> None:
        super().__init__()
        self.plan_settlement: Planner = lambda _trade: SMOOTH
        self.witness: Witness = lambda _trade, _what: None
        self._mined_after = mined_after
        self._confirmed_after = confirmed_after
        self._plans: dict[str, SettlementPlan] = {}
        self._unsettled: list[Trade] = []

    def _await_settlement(self, trade: Trade) -> None:
        self._plans[trade.id] = self.plan_settlement(trade)
        self._unsettled.append(trade)

    def _settle_trades(self, now: datetime, wall: datetime) -> None:
        held: set[str] = set()
        for trade in list(self._unsettled):
            if trade.status in (FillStatus.MATCHED, FillStatus.RETRYING) and not held & _parties(trade):
                self._towards_the_chain(trade, now, wall)
            if trade.status in (FillStatus.MATCHED, FillStatus.RETRYING):
                held |= _parties(trade)
            if trade.status in (FillStatus.MINED, FillStatus.CONFIRMED):
                self._on_chain(trade, now, wall)
        self._unsettled = [trade for trade in self._unsettled if not self._finished(trade)]

    def _towards_the_chain(self, trade: Trade, now: datetime, wall: datetime) -> None:
        plan, age = self._plans[trade.id], wall - trade.wall_at
        if trade.status is FillStatus.MATCHED and age >= self._mined_after and plan.retry is not None:
            self._move_on(trade, FillStatus.RETRYING, now)
            self.witness(trade, "retrying")
        if age < self._mined_after + (plan.retry or NOTHING):
            return
        if plan.fails and self._fail(trade, now):
            return
        trade.mined_wall = wall
        if not plan.hash_missing and not plan.hash_late:
            trade.transaction_hash = chain_hash(trade)
        if plan.hash_missing:
            self.witness(trade, "hash_missing")
        self._move_on(trade, FillStatus.MINED, now)

    def _on_chain(self, trade: Trade, now: datetime, wall: datetime) -> None:
        plan = self._plans[trade.id]
        assert trade.mined_wall is not None, "a trade on chain was mined once"
        if trade.status is FillStatus.MINED and wall - trade.wall_at >= self._confirmed_after + (
            plan.retry or NOTHING
        ):
            self._move_on(trade, FillStatus.CONFIRMED, now)
        if plan.hash_late and not trade.transaction_hash and wall - trade.mined_wall >= plan.hash_late:
            trade.transaction_hash = chain_hash(trade)
            trade.updated_at = now
            self.witness(trade, "hash_late")
            self._tell(events.HashShown(trade, now))

    def _finished(self, trade: Trade) -> bool:
        plan = self._plans[trade.id]
        waits_for_hash = bool(plan.hash_late) and not trade.transaction_hash
        done = trade.status is FillStatus.FAILED or (trade.status.final and not waits_for_hash)
        if done:
            del self._plans[trade.id]
        return done

    def _fail(self, trade: Trade, now: datetime) -> bool:
        """Take a trade back, and with it every younger one that lived off it; False if that cannot be any more."""
        undone = [trade]
        self._book(trade, -1)
        while (broke := self._overdrawn(undone)) is not None:
            owner, token = broke
            later = self._youngest_spender(owner, token, undone)
            if later is None or self.listings[later.condition_id].payouts is not None:
                break
            self._book(later, -1)
            undone.append(later)
        resolved = any(self.listings[one.condition_id].payouts is not None for one in undone)
        if resolved or self._overdrawn(undone) is not None:
            for one in reversed(undone):
                self._book(one, 1)
            return False
        for one in undone:
            self._move_on(one, FillStatus.FAILED, now)
            self.witness(one, "failed")
        for owner in sorted({owner for one in undone for owner in _parties(one)}):
            self._drop_unbacked(owner, now)
        return True

    def _book(self, trade: Trade, sign: int) -> None:
        """Move a trade's money and shares once more (1) or back (-1)."""
        listing, taker = self.listings[trade.condition_id], trade.taker
        for fill in trade.makers:
            if fill.token_id != taker.token_id:
                listing.pool += sign * (fill.shares if taker.side is Side.BUY else -fill.shares)
            buys = sign if fill.side is Side.BUY else -sign
            self._shift(fill.owner, fill.token_id, buys, fill.shares, fill.notional)
        buys = sign if taker.side is Side.BUY else -sign
        self._shift(taker.owner, taker.token_id, buys, trade.shares, trade.notional)
        account = self.account(taker.owner)
        account.cash -= sign * trade.fee
        account.fees += sign * trade.fee
        self.accounts[FEES].cash += sign * trade.fee

    def _overdrawn(self, undone: list[Trade]) -> tuple[str, str | None] | None:
        """Return whose cash (None) or shares of which token fell below zero, None if all is well."""
        for owner in sorted({owner for one in undone for owner in _parties(one)}):
            account = self.account(owner)
            if account.cash < 0:
                return owner, None
            for token, held in account.shares.items():
                if held < 0:
                    return owner, token
        return None

    def _youngest_spender(self, owner: str, token: str | None, undone: list[Trade]) -> Trade | None:
        """Return the youngest trade not yet on chain by which `owner` gave away dollars, or shares of `token`."""
        for trade in reversed(self._unsettled):
            if trade in undone or trade.status not in (FillStatus.MATCHED, FillStatus.RETRYING):
                continue
            sides = [(trade.taker.owner, trade.taker.side, trade.taker.token_id)]
            sides += [(fill.owner, fill.side, fill.token_id) for fill in trade.makers]
            for party, side, traded in sides:
                gave = side is Side.BUY if token is None else side is Side.SELL and traded == token
                if party == owner and gave:
                    return trade
        return None

    def _drop_unbacked(self, owner: str, now: datetime) -> None:
        """Cancel resting orders that the account cannot pay for any more, youngest first."""
        for order in reversed(self.open_orders(owner)):
            short = (
                self.free_cash(owner) < 0
                if order.side is Side.BUY
                else self.free_shares(owner, order.token_id) < 0
            )
            if short:
                self.cancel(order.digest, now, OrderStatus.UNBACKED)

    def _move_on(self, trade: Trade, status: FillStatus, now: datetime) -> None:
        trade.status, trade.updated_at = status, now
        self._tell(events.TradeEvent(trade, now))


def chain_hash(trade: Trade) -> str:
    """Return the hash of the transaction that settles a trade."""
    return "0x" + hashlib.sha256(trade.id.encode()).hexdigest()


def _parties(trade: Trade) -> set[str]:
    return {trade.taker.owner, *(maker.owner for maker in trade.makers)} - {HOUSE}
