"""The desk of a replay: cash, exposures and equity as the live risk transaction reads them."""

from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from remora.backtest.holding import Holding, Key
from remora.domain.decide import DeskSnapshot, Exposure
from remora.domain.ids import TokenId, WalletAddress
from remora.domain.market import Market
from remora.domain.money import ONE, ZERO
from remora.domain.reasons import DeskMode

MINUTE = timedelta(minutes=1)


@dataclass(slots=True)
class Desk:
    """Books of one account; every total equals what storage.risk computes from its rows.

    Totals by whale, market and event follow each change of a holding, so that a decision costs no pass over all
    of them.
    """

    cash: Decimal
    day: date
    base: Decimal
    mark: Decimal
    mode: DeskMode = DeskMode.TRADING
    scale: Decimal = ONE
    reserved: Decimal = ZERO
    value: Decimal = ZERO
    open: dict[Key, Holding] = field(default_factory=dict)
    _members: dict[tuple[str, str], set[int]] = field(default_factory=lambda: defaultdict(set))
    _committed: dict[tuple[str, str], Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))
    _entries: deque[datetime] = field(default_factory=deque)

    @classmethod
    def opened(cls, cash: Decimal, at: datetime) -> "Desk":
        """Return a desk with its opening balance."""
        return cls(cash=cash, day=at.date(), base=cash, mark=cash)

    @property
    def equity(self) -> Decimal:
        """Return cash plus holdings at their marks."""
        return self.cash + self.value

    def snapshot(self, at: datetime, *, live: bool = False) -> DeskSnapshot:
        """Return what a decision at venue time `at` sees, a new day and a new high-water mark taken in."""
        equity = self.equity
        if at.date() > self.day:
            self.day, self.base = at.date(), equity
        self.mark = max(self.mark, equity)
        while self._entries and self._entries[0] <= at - MINUTE:
            self._entries.popleft()
        return DeskSnapshot(
            mode=self.mode,
            scale=self.scale,
            equity=equity,
            cash=self.cash - self.reserved,
            day_start_equity=self.base,
            high_water_mark=self.mark,
            entry_orders_last_minute=len(self._entries),
            live=live,
        )

    def exposure(self, whale: WalletAddress, token: TokenId, market: Market) -> Exposure:
        """Return what is committed beside a purchase of `token` behind `whale`."""
        held = self.open.get((whale, token))
        totals = self._committed.get
        return Exposure(
            position=ZERO if held is None else held.committed,
            market=totals(("market", market.condition_id), ZERO),
            event=totals(("event", market.event_id), ZERO),
            whale=totals(("whale", whale), ZERO),
            opposite_held=self.holds(market.opposite(token)),
        )

    def holds(self, token: TokenId) -> bool:
        """Whether anything is committed to a token."""
        return self._committed.get(("token", token), ZERO) > 0

    def entered(self, at: datetime) -> None:
        """Count an entry order."""
        self._entries.append(at)

    def add(self, holding: Holding) -> None:
        """Take in an approved position."""
        self.open[holding.key] = holding
        for group in _groups(holding):
            self._members[group].add(holding.number)

    def remove(self, holding: Holding) -> None:
        """Forget an ended position; crumbs that it still holds count as nothing."""
        self.set_mark(holding, ZERO)
        del self.open[holding.key]
        for group in _groups(holding):
            self._members[group].discard(holding.number)
            self._committed[group] -= holding.committed
            if not self._members[group]:
                del self._members[group], self._committed[group]

    def reserve(self, holding: Holding, dollars: Decimal) -> None:
        """Change what is set aside for a position's entry orders by `dollars`."""
        self.reserved += dollars
        holding.reserved += dollars
        self.recommit(holding)

    def recommit(self, holding: Holding) -> None:
        """Bring the totals up to date with a position's books."""
        now = holding.books.cost + holding.reserved
        change, holding.committed = now - holding.committed, now
        for group in _groups(holding):
            self._committed[group] += change

    def set_mark(self, holding: Holding, price: Decimal | None) -> None:
        """Value what is held at `price`; at its cost while nobody bids and nothing was ever bid."""
        if price is not None:
            holding.mark = price
        mark = holding.mark if holding.mark is not None else holding.books.average_price
        value = ZERO if mark is None else holding.shares * mark
        self.value += value - holding.value
        holding.value = value


def _groups(holding: Holding) -> Iterator[tuple[str, str]]:
    yield "market", holding.condition
    yield "event", holding.event
    yield "whale", holding.whale
    yield "token", holding.token
