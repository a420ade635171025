"""Everything that anybody may read about the twin: listings, the public record, the activity stream."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from remora.domain.ids import ConditionId, WalletAddress
from remora.domain.money import ONE, Side
from remora.domain.trades import TradeKind
from remora.venues.twin.activity import Activity, PublicRecord, Settled
from remora.venues.twin.categorical import CategoricalMarket
from remora.venues.twin.listings import Listings
from remora.venues.twin.scenario.identifiers import pseudonym


@dataclass(slots=True, kw_only=True)
class PublicSide:
    """State behind Gamma, Data API and RTDS of one twin.

    `data_lag` is venue time between a fill and its row in the Data API. `stream` receives every live fill,
    `chain` everything that happens live.
    """

    now: Callable[[], datetime]
    data_lag: timedelta = timedelta(0)
    listings: Listings = field(default_factory=Listings)
    record: PublicRecord = field(default_factory=PublicRecord)
    names: dict[WalletAddress, str] = field(default_factory=dict)
    categorical: list[CategoricalMarket] = field(default_factory=list)
    stream: Callable[[Activity], None] | None = None
    chain: Callable[[Activity], None] | None = None

    def visible(self) -> PublicRecord:
        """Return the public record with everything in it that is known by now."""
        self.record.settle(self.now())
        return self.record

    def name_of(self, wallet: WalletAddress) -> str:
        """Return a wallet's display name."""
        return self.names.get(wallet) or pseudonym(wallet)

    def fill(
        self,
        *,
        at: datetime,
        wallet: WalletAddress,
        condition_id: ConditionId,
        outcome_index: int,
        side: Side,
        price: Decimal,
        size: Decimal,
        transaction_hash: str,
        taker: bool = True,
        live: bool = True,
        settled: Settled | None = None,
    ) -> Activity:
        """Record one wallet's fill and, when `live`, send it to the activity stream.

        Only the taker's row counts towards volume and the last price: the maker's is the same shares again.
        """
        activity = self._record(
            at=at,
            wallet=wallet,
            condition_id=condition_id,
            kind=TradeKind.TRADE,
            outcome_index=outcome_index,
            side=side,
            price=price,
            size=size,
            usd=price * size,
            transaction_hash=transaction_hash,
            taker=taker,
            live=live,
            settled=settled,
        )
        listing = self.listings.condition(condition_id)
        if taker and listing is not None:
            listing.count(at, activity.usd)
            listing.last_print = price if outcome_index == 0 else ONE - price
            listing.move(at, listing.last_print)
        if live and self.stream is not None:
            self.stream(activity)
        return activity

    def merge(
        self,
        *,
        at: datetime,
        wallet: WalletAddress,
        condition_id: ConditionId,
        size: Decimal,
        transaction_hash: str,
        live: bool = True,
    ) -> Activity:
        """Record that a wallet turned pairs of both outcomes into dollars; no stream carries it."""
        return self._record(
            at=at,
            wallet=wallet,
            condition_id=condition_id,
            kind=TradeKind.MERGE,
            outcome_index=None,
            side=None,
            price=ONE,
            size=size,
            usd=size,
            transaction_hash=transaction_hash,
            taker=True,
            live=live,
        )

    def change(
        self,
        *,
        at: datetime,
        wallet: WalletAddress,
        condition_id: ConditionId,
        kind: TradeKind,
        size: Decimal,
        usd: Decimal,
        transaction_hash: str,
        outcome_index: int | None = None,
        side: Side | None = None,
    ) -> Activity:
        """Record a live change of a holding other than a fill; `side` tells the direction of a transfer."""
        return self._record(
            at=at,
            wallet=wallet,
            condition_id=condition_id,
            kind=kind,
            outcome_index=outcome_index,
            side=side,
            price=usd / size if size else ONE,
            size=size,
            usd=usd,
            transaction_hash=transaction_hash,
            taker=True,
            live=True,
        )

    def redeem(
        self,
        *,
        at: datetime,
        wallet: WalletAddress,
        condition_id: ConditionId,
        outcome_index: int,
        size: Decimal,
        usd: Decimal,
        transaction_hash: str,
    ) -> Activity:
        """Record that a wallet redeemed shares of a resolved outcome."""
        return self._record(
            at=at,
            wallet=wallet,
            condition_id=condition_id,
            kind=TradeKind.REDEEM,
            outcome_index=outcome_index,
            side=None,
            price=usd / size if size else ONE,
            size=size,
            usd=usd,
            transaction_hash=transaction_hash,
            taker=True,
            live=True,
        )

    def _record(
        self,
        *,
        at: datetime,
        wallet: WalletAddress,
        condition_id: ConditionId,
        kind: TradeKind,
        outcome_index: int | None,
        side: Side | None,
        price: Decimal,
        size: Decimal,
        usd: Decimal,
        transaction_hash: str,
        taker: bool,
        live: bool,
        settled: Settled | None = None,
    ) -> Activity:
        activity = Activity(
            sequence=self.record.number(),
            at=at,
            known_at=at + self.data_lag if live else at,
            wallet=wallet,
            condition_id=condition_id,
            kind=kind,
            outcome_index=outcome_index,
            side=side,
            price=price,
            size=size,
            usd=usd,
            transaction_hash=transaction_hash,
            taker=taker,
            settled=settled,
        )
        self.record.append(activity)
        if live and self.chain is not None:
            self.chain(activity)
        return activity
