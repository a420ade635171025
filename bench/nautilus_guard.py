"""What happens to the copying strategy's positions after their entry, for nautilus_trader."""

# mypy: ignore-errors

import heapq
from collections.abc import Iterator
from itertools import count
from math import inf
from typing import Any

from nautilus_book import Levels, down, executable, ladder, met, price_down, share_to_sell, touch_of
from nautilus_desk import DAY, Desk, Holding, Market, Working
from nautilus_trader.config import StrategyConfig
from nautilus_trader.trading.strategy import Strategy

SIGNAL, ARRIVAL, EXPIRY, CROSSING, CONFIRMATION, ALARM, MILESTONE, REDEMPTION, RETRY, MIDNIGHT = range(10)
DUST = 0.01


class Guard(Strategy):
    """Keeps the strategy's own events in order of time and handles all but new signals."""

    def __init__(self, policy: dict, reactions: Iterator) -> None:
        super().__init__(StrategyConfig())
        self.policy, self.reactions = policy, reactions
        self.desk = Desk(policy["capital"], policy)
        self.numbers, self.heap, self.due = count(), [], inf
        self.handlers = (
            self._on_arrival,
            self._on_expiry,
            self._on_crossing,
            self._on_confirmation,
            self._on_alarm,
            self._on_milestone,
            self._on_redemption,
            self._on_retry,
            self._on_midnight,
        )
        self._push((policy["start"] // DAY + 1) * DAY, MIDNIGHT, None)

    # time

    def _push(self, at: float, kind: int, payload: Any) -> None:
        heapq.heappush(self.heap, (at, next(self.numbers), kind, payload))
        self.due = self.heap[0][0]

    def _advance(self, until: float) -> None:
        """Handle what is due before `until`."""
        heap, handlers = self.heap, self.handlers
        while heap and heap[0][0] < until:
            at, _, kind, payload = heapq.heappop(heap)
            handlers[kind](at, payload)
        self.due = heap[0][0] if heap else inf

    def _on_midnight(self, at: float, _: None) -> None:
        self._revalue()
        self.desk.judge(at, new_day=True)
        if at + DAY < self.policy["end"]:
            self._push(at + DAY, MIDNIGHT, None)

    # values

    def _touch(self, market: Market) -> tuple[int, int, int]:
        unit = market.unit(market.at)
        return (*touch_of(market.price, unit, self.policy["spread_ticks"], buying=market.buying), unit)

    def _bids(self, holding: Holding) -> Levels:
        return ladder(*holding.market.touch, self.policy["depth_usd"])[holding.outcome][0]

    def _value(self, holding: Holding) -> None:
        self.desk.set_mark(holding, executable(self._bids(holding), holding.shares) if holding.shares > 0 else 0.0)

    def _revalue(self) -> None:
        """Value what is held in every market that printed since it was valued."""
        for market in self.desk.dirty:
            for holding in market.holdings:
                if holding.shares > 0:
                    self._value(holding)
        self.desk.dirty.clear()

    # orders

    def _send(
        self, holding: Holding, left: float, limit: float, arrives: float, reserve: float = 0.0, *, buying: bool
    ) -> None:
        expires = arrives + self.policy["fill_window_s"]
        order = Working(holding, left, limit, arrives, expires, reserve, buying=buying)
        holding.pending += 1
        holding.market.working.append(order)
        holding.market.live = True
        self._push(arrives, ARRIVAL, order)

    def _on_arrival(self, at: float, order: Working) -> None:
        holding = order.holding
        if order.buying and (holding.leaving is not None or holding.ended is not None):
            self._close(order, at)
            return
        bid, ask, unit = self._touch(holding.market)
        if holding.outcome:
            bid, ask = unit - ask, unit - bid
        order.touch, order.resting = (ask if order.buying else bid) / unit, True
        holding.market.working.remove(order)  # who arrived first is first when two meet one print
        holding.market.working.append(order)
        self._push(order.expires, EXPIRY, order)

    def _on_expiry(self, at: float, order: Working) -> None:
        if order.resting:
            self._close(order, at)

    def _close(self, order: Working, at: float) -> None:
        """Give back what was set aside, and go on from there."""
        holding = order.holding
        order.resting = False
        holding.market.working.remove(order)
        holding.pending -= 1
        if order.buying:
            self.desk.commit(holding, -min(holding.reserved, order.kept))
        if holding.ended is None and holding.pending == 0:
            if holding.shares < DUST:
                self._end(holding, at)
            elif order.buying:
                self._sell_owed(holding, at)
            else:
                self._go_on(order, holding, at)
        holding.market.settle()

    def _go_on(self, order: Working, holding: Holding, at: float) -> None:
        again = order.left >= DUST
        if holding.leaving is not None:
            again = holding.owed == 0  # else this one was under way before, and the sale of everything is next
        else:
            self._arm(holding, at)
            if again:
                self._owe(holding, min(1.0, order.left / holding.shares))
        if again:
            holding.market.waiting.append((at, holding))
        else:
            self._sell_owed(holding, at)

    def _drop_orders(self, holding: Holding) -> None:
        for order in [one for one in holding.market.working if one.holding is holding and one.resting]:
            order.resting = False
            holding.market.working.remove(order)
            holding.pending -= 1
            if order.buying:
                self.desk.commit(holding, -min(holding.reserved, order.kept))

    def _on_retry(self, at: float, holding: Holding) -> None:
        if holding.ended is None and holding.pending == 0:
            if holding.leaving is not None:
                self._sell(holding, at, 1.0)
            else:
                self._sell_owed(holding, at)

    # thresholds

    def _arm(self, holding: Holding, at: float) -> None:
        policy, market = self.policy, holding.market
        average = holding.paid / holding.bought
        distance = max(
            policy["stop_loss"] * average, policy["stop_ticks"] / market.unit(at) + max(0.0, holding.spread)
        )
        holding.stop = down(average - distance, 6)
        holding.target = down(min(average * (1 + policy["take_profit"]), policy["target_max"]), 6)
        if holding.target <= average:
            holding.target = inf
        if not holding.alarmed:
            holding.alarmed = True
            self._push(max(at, market.end - policy["pre_resolution"]), ALARM, holding)
        self._look_on(holding)
        if holding.watching:
            self._watch(holding, self._bids(holding), at)

    def _look_on(self, holding: Holding) -> None:
        holding.version += 1
        holding.kind, holding.seen = None, 0
        holding.watching = holding.leaving is None and not holding.confirming

    def _crossed(self, holding: Holding, bids: Levels) -> str | None:
        price = executable(bids, holding.shares)
        if holding.stop > 0 and price <= holding.stop:
            return "stop_loss"
        if price >= holding.target and met(bids, holding.shares)[1] >= holding.target * holding.shares:
            return "take_profit"
        return None

    def _watch(self, holding: Holding, bids: Levels, at: float) -> None:
        """Take in a touch that differs from the one before: a crossing must last two of them, or two seconds."""
        if holding.shares <= 0:
            return
        kind = self._crossed(holding, bids)
        if kind is not holding.kind:
            holding.version += 1
            holding.kind, holding.since, holding.seen = kind, at, 0
            if kind is not None:
                self._push(at + self.policy["crossing_age"], CROSSING, (holding, holding.version))
        holding.seen += 1
        if kind is not None and holding.seen >= self.policy["crossing_updates"]:
            self._on_crossing(at, (holding, holding.version))

    def _on_crossing(self, at: float, payload: Any) -> None:
        holding, version = payload
        if version == holding.version and holding.watching and holding.ended is None:
            holding.watching, holding.confirming = False, True
            self._push(at + next(self.reactions)[0], CONFIRMATION, holding)

    def _on_confirmation(self, at: float, holding: Holding) -> None:
        holding.confirming = False
        if holding.ended is not None or holding.leaving is not None:
            return
        kind = self._crossed(holding, self._bids(holding))
        if kind is not None:
            self._leave(holding, at, kind)
        else:
            self._look_on(holding)

    def _on_alarm(self, at: float, holding: Holding) -> None:
        if holding.ended is None and holding.leaving is None:
            self._leave(holding, at, "pre_resolution")

    # leaving

    def _follow(self, at: float, holding: Holding, sold: float, before: float | None, seen: float) -> None:
        share = share_to_sell(sold, before, seen)
        if holding.leaving is not None or share <= 0:
            return
        if share >= 1:
            self._leave(holding, at, "whale_exit")
        else:
            self._sell_part(holding, at, share)

    def _reduce(self, at: float) -> None:
        self.desk.reducing = False
        for holding in list(self.desk.open.values()):
            if holding.leaving is None and holding.shares > 0:
                self._sell_part(holding, at, 0.5)

    def _owe(self, holding: Holding, share: float) -> None:
        holding.owed = 1 - (1 - holding.owed) * (1 - share)

    def _sell_part(self, holding: Holding, at: float, share: float) -> None:
        self._owe(holding, share)
        if holding.pending == 0:
            self._sell_owed(holding, at)

    def _sell_owed(self, holding: Holding, at: float) -> None:
        share, holding.owed = holding.owed, 0.0
        if share > 0:
            self._sell(holding, at, share)

    def _leave(self, holding: Holding, at: float, reason: str) -> None:
        """Sell everything, once an order that is on its way is done."""
        holding.leaving, holding.owed, holding.watching = reason, 1.0, False
        self._drop_orders(holding)
        if holding.ended is None and holding.pending == 0:
            self._sell_owed(holding, at)

    def _sell(self, holding: Holding, at: float, share: float) -> None:
        market, policy = holding.market, self.policy
        if holding.shares < DUST:
            if share >= 1:
                self._end(holding, at)
            return
        wanted = holding.shares * min(1.0, share)
        size = holding.shares if holding.shares - wanted < market.minimum else wanted
        size, unit = down(size, 2), market.unit(at)
        best = self._bids(holding)[0][0]
        if market.closed <= at or size < market.minimum or best < 1 / unit - 1e-9:
            return  # the resolution pays for what cannot be sold
        ending = market.end - at <= policy["pre_resolution_aggressive"] and holding.leaving == "pre_resolution"
        slack = max(policy["drift_ticks"] / unit, policy["drift_min_usd"])
        if ending or market.proposed <= at or market.resolved <= at:
            limit = 1 / unit
        else:
            limit = price_down(max(best - slack, 1 / unit), unit)
        self._send(holding, size, limit, at + next(self.reactions)[1], buying=False)

    def _on_milestone(self, at: float, payload: Any) -> None:
        holding, what = payload
        if holding.ended is not None:
            return
        if what == "resolved":
            self._push(at + self.policy["redemption_lag_s"], REDEMPTION, holding)
        elif holding.leaving is None:
            self._leave(holding, at, what)

    def _on_redemption(self, at: float, holding: Holding) -> None:
        if holding.ended is None:
            self._drop_orders(holding)
            self.desk.cash += down(holding.shares * holding.market.payouts[holding.outcome], 6)
            holding.shares = 0.0
            self._end(holding, at)

    def _end(self, holding: Holding, at: float) -> None:
        holding.ended, holding.watching = at, False
        self.desk.forget(holding)
