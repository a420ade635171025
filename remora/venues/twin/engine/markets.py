"""Listings, accounts and resolution of the twin."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from remora.domain.ids import ConditionId, OrderDigest, TokenId
from remora.domain.market import ResolutionStatus
from remora.domain.money import Side, from_micros, micros
from remora.venues.twin.engine import events
from remora.venues.twin.engine.book import Book
from remora.venues.twin.engine.records import (
    FEES,
    HOUSE,
    UNIT,
    Account,
    Listing,
    OrderStatus,
    RestingOrder,
    Trade,
)
from remora.venues.twin.engine.validate import SHARE_GRAIN
from remora.venues.twin.scenario.model import MarketSpec


class Markets(ABC):
    """Listings, accounts and resolution; what matches orders is built on top."""

    def __init__(self) -> None:
        self.listings: dict[ConditionId, Listing] = {}
        self.tokens: dict[TokenId, tuple[ConditionId, int]] = {}
        self.accounts: dict[str, Account] = {HOUSE: Account(), FEES: Account()}
        self.orders: dict[OrderDigest, RestingOrder] = {}
        self.trades: dict[str, Trade] = {}
        self.listeners: list[events.Listener] = []
        self._books: dict[ConditionId, Book] = {}
        self._ladders: dict[ConditionId, dict[tuple[Side, int], RestingOrder]] = {}
        self._open: dict[str, dict[OrderDigest, RestingOrder]] = {}
        self._trades_of: dict[str, list[Trade]] = {}
        self._expiring: list[RestingOrder] = []
        self._beats: dict[str, datetime] = {}
        self._sequence = 0
        self.pays: Callable[[int], int] = lambda owed: owed
        """What a redemption really credits of the millionths that are owed."""

    @property
    def sequence(self) -> int:
        """How many orders, synthetic levels and trades there have been: what differs here differs everywhere."""
        return self._sequence

    # markets

    def list_market(self, spec: MarketSpec) -> Listing:
        """Open a market for trading; a second listing changes nothing."""
        if spec.condition_id in self.listings:
            return self.listings[spec.condition_id]
        listing = Listing(spec=spec, tick=micros(spec.tick_size))
        self.listings[spec.condition_id] = listing
        self._books[spec.condition_id] = Book()
        self._ladders[spec.condition_id] = {}
        for outcome, token in enumerate(spec.tokens):
            self.tokens[token] = (spec.condition_id, outcome)
        self._tell(events.Listed(listing))
        return listing

    def listing_of(self, token_id: TokenId) -> tuple[Listing, int] | None:
        """Return a token's market and outcome index, None for an unknown token."""
        found = self.tokens.get(token_id)
        return None if found is None else (self.listings[found[0]], found[1])

    def levels(self, token_id: TokenId, side: Side) -> list[tuple[int, int]]:
        """Return (price, shares) of a token's bids or asks, worst first and best last."""
        condition_id, outcome = self.tokens[token_id]
        return self._books[condition_id].levels(side, outcome)

    def best(self, token_id: TokenId, side: Side) -> int | None:
        """Return a token's best bid (BUY) or ask (SELL) in millionths."""
        condition_id, outcome = self.tokens[token_id]
        return self._books[condition_id].best_of(side, outcome)

    def set_ladder(
        self,
        condition_id: ConditionId,
        *,
        bids: Iterable[tuple[Decimal, Decimal]],
        asks: Iterable[tuple[Decimal, Decimal]],
        now: datetime,
        wall: datetime,
    ) -> None:
        """Replace the synthetic liquidity by (price, shares) of outcome 0; what crosses resting orders fills.

        A level that stays keeps its place in the queue, whatever its size.
        """
        listing, book, ladder = self.listings[condition_id], self._books[condition_id], self._ladders[condition_id]
        wanted: dict[tuple[Side, int], int] = {}
        if listing.accepting:
            for side, rows in ((Side.BUY, bids), (Side.SELL, asks)):
                wanted.update(
                    {
                        (side, micros(price)): micros(shares) // SHARE_GRAIN * SHARE_GRAIN
                        for price, shares in rows
                        if shares > 0
                    }
                )
        for key, order in list(ladder.items()):
            if key not in wanted or order.remaining == 0:
                book.remove(order)
                del ladder[key]
        for (side, price), shares in wanted.items():
            standing = ladder.get((side, price))
            if standing is not None:
                standing.remaining = shares
                book.touch(standing)
            else:
                ladder[side, price] = self._house(listing, side, price, shares, now, wall)
        self._tell_levels(listing)

    def thin(self, token_id: TokenId, side: Side, shares: int) -> None:
        """Withdraw the synthetic liquidity that an order on `side` would meet, but for the best `shares`."""
        condition_id, outcome = self.tokens[token_id]
        listing, book, ladder = self.listings[condition_id], self._books[condition_id], self._ladders[condition_id]
        book_side = side if outcome == 0 else side.opposite
        left = shares // SHARE_GRAIN * SHARE_GRAIN
        for order in list(book.facing(book_side, UNIT if book_side is Side.BUY else 0)):
            if order.owner != HOUSE:
                continue
            kept = min(order.remaining, left)
            left -= kept
            if kept:
                order.remaining = kept
                book.touch(order)
            else:
                book.remove(order)
                ladder.pop((order.side, order.price), None)
        self._tell_levels(listing)

    def change_tick(self, condition_id: ConditionId, tick_size: Decimal) -> None:
        """Change a market's tick; resting orders stay where they are."""
        listing = self.listings[condition_id]
        old, listing.tick = listing.tick, micros(tick_size)
        if old != listing.tick:
            self._tell(events.TickMoved(listing, old, listing.tick))

    def note_print(
        self,
        condition_id: ConditionId,
        outcome: int,
        price: Decimal,
        side: Side,
        *,
        shares: Decimal,
        transaction_hash: str,
    ) -> None:
        """Take in a trade between others: it sets the last price and is told to the market channel."""
        listing = self.listings[condition_id]
        units = micros(price)
        listing.last_price = units if outcome == 0 else UNIT - units
        listing.last_side = side
        self._tell(events.Printed(listing, outcome, side, units, micros(shares), transaction_hash))

    # resolution

    def propose(self, condition_id: ConditionId, now: datetime) -> None:
        """Someone proposed a result; trading goes on."""
        listing = self.listings[condition_id]
        listing.resolution, listing.proposed_at = ResolutionStatus.PROPOSED, now
        self._tell(events.StateChanged(listing, "proposed"))

    def dispute(self, condition_id: ConditionId) -> None:
        """The proposal was challenged."""
        listing = self.listings[condition_id]
        listing.resolution = ResolutionStatus.DISPUTED
        self._tell(events.StateChanged(listing, "disputed"))

    def stop_trading(self, condition_id: ConditionId, now: datetime) -> None:
        """Accept no more orders and cancel those that rest."""
        listing = self.listings[condition_id]
        listing.accepting = False
        self._cancel_all(listing, OrderStatus.CANCELED, now)
        self._tell(events.StateChanged(listing, "closed"))

    def resolve(self, condition_id: ConditionId, payouts: tuple[Decimal, Decimal], now: datetime) -> None:
        """Fix the payouts in dollars per share of each outcome; they sum to 1."""
        if sum(payouts) != 1 or min(payouts) < 0:
            raise ValueError(f"payouts must be two shares of one dollar, were {payouts}")
        listing = self.listings[condition_id]
        listing.accepting, listing.closed = False, True
        listing.closed_at = listing.resolved_at = now
        listing.payouts, listing.resolution = payouts, ResolutionStatus.RESOLVED
        self._cancel_all(listing, OrderStatus.RESOLVED, now)
        self._settle_house(listing)
        self._tell(events.StateChanged(listing, "resolved"))

    def redeem(
        self,
        owner: str,
        condition_id: ConditionId,
        now: datetime,
        *,
        outcomes: Sequence[int] = (0, 1),
        transaction_hash: str = "",
    ) -> int:
        """Exchange an account's shares of a resolved market; return the dollars credited, in millionths.

        `transaction_hash` names the transaction on chain that asked for it, if one did.
        """
        listing = self.listings[condition_id]
        if listing.payouts is None:
            raise ValueError(f"market {condition_id} is not resolved")
        account = self.account(owner)
        credited = 0
        burnt = {}
        for outcome in outcomes:
            token, payout = listing.spec.tokens[outcome], listing.payouts[outcome]
            shares = account.shares.pop(token, 0)
            if shares:
                burnt[token] = shares
                credited += shares * micros(payout) // UNIT
        if not burnt:
            return 0
        credited = self.pays(credited)
        account.cash += credited
        listing.pool -= credited
        account.redemptions.append(
            {
                "condition_id": condition_id,
                "dollars": str(from_micros(credited)),
                "shares": str({token: str(from_micros(shares)) for token, shares in burnt.items()}),
                "at": now.isoformat(),
            }
        )
        self._tell(events.Redeemed(owner, condition_id, credited, now, burnt, transaction_hash))
        return credited

    # accounts

    def account(self, owner: str) -> Account:
        """Return an account's balances, opening it if need be."""
        return self.accounts.setdefault(owner.lower(), Account())

    def deposit(self, owner: str, dollars: Decimal) -> None:
        """Credit dollars from outside."""
        account = self.account(owner)
        account.cash += micros(dollars)
        account.deposits += micros(dollars)

    def free_cash(self, owner: str) -> int:
        """Return dollars not reserved by resting purchases, in millionths."""
        reserved = sum(order.reserved_dollars for order in self.open_orders(owner) if order.side is Side.BUY)
        return self.account(owner).cash - reserved

    def free_shares(self, owner: str, token_id: TokenId) -> int:
        """Return shares not reserved by resting sales, in millionths."""
        reserved = sum(
            order.remaining
            for order in self.open_orders(owner)
            if order.side is Side.SELL and order.token_id == token_id
        )
        return self.account(owner).shares.get(token_id, 0) - reserved

    def open_orders(self, owner: str) -> list[RestingOrder]:
        """Return an account's resting orders, oldest first."""
        return list(self._open.get(owner.lower(), {}).values())

    def waiting_orders(self, owner: str) -> list[RestingOrder]:
        """Return an account's orders that may still fill: those that rest and those held back."""
        return [*self.open_orders(owner), *(order for order in self._held_back() if order.owner == owner.lower())]

    def trades_of(self, owner: str) -> list[Trade]:
        """Return an account's trades as taker or maker, oldest first."""
        return list(self._trades_of.get(owner.lower(), ()))

    def assert_conserved(self) -> None:
        """Raise AssertionError unless all money and all shares are accounted for."""
        cash = sum(account.cash for account in self.accounts.values())
        pools = sum(listing.pool for listing in self.listings.values())
        deposits = sum(account.deposits for account in self.accounts.values())
        assert cash + pools == deposits, f"cash {cash} + pools {pools} != deposits {deposits}"
        for listing in self.listings.values():
            supply = [
                sum(account.shares.get(token, 0) for account in self.accounts.values())
                for token in listing.spec.tokens
            ]
            if listing.payouts is None:
                assert supply == [listing.pool] * 2, f"supply {supply} != collateral {listing.pool}"
            else:
                owed = sum(held * micros(payout) for held, payout in zip(supply, listing.payouts, strict=True))
                assert owed <= listing.pool * UNIT, f"collateral {listing.pool} does not cover {owed}"
        for name, account in self.accounts.items():
            held = min(account.shares.values(), default=0)
            assert name == HOUSE or (account.cash >= 0 and held >= 0), f"{name} is overdrawn"

    @abstractmethod
    def cancel(self, digest: OrderDigest, now: datetime, status: OrderStatus = OrderStatus.CANCELED) -> bool:
        """Cancel a resting order; False when it does not rest."""

    @abstractmethod
    def _held_back(self) -> list[RestingOrder]: ...

    @abstractmethod
    def _house(
        self, listing: Listing, side: Side, price: int, shares: int, now: datetime, wall: datetime
    ) -> RestingOrder: ...

    def _cancel_all(self, listing: Listing, status: OrderStatus, now: datetime) -> None:
        book = self._books[listing.spec.condition_id]
        self._ladders[listing.spec.condition_id].clear()
        for order in list(book.orders()):
            if order.owner == HOUSE:
                book.remove(order)
            else:
                self.cancel(order.digest, now, status)
        self._tell_levels(listing)

    def _settle_house(self, listing: Listing) -> None:
        """Pay the synthetic liquidity out, or let it pay what it sold short, so that the pool covers the rest."""
        assert listing.payouts is not None
        house = self.accounts[HOUSE]
        for token, payout in zip(listing.spec.tokens, listing.payouts, strict=True):
            dollars = house.shares.pop(token, 0) * micros(payout) // UNIT
            house.cash += dollars
            listing.pool -= dollars

    def _shift(self, owner: str, token_id: TokenId, direction: int, shares: int, dollars: int) -> None:
        """Give shares for dollars (1) or take them back (-1)."""
        account = self.account(owner)
        account.cash -= direction * dollars
        left = account.shares.get(token_id, 0) + direction * shares
        if left:
            account.shares[token_id] = left
        else:
            account.shares.pop(token_id, None)

    def _tell_levels(self, listing: Listing) -> None:
        levels = self._books[listing.spec.condition_id].take_changes()
        if levels:
            self._tell(events.LevelsChanged(listing, levels))

    def _tell(self, event: events.Event) -> None:
        for listener in self.listeners:
            listener(event)
