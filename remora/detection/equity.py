"""What the account is worth with every tick, and when that turns a dial of its desk."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.detection.pace import Pace
from remora.domain.desk import Standing, judge, trading_day
from remora.domain.exits import executable_bid
from remora.domain.ids import AccountId, TokenId
from remora.domain.limits import Limits
from remora.domain.money import ZERO
from remora.storage.desk import DeskMissing
from remora.storage.portfolio import HeldShares, Portfolio, load_portfolio
from remora.venues.venue import BookUpdate

log = structlog.get_logger(__name__)

RISE: Final = Decimal("0.001")
"""A new high by less than this share of the mark waits for the desk's next look, within a minute."""


class EquityWatch:
    """Holds the portfolio in memory, marks it with every book, and says when the desk should look.

    It never turns a dial: the desk judges again on fresh books, so one bad tick costs one look. `told` is called
    with the cause, and again every `desk_repeat_after` while it lasts.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        account: AccountId,
        *,
        limits: Limits,
        pace: Pace,
        now: Callable[[], datetime],
        venue_now: Callable[[], datetime],
        tell: Callable[[str, datetime], None],
    ) -> None:
        self._engine = engine
        self._account = account
        self._limits = limits
        self._pace = pace
        self._now = now
        self._venue_now = venue_now
        self._tell = tell
        self._portfolio: Portfolio | None = None
        self._values: dict[str, Decimal] = {}
        self._by_token: dict[TokenId, list[HeldShares]] = {}
        self._books: dict[TokenId, BookUpdate] = {}
        self._recent: set[TokenId] = set()
        self._equity = ZERO
        self._told_at: dict[str, datetime] = {}

    @property
    def equity(self) -> Decimal | None:
        """Return dollars at the newest books; None before the portfolio was read."""
        return None if self._portfolio is None else self._equity

    async def run(self) -> None:
        """Read the portfolio again and again: fills and transfers move it too."""
        while True:
            try:
                self.take(await load_portfolio(self._engine, self._account))
            except DeskMissing:
                log.info("equity.no_desk", account=self._account)
            await asyncio.sleep(self._pace.portfolio_every)

    def take(self, portfolio: Portfolio) -> None:
        """Take the database's newest word, mark it with the books known here, and look."""
        by_token: dict[TokenId, list[HeldShares]] = defaultdict(list)
        for held in portfolio.held:
            by_token[held.token_id].append(held)
        self._portfolio, self._by_token = portfolio, dict(by_token)
        kept = self._by_token.keys() | self._recent
        self._books = {token: book for token, book in self._books.items() if token in kept}
        self._recent.clear()
        self._values = {held.position_id: self._value(held) for held in portfolio.held}
        self._equity = portfolio.desk.cash + sum(self._values.values(), ZERO)
        self._look()

    def update(self, update: BookUpdate) -> None:
        """Mark what is held of a book's token, and look; a book may come before we know that we hold it."""
        token = update.book.token_id
        self._books[token] = update
        self._recent.add(token)
        for held in self._by_token.get(token, ()):
            value = self._value(held)
            self._equity += value - self._values[held.position_id]
            self._values[held.position_id] = value
        if token in self._by_token:
            self._look()

    def _value(self, held: HeldShares) -> Decimal:
        known = self._books.get(held.token_id)
        price = None if known is None else executable_bid(known.book, held.shares)
        return held.value if price is None else held.shares * price

    def _look(self) -> None:
        """Tell what would turn a dial; a day must be begun at its first instant, and a new high be kept."""
        assert self._portfolio is not None
        desk = self._portfolio.desk
        standing = Standing(
            equity=self._equity,
            day_start_equity=desk.day_start_equity,
            high_water_mark=max(desk.high_water_mark, self._equity),
        )
        judged = judge(desk.mode, desk.scale, standing, self._limits)
        causes = set()
        if trading_day(self._venue_now(), self._limits.day_zone) > desk.day:
            causes.add("new_day")
        if self._equity > desk.high_water_mark * (1 + RISE):
            causes.add("new_high")
        if judged.breach is not None:
            causes.add("daily_loss")
        if judged.drawdown is not None:
            causes.add("drawdown")
        now = self._now()
        self._told_at = {cause: at for cause, at in self._told_at.items() if cause in causes}
        for cause in sorted(causes):
            last = self._told_at.get(cause)
            if last is None or now - last >= timedelta(seconds=self._pace.desk_repeat_after):
                self._told_at[cause] = now
                log.info("desk.should_look", cause=cause, equity=str(self._equity))
                self._tell(cause, now)
