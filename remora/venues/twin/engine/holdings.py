"""Holdings that change without the order book: pairs made of dollars and back, and transfers between wallets."""

from abc import ABC
from datetime import datetime

from remora.domain.trades import TradeKind
from remora.venues.twin.engine import events
from remora.venues.twin.engine.markets import Markets
from remora.venues.twin.engine.records import Listing


class HoldingChanges(Markets, ABC):
    """What a wallet may do on chain by itself; amounts are in millionths and were checked by the caller."""

    def split(self, owner: str, listing: Listing, amount: int, now: datetime, transaction_hash: str) -> None:
        """Turn dollars into as many shares of each outcome."""
        self._pairs(owner, listing, amount)
        self._changed(owner, listing, TradeKind.SPLIT, None, amount, now, transaction_hash)

    def merge(self, owner: str, listing: Listing, amount: int, now: datetime, transaction_hash: str) -> None:
        """Turn shares of both outcomes back into dollars."""
        self._pairs(owner, listing, -amount)
        self._changed(owner, listing, TradeKind.MERGE, None, -amount, now, transaction_hash)

    def move_shares(
        self,
        owner: str,
        receiver: str,
        listing: Listing,
        outcome: int,
        amount: int,
        now: datetime,
        transaction_hash: str,
    ) -> None:
        """Give shares to another wallet for nothing."""
        token = listing.spec.tokens[outcome]
        self._shift(owner, token, -1, amount, 0)
        self._shift(receiver, token, 1, amount, 0)
        for wallet, change in ((owner, -amount), (receiver, amount)):
            self._changed(wallet, listing, TradeKind.TRANSFER, outcome, change, now, transaction_hash)

    def move_dollars(self, owner: str, receiver: str, amount: int) -> None:
        """Give dollars to another wallet."""
        self.account(owner).cash -= amount
        self.account(receiver).cash += amount

    def _pairs(self, owner: str, listing: Listing, amount: int) -> None:
        account = self.account(owner)
        account.cash -= amount
        listing.pool += amount
        for token in listing.spec.tokens:
            self._shift(owner, token, 1, amount, 0)

    def _changed(
        self,
        owner: str,
        listing: Listing,
        kind: TradeKind,
        outcome: int | None,
        change: int,
        now: datetime,
        transaction_hash: str,
    ) -> None:
        self._tell(
            events.HoldingChanged(
                owner=owner.lower(),
                listing=listing,
                kind=kind,
                outcome=outcome,
                change=change,
                at=now,
                transaction_hash=transaction_hash,
            )
        )
