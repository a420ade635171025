"""The copying strategy for nautilus_trader: what Remora's decision core decides and sizes, in plain floats.

Orders are worked by a share of what others trade: each print within an order's window that trades on its side and
within its limit is met by a market order for our share of it, priced by the fill model. Events of its own, such as
a signal that is seen some seconds late, wait in a heap and are handled before the next print: nothing changes
between two prints.
"""

# mypy: ignore-errors

from collections.abc import Iterator
from math import inf

from nautilus_book import down, ladder, met, price_down, price_up, purchase, up
from nautilus_desk import Holding, Market, Working
from nautilus_guard import DUST, MILESTONE, RETRY, SIGNAL, Guard
from nautilus_trader.model.data import TradeTick
from nautilus_trader.model.enums import AggressorSide, OrderSide, TimeInForce
from nautilus_trader.model.events import OrderFilled
from nautilus_trader.model.objects import Quantity

NOTHING = 1e-6
"""Dollars below this are what floats leave of a sum that is gone."""


class Copier(Guard):
    """Follows the whales behind `signals`, which are (seen at, sent after, ...) as nautilus_signals makes them."""

    def __init__(self, markets: list, signals: list, policy: dict, reactions: Iterator, prices: dict) -> None:
        super().__init__(policy, reactions)
        self.markets: list[Market] = markets
        self.places = {one.id: (m, n == 0) for m in markets for n, one in enumerate(m.instruments)}
        self.prices, self.bought, self.orders, self.skips = prices, {}, {}, {}
        self.tally = dict.fromkeys(("signals", "entries", "exits", "fills", "positions"), 0)
        self.handlers = (self._on_signal, *self.handlers)
        for signal in signals:
            self._push(signal[0], SIGNAL, signal)

    def on_start(self) -> None:
        venue = self.markets[0].instruments[0].id.venue
        self.msgbus.subscribe(topic=f"data.trades.{venue}.*", handler=self.handle_trade_tick)  # one, not hundreds

    def on_trade_tick(self, tick: TradeTick) -> None:
        at = tick.ts_event / 1e9
        market, first = self.places[tick.instrument_id]
        if self.due < at:
            self._advance(at)
        if market.waiting:
            self._wake(market, at)
            self._advance(at)
        price, size = tick.price.as_double(), tick.size.as_double()
        buying = (tick.aggressor_side == AggressorSide.BUYER) is first
        dollars = price * size
        market.window.append((at, dollars))
        market.volume += dollars
        market.price, market.buying, market.at = price if first else 1.0 - price, buying, at
        if market.live:
            self._printed(market, at, size)

    def _wake(self, market: Market, at: float) -> None:
        """Offer again what found nobody: in the window of its own that this print lies in."""
        window = self.policy["fill_window_s"]
        for since, holding in market.waiting:
            self._push(since + window * ((at - since) // window), RETRY, holding)
        market.waiting.clear()

    def finish(self) -> None:
        """Handle what is left after the last print, and value what is still held."""
        self._advance(self.policy["end"] + 1e-6)
        self._revalue()

    # prints

    def _printed(self, market: Market, at: float, size: float) -> None:
        before, market.touch = market.touch, self._touch(market)
        if market.working:
            self._meet(market, at, size)
        if market.holdings:
            self.desk.dirty.add(market)
            if market.touch != before:
                book = ladder(*market.touch, self.policy["depth_usd"])
                for holding in market.holdings:
                    if holding.watching:
                        self._watch(holding, book[holding.outcome][0], at)

    def _meet(self, market: Market, at: float, size: float) -> None:
        """Give our orders their share of a print."""
        left = round(size * self.policy["participation"], 6)
        unit = market.unit(at)
        for order in list(market.working):
            if not order.resting or left < DUST:
                continue
            outcome = order.holding.outcome
            if market.buying is not (order.buying is (outcome == 0)):
                continue
            price = market.price if outcome == 0 else 1.0 - market.price
            if order.buying:
                if price > order.limit + 1e-9:
                    continue
                ours = max(price_up(price, unit), min(order.touch, order.limit))
                shares = down(min(left, order.left / ours), 2)
            else:
                if price < order.limit - 1e-9:
                    continue
                ours = min(price_down(price, unit), max(order.touch, order.limit))
                shares = down(min(left, order.left, order.holding.shares), 2)
            if shares > 0:
                left -= shares
                self._submit(order, market, shares, ours)

    def _submit(self, working: Working, market: Market, shares: float, price: float) -> None:
        order = self.order_factory.market(
            instrument_id=market.instruments[working.holding.outcome].id,
            order_side=OrderSide.BUY if working.buying else OrderSide.SELL,
            quantity=Quantity(shares, 2),
            time_in_force=TimeInForce.IOC,
        )
        self.prices[order.client_order_id] = price
        self.orders[order.client_order_id] = working
        self.submit_order(order)

    def on_order_filled(self, event: OrderFilled) -> None:
        order = self.orders.pop(event.client_order_id)
        self.prices.pop(event.client_order_id)
        holding, desk, at = order.holding, self.desk, event.ts_event / 1e9
        shares, price = event.last_qty.as_double(), event.last_px.as_double()
        dollars, fee = down(shares * price, 6), event.commission.as_double()
        self.tally["fills"] += 1
        if order.buying:
            desk.cash -= dollars + fee
            self.tally["positions"] += holding.bought == 0
            holding.bought += shares
            holding.paid += shares * price
            holding.shares += shares
            order.left -= dollars
        else:
            desk.cash += dollars - fee
            holding.shares -= shares
            order.left -= shares
        holding.cost = holding.shares * holding.paid / holding.bought
        released = min(holding.reserved, dollars * order.reserve) if order.buying else 0.0
        order.kept -= released
        desk.commit(holding, -released)
        self._value(holding)
        if order.buying and holding.leaving is None:
            self._arm(holding, at)
        if order.left < DUST:
            self._close(order, at)

    # signals

    def _on_signal(self, at: float, signal: tuple) -> None:
        _, sent, code, outcome, whale, buys, price, shares, held, held_other = signal
        market, key = self.markets[code], (whale, code, outcome)
        seen = self.bought.get(key, 0.0)
        self.bought[key] = seen + shares if buys else seen - shares
        mine = self.desk.open.get(key)
        if not buys:
            if mine is None:
                self._skip("not_held")
            else:
                self.tally["exits"] += 1
                self._follow(at, mine, shares, held, max(0.0, seen))
            return
        if mine is not None and mine.leaving is not None:
            self._skip("stale")
            return
        refused = self._decide(at, sent, market, outcome, whale, price, shares, mine)
        if refused is None:
            self.tally["signals"] += 1
            self.tally["entries"] += 1
            return
        self._skip(refused)
        other = self.desk.open.get((whale, code, 1 - outcome))
        if other is not None:
            key = whale, code, 1 - outcome
            seen = self.bought.get(key, 0.0)
            self.bought[key] = seen - shares
            self.tally["exits"] += 1
            self._follow(at, other, shares, held_other, max(0.0, seen))

    def _skip(self, reason: str) -> None:
        self.tally["signals"] += 1
        self.skips[reason] = self.skips.get(reason, 0) + 1

    def _decide(
        self,
        at: float,
        sent: float,
        market: Market,
        outcome: int,
        whale: int,
        price: float,
        shares: float,
        mine: Holding | None,
    ) -> str | None:
        """Send an entry; return the reason if there is none."""
        self._revalue()
        equity = self.desk.judge(at)
        if self.desk.reducing:
            self._reduce(at)
        refused = self._refused(at, market, outcome, price, shares)
        if refused is not None:
            return refused
        policy, unit, market.touch = self.policy, market.unit(at), self._touch(market)
        bids, asks = ladder(*market.touch, policy["depth_usd"])[outcome]
        best = asks[0][0]
        spread = best - bids[0][0]
        if spread / ((best + bids[0][0]) / 2) > policy["spread_max"]:
            return "spread"
        limit = price_down(price + max(policy["drift_ticks"] / unit, policy["drift_min_usd"]), unit)
        if best > limit + 1e-9:
            return "drift"
        if best + market.fee * (best * (1 - best)) ** market.exponent >= 0.999:
            return "no_edge"
        wanted = policy["unproven_share"] * max(0.0, equity) * self.desk.scale
        bound, stake = self._cut(wanted, max(0.0, equity), market, whale, mine)
        if stake <= 0:
            return bound
        there = met(asks, up(stake / best, 2), limit)[1]
        if there < stake:
            stake, bound = there, "depth"
        notional = purchase(stake, limit, unit)
        if notional < policy["marketable_buy_min_usd"] or down(notional / limit, 2) < market.minimum:
            enough = max(policy["marketable_buy_min_usd"], market.minimum * limit)
            return bound if bound is not None and wanted >= enough else "below_minimum"
        self._enter(at, sent, mine or self._open(at, market, outcome, whale, spread), limit, notional)
        return None

    def _refused(self, at: float, market: Market, outcome: int, price: float, shares: float) -> str | None:
        """Return what speaks against any entry: the numbers, the desk, the market."""
        desk, policy = self.desk, self.policy
        if not 0 < price < 1:
            return "price_out_of_range"
        if not 0 < shares <= policy["trade_size_max"]:
            return "size_out_of_range"
        if desk.halted:
            return "desk_halted"
        if desk.committed[market.code, 1 - outcome] > NOTHING:
            return "opposite_held"
        if len(desk.entries) >= policy["entry_orders_per_minute"]:
            return "order_rate"
        return self._closed(at, market)

    def _closed(self, at: float, market: Market) -> str | None:
        """Return what a market lacks."""
        policy = self.policy
        if market.closed <= at:
            return "market_closed"
        if not market.allowed:
            return "market_class"
        if market.volume_24h(at) < policy["volume_24h_min_usd"]:
            return "volume"
        if market.proposed <= at or market.resolved <= at or market.end - at < policy["time_to_resolution_min"]:
            return "time_to_resolution"
        return None

    def _cut(
        self, stake: float, worth: float, market: Market, whale: int, mine: Holding | None
    ) -> tuple[str | None, float]:
        """Return the limit that leaves least, if any does, and what is left of a stake; 0 or less for nothing."""
        desk, policy, bound = self.desk, self.policy, None
        committed = desk.committed
        share = min(policy["position_share"], policy["position_share_ceiling"])
        position = min(share * worth, policy["max_position_size_usd"]) * desk.scale
        for reason, room in (
            ("whale_share", policy["whale_share"] * worth - committed["whale", whale]),
            ("position_limit", position - (0.0 if mine is None else mine.committed)),
            ("market_limit", policy["market_share"] * worth - committed["market", market.code]),
            ("event_limit", policy["event_share"] * worth - committed["event", market.event]),
            ("cash", down((desk.cash - desk.reserved) / (1 + market.fee), 2)),
        ):
            if room <= 0:
                return reason, 0.0
            if room < stake:
                stake, bound = room, reason
        return bound, stake

    def _open(self, at: float, market: Market, outcome: int, whale: int, spread: float) -> Holding:
        holding = self.desk.open[whale, market.code, outcome] = Holding(whale, market, outcome, spread)
        market.holdings.append(holding)
        for when, what in (
            (market.proposed, "proposed"),
            (market.closed, "closed"),
            (market.resolved, "resolved"),
        ):
            if at < when < inf:
                heard = when + next(self.reactions)[0] if what == "proposed" else when
                self._push(heard, MILESTONE, (holding, what))
        return holding

    def _enter(self, at: float, sent: float, holding: Holding, limit: float, notional: float) -> None:
        reserve = up(notional * (1 + holding.market.fee), 6)
        self.desk.entries.append(at)
        self.desk.commit(holding, reserve)
        self._send(holding, notional, limit, at + sent, reserve / notional, buying=True)
