"""What the paper venue keeps, and for whom: handed in, so that this layer knows no database."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from remora.domain.ids import AccountId, ConditionId, OrderDigest, TokenId
from remora.domain.paper import BookSide, PaperFill, PaperHolding, PaperOrder


class PaperTurn(Protocol):
    """One account, locked: everything written in a turn is kept together or not at all."""

    async def cash(self) -> Decimal:
        """Return the dollars, those held by resting orders included."""

    async def holdings(self) -> list[PaperHolding]:
        """Return every token of which the account holds shares."""

    async def order(self, digest: OrderDigest) -> PaperOrder | None:
        """Return an order that was taken, None for any other digest."""

    async def live_orders(self) -> list[PaperOrder]:
        """Return the orders that may still fill, oldest first."""

    async def taken(self, side: BookSide) -> dict[Decimal, Decimal]:
        """Return our claims on a side of a book, by the first outcome's price."""

    async def fills(
        self,
        *,
        digest: OrderDigest | None = None,
        since: datetime | None = None,
        wall_since: datetime | None = None,
    ) -> list[PaperFill]:
        """Return fills, oldest first; `since` is venue time, `wall_since` wall time."""

    async def failing(self, *, before: datetime) -> list[PaperFill]:
        """Return fills matched before a wall-clock instant whose settlement fails and was not dealt with yet."""

    async def end_failing(self, trade_id: str, *, undone: bool) -> None:
        """Note that a failing fill was undone, or that it settles after all."""

    async def put_order(self, order: PaperOrder) -> None:
        """Write an order as it stands now."""

    async def put_taken(self, side: BookSide, taken: Mapping[Decimal, Decimal]) -> None:
        """Replace our claims on a side of a book."""

    async def add_fills(self, fills: Sequence[PaperFill]) -> None:
        """Write new fills."""

    async def move(
        self, *, dollars: Decimal, token_id: TokenId, condition_id: ConditionId, shares: Decimal
    ) -> None:
        """Add dollars and shares (both may be negative) to the account."""


class PaperStore(Protocol):
    """Paper accounts that survive a restart."""

    async def open(self, account: AccountId, *, cash: Decimal, now: datetime) -> None:
        """Make the account with its opening balance unless it is there."""

    def turn(self, account: AccountId) -> AbstractAsyncContextManager[PaperTurn]:
        """Lock the account until the block ends."""
