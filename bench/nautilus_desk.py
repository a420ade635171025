"""The desk of the copying strategy in plain floats: money, losses, exposures; and what it holds and waits for."""

# mypy: ignore-errors

from collections import defaultdict, deque

DAY = 86_400.0


class Holding:
    """A copied position."""

    __slots__ = (
        *("whale", "market", "outcome", "spread", "shares", "bought", "paid", "cost", "reserved", "committed"),
        *("mark", "value", "stop", "target", "alarmed", "kind", "since", "seen", "watching", "confirming"),
        *("leaving", "ended", "pending", "owed", "version"),
    )

    def __init__(self, whale: int, market: "Market", outcome: int, spread: float) -> None:
        self.whale, self.market, self.outcome, self.spread = whale, market, outcome, spread
        self.shares = self.bought = self.paid = self.cost = self.reserved = self.committed = self.value = 0.0
        self.mark = self.stop = self.target = self.kind = self.leaving = self.ended = None
        self.alarmed = self.watching = self.confirming = False
        self.since, self.seen, self.pending, self.owed, self.version = 0.0, 0, 0, 0.0, 0


class Working:
    """An order on its way or in its window: `left` is dollars of a purchase, shares of a sale."""

    __slots__ = ("arrives", "buying", "expires", "holding", "kept", "left", "limit", "reserve", "resting", "touch")

    def __init__(
        self,
        holding: Holding,
        left: float,
        limit: float,
        arrives: float,
        expires: float,
        reserve: float,
        *,
        buying: bool,
    ) -> None:
        self.holding, self.buying, self.left, self.limit = holding, buying, left, limit
        self.arrives, self.expires, self.reserve = arrives, expires, reserve
        self.kept, self.touch, self.resting = left * reserve, None, False


class Market:
    """What the strategy knows of a market: the last print as one of outcome 0, a day of dollars, who waits."""

    def __init__(self, code: int, facts: list[float], instruments: tuple) -> None:
        self.code, self.instruments = code, instruments
        self.event, self.fee, self.exponent, self.minimum, self.allowed, self.end, self.fine = facts[:7]
        self.proposed, self.closed, self.resolved = facts[7:10]
        self.payouts = facts[10:]
        self.price, self.buying, self.at = None, True, 0.0
        self.window, self.volume = deque(), 0.0
        self.holdings, self.working, self.waiting = [], [], []
        self.touch, self.live = None, False

    def unit(self, at: float) -> int:
        """Return the ticks to the dollar."""
        return 1000 if self.fine <= at else 100

    def volume_24h(self, at: float) -> float:
        """Return the dollars traded in the day before."""
        window = self.window
        while window and window[0][0] <= at - DAY:
            self.volume -= window.popleft()[1]
        return self.volume

    def settle(self) -> None:
        """Tell whether anything of ours still waits for its prints."""
        self.live = bool(self.holdings or self.working or self.waiting)


class Desk:
    """Money and exposures of one account."""

    def __init__(self, capital: float, policy: dict) -> None:
        self.policy = policy
        self.cash = self.base = self.peak = capital
        self.value = self.reserved = 0.0
        self.scale, self.halted, self.reducing = 1.0, False, False
        self.committed = defaultdict(float)
        self.entries = deque()
        self.open = {}
        self.dirty = set()

    @property
    def equity(self) -> float:
        """Return cash and what is held at its marks."""
        return self.cash + self.value

    def judge(self, at: float, *, new_day: bool = False) -> float:
        """Take in the day, the mark and the losses; return the equity."""
        policy, equity = self.policy, self.equity
        self.peak = max(self.peak, equity)
        if new_day:
            self.base, self.halted = equity, False
        self.halted = self.halted or self.breached(equity)
        drawdown = max(0.0, 1.0 - equity / self.peak)
        if self.scale == 1.0 and drawdown >= policy["drawdown_share"]:
            self.scale, self.reducing = 0.5, True
        elif self.scale < 1.0 and drawdown <= policy["drawdown_recovered_share"]:
            self.scale = 1.0
        while self.entries and self.entries[0] <= at - 60.0:
            self.entries.popleft()
        return equity

    def breached(self, equity: float) -> bool:
        """Tell whether the day's loss reaches its limit."""
        loss = self.base - equity
        policy = self.policy
        return loss > 0 and loss >= min(policy["daily_loss_share"] * self.base, policy["max_daily_loss_usd"])

    def commit(self, holding: Holding, reserved: float = 0.0) -> None:
        """Bring the exposures up to date with a holding, of which `reserved` dollars more are set aside."""
        self.reserved += reserved
        holding.reserved += reserved
        change = holding.cost + holding.reserved - holding.committed
        if change:
            holding.committed += change
            market, committed = holding.market, self.committed
            committed["market", market.code] += change
            committed["event", market.event] += change
            committed["whale", holding.whale] += change
            committed[market.code, holding.outcome] += change

    def set_mark(self, holding: Holding, price: float) -> None:
        """Value a holding."""
        holding.mark = price
        value = holding.shares * price
        self.value += value - holding.value
        holding.value = value

    def forget(self, holding: Holding) -> None:
        """Take an ended holding out of the books."""
        self.set_mark(holding, 0.0)
        self.reserved -= holding.reserved
        holding.cost = holding.reserved = 0.0
        self.commit(holding)
        del self.open[holding.whale, holding.market.code, holding.outcome]
        holding.market.holdings.remove(holding)
        holding.market.settle()
