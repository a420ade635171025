"""The desk of a replay: cash, exposures and equity as the live risk transaction reads them."""

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from remora.backtest.holding import Group, Holding, Key
from remora.domain.decide import DeskSnapshot, Exposure
from remora.domain.desk import Standing, judge, roll, trading_day
from remora.domain.ids import TokenId, WalletAddress
from remora.domain.limits import Limits
from remora.domain.market import Market
from remora.domain.money import ONE, ZERO
from remora.domain.reasons import DeskMode

MINUTE = timedelta(minutes=1)
NOTHING = Group()


@dataclass(slots=True)
class Desk:
    """Books of one account; every total equals what storage.risk computes from its rows.

    Totals by whale, market and event follow each change of a holding, so that a decision costs no pass over all
    of them. `reducing` says that a drawdown asks for half of everything that is held to be sold.
    """

    cash: Decimal
    day: date
    base: Decimal
    mark: Decimal
    mode: DeskMode = DeskMode.TRADING
    scale: Decimal = ONE
    reserved: Decimal = ZERO
    value: Decimal = ZERO
    reducing: bool = False
    open: dict[Key, Holding] = field(default_factory=dict)
    _tokens: dict[str, Group] = field(default_factory=dict)
    _markets: dict[str, Group] = field(default_factory=dict)
    _events: dict[str, Group] = field(default_factory=dict)
    _whales: dict[str, Group] = field(default_factory=dict)
    _seen_from: float = 0.0
    _seen_until: float = 0.0
    _seen_day: date = date.min
    _entries: deque[datetime] = field(default_factory=deque)

    @classmethod
    def opened(cls, cash: Decimal, at: datetime) -> "Desk":
        """Return a desk with its opening balance."""
        return cls(cash=cash, day=at.date(), base=cash, mark=cash)

    @property
    def equity(self) -> Decimal:
        """Return cash plus holdings at their marks."""
        return self.cash + self.value

    def snapshot(self, at: datetime, limits: Limits) -> DeskSnapshot:
        """Return what a decision at venue time `at` sees, after the day, the mark and the losses were taken in.

        A halt lasts to the end of the day: the replay's operator resets the desk with each new one.
        """
        today = self._today(at, limits.day_zone)
        new_day = today > self.day
        standing = roll(
            Standing(equity=self.cash + self.value, day_start_equity=self.base, high_water_mark=self.mark),
            new_day=new_day,
        )
        self.base, self.mark = standing.day_start_equity, standing.high_water_mark
        if new_day:
            self.day = today
            if self.mode is DeskMode.HALTED:
                self.mode = DeskMode.TRADING
        judged = judge(self.mode, self.scale, standing, limits)
        self.mode, self.scale = judged.mode, judged.scale
        self.reducing = self.reducing or judged.reduces
        if self._entries:
            self._forget_entries(at - MINUTE)
        return DeskSnapshot(
            mode=self.mode,
            scale=self.scale,
            equity=standing.equity,
            cash=self.cash - self.reserved,
            day_start_equity=standing.day_start_equity,
            high_water_mark=standing.high_water_mark,
            entry_orders_last_minute=len(self._entries),
        )

    def _forget_entries(self, until: datetime) -> None:
        while self._entries and self._entries[0] <= until:
            self._entries.popleft()

    def _today(self, at: datetime, zone: str) -> date:
        """Return the trading day: it lasts from any of its instants to its midnight."""
        seconds = at.timestamp()
        if not self._seen_from <= seconds < self._seen_until:
            self._seen_from, self._seen_until = seconds, midnight_after(seconds, zone)
            self._seen_day = trading_day(at, zone)
        return self._seen_day

    def exposure(self, whale: WalletAddress, token: TokenId, market: Market) -> Exposure:
        """Return what is committed beside a purchase of `token` behind `whale`."""
        held = self.open.get((whale, token))
        return Exposure(
            position=ZERO if held is None else held.committed,
            market=self._markets.get(market.condition_id, NOTHING).committed,
            event=self._events.get(market.event_id, NOTHING).committed,
            whale=self._whales.get(whale, NOTHING).committed,
            opposite_held=self.holds(market.opposite(token)),
        )

    def holds(self, token: TokenId) -> bool:
        """Whether anything is committed to a token."""
        group = self._tokens.get(token)
        return group is not None and group.committed > 0

    def entered(self, at: datetime) -> None:
        """Count an entry order."""
        self._entries.append(at)

    def add(self, holding: Holding) -> None:
        """Take in an approved position."""
        self.open[holding.key] = holding
        holding.groups = tuple([_join(groups, name) for groups, name in self._groups(holding)])

    def remove(self, holding: Holding) -> None:
        """Forget an ended position; crumbs that it still holds count as nothing."""
        self.set_mark(holding, ZERO)
        del self.open[holding.key]
        for group, (groups, name) in zip(holding.groups, self._groups(holding), strict=True):
            group.members -= 1
            group.committed -= holding.committed
            if not group.members:
                del groups[name]

    def _groups(self, holding: Holding) -> tuple[tuple[dict[str, Group], str], ...]:
        """Return where a position is counted, and as what."""
        return (
            (self._tokens, holding.token),
            (self._markets, holding.condition),
            (self._events, holding.event),
            (self._whales, holding.whale),
        )

    def reserve(self, holding: Holding, dollars: Decimal) -> None:
        """Change what is set aside for a position's entry orders by `dollars`."""
        self.reserved += dollars
        holding.reserved += dollars
        self.recommit(holding)

    def recommit(self, holding: Holding) -> None:
        """Bring the totals up to date with a position's books."""
        now = holding.cost + holding.reserved
        change, holding.committed = now - holding.committed, now
        for group in holding.groups:
            group.committed += change

    def set_mark(self, holding: Holding, price: Decimal | None) -> None:
        """Value what is held at `price`; at its cost while nobody bids and nothing was ever bid."""
        if price is not None:
            holding.mark = price
        mark = holding.mark if holding.mark is not None else holding.books.average_price
        value = ZERO if mark is None else holding.shares * mark
        self.value += value - holding.value
        holding.value = value


@lru_cache(maxsize=1024)
def midnight_after(at: float, zone: str) -> float:
    """Return when the trading day after that of `at` begins, in seconds since 1970."""
    day = trading_day(datetime.fromtimestamp(at, UTC), zone) + timedelta(days=1)
    return datetime.combine(day, time(), ZoneInfo(zone)).timestamp()


def _join(groups: dict[str, Group], name: str) -> Group:
    group = groups.get(name)
    if group is None:
        group = groups[name] = Group()
    group.members += 1
    return group
