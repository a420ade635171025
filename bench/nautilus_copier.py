"""The same copying strategy for nautilus_trader; run by the bench in an environment of its own.

Prints seconds per run and the number of orders as JSON. A print of a followed wallet is copied with fifty dollars
if the day's volume and the time to the end allow it; positions are left at the stop, the target, the whale's sale
or three hours before the end.
"""

# mypy: ignore-errors

import json
import sys
import time
from collections import defaultdict, deque
from decimal import Decimal

import numpy as np
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, StrategyConfig
from nautilus_trader.model.currencies import USDC
from nautilus_trader.model.data import TradeTick
from nautilus_trader.model.enums import AccountType, AggressorSide, AssetClass, OmsType, OrderSide, TimeInForce
from nautilus_trader.model.identifiers import InstrumentId, Symbol, TradeId, Venue
from nautilus_trader.model.instruments import BinaryOption
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

VENUE = Venue("TAPE")
RUNS = 3
DAY_NS = 86_400 * 10**9


class Copier(Strategy):
    """Follows wallets whose code is the head of a tick's trade id."""

    def __init__(self, instruments: list, followed: set, ends: dict) -> None:
        super().__init__(StrategyConfig())
        self.instruments, self.followed, self.ends = instruments, followed, ends
        self.volume = defaultdict(float)
        self.window = defaultdict(deque)
        self.held = {}
        self.orders = 0

    def on_start(self) -> None:
        for instrument in self.instruments:
            self.subscribe_trade_ticks(instrument.id)

    def on_trade_tick(self, tick: TradeTick) -> None:
        key, price, size = tick.instrument_id, float(tick.price), float(tick.size)
        window = self.window[key]
        window.append((tick.ts_event, price * size))
        self.volume[key] += price * size
        while window[0][0] <= tick.ts_event - DAY_NS:
            self.volume[key] -= window.popleft()[1]
        held = self.held.get(key)
        if held is not None and self._leaves(tick, held, price):
            self._order(key, OrderSide.SELL, held[1])
            del self.held[key]
            return
        wallet = int(tick.trade_id.value.split("-")[0])
        if wallet not in self.followed:
            return
        if tick.aggressor_side == AggressorSide.SELLER:
            if held is not None and held[2] == wallet:
                self._order(key, OrderSide.SELL, held[1])
                del self.held[key]
            return
        late = self.ends[key] and self.ends[key] - tick.ts_event < 3 * 3600 * 10**9
        if held is None and self.volume[key] >= 1000 and 0.02 < price < 0.97 and not late:
            shares = round(50.0 / price, 2)
            self.held[key] = (price, shares, wallet)
            self._order(key, OrderSide.BUY, shares)

    def _leaves(self, tick: TradeTick, held: tuple, price: float) -> bool:
        entry, end = held[0], self.ends[tick.instrument_id]
        return (
            price <= entry * 0.85
            or price >= min(entry * 1.3, 0.99)
            or bool(end and end - tick.ts_event < 3 * 3600 * 10**9)
        )

    def _order(self, key: InstrumentId, side: OrderSide, shares: float) -> None:
        self.orders += 1
        order = self.order_factory.market(
            instrument_id=key, order_side=side, quantity=Quantity(shares, 2), time_in_force=TimeInForce.IOC
        )
        self.submit_order(order)


def instrument(market: int, outcome: int) -> BinaryOption:
    """Return one outcome of one market."""
    name = Symbol(f"M{market}O{outcome}")
    return BinaryOption(
        instrument_id=InstrumentId(name, VENUE),
        raw_symbol=name,
        asset_class=AssetClass.ALTERNATIVE,
        currency=USDC,
        price_precision=4,
        size_precision=2,
        price_increment=Price(0.0001, 4),
        size_increment=Quantity(0.01, 2),
        activation_ns=0,
        expiration_ns=2**62,
        ts_event=0,
        ts_init=0,
        maker_fee=Decimal(0),
        taker_fee=Decimal(0),
    )


def main() -> None:
    """Run the tape and print what was measured."""
    tape = np.load(sys.argv[1])
    made = {(m, o): instrument(m, o) for m in range(len(tape["ends"])) for o in (0, 1)}
    ends = {made[m, o].id: int(end * 1e9) for m, end in enumerate(tape["ends"]) for o in (0, 1)}
    columns = [tape[name].tolist() for name in ("at", "wallet", "market", "outcome", "side", "price", "size")]
    ticks = []
    for number, (at, wallet, market, outcome, side, price, size) in enumerate(zip(*columns, strict=True)):
        ns = int(at * 1e9)
        ticks.append(
            TradeTick(
                made[market, outcome].id,
                Price(min(max(round(price, 4), 0.0001), 0.9999), 4),
                Quantity(max(round(size, 2), 0.01), 2),
                AggressorSide.BUYER if side > 0 else AggressorSide.SELLER,
                TradeId(f"{wallet}-{number}"),
                ns,
                ns,
            )
        )
    seconds, orders = [], 0
    for _ in range(RUNS):
        engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
        engine.add_venue(
            venue=VENUE,
            oms_type=OmsType.NETTING,
            account_type=AccountType.CASH,
            base_currency=USDC,
            starting_balances=[Money(10_000_000, USDC)],
            trade_execution=True,
        )
        for one in made.values():
            engine.add_instrument(one)
        engine.add_data(ticks, sort=False)
        strategy = Copier(list(made.values()), set(tape["followed"].tolist()), ends)
        engine.add_strategy(strategy)
        began = time.perf_counter()
        engine.run()
        seconds.append(time.perf_counter() - began)
        orders = strategy.orders
        engine.dispose()
    print(json.dumps({"seconds": seconds, "orders": orders}))


if __name__ == "__main__":
    main()
