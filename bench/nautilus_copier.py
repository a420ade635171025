"""Replays a tape by nautilus_trader with the copying strategy; run by the bench in an environment of its own.

Prints seconds of `engine.run()` alone, seconds from the arrays to the result, and what was traded, as JSON. The
account of the venue has more money than the desk of the strategy, which alone decides what may be spent.
"""

# mypy: ignore-errors

import gc
import json
import sys
import time
from decimal import Decimal
from pathlib import Path

import numpy as np
from nautilus_book import ladder
from nautilus_desk import Market
from nautilus_signals import delayed, latencies, signals_of
from nautilus_strategy import Copier
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.backtest.models import FeeModel, FillModel
from nautilus_trader.config import LoggingConfig, RiskEngineConfig
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.currencies import USDC
from nautilus_trader.model.data import BookOrder, TradeTick
from nautilus_trader.model.enums import AccountType, AggressorSide, AssetClass, BookType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import BinaryOption
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.model.orders import MarketOrder

VENUE = Venue("TAPE")
PRICE_DECIMALS, SIZE_DECIMALS = 6, 2
RUNS = 5


class Asked(FillModel):
    """Fills an order whole at the price that the strategy worked out from the print it meets."""

    def __init__(self, prices: dict) -> None:
        super().__init__()
        self.prices = prices

    def get_orderbook_for_fill_simulation(
        self, instrument: BinaryOption, order: MarketOrder, best_bid: Price, best_ask: Price
    ) -> OrderBook:
        book = OrderBook(instrument.id, BookType.L2_MBP)
        side = OrderSide.SELL if order.side == OrderSide.BUY else OrderSide.BUY
        price = Price(self.prices[order.client_order_id], PRICE_DECIMALS)
        book.add(BookOrder(side, price, order.quantity, 1), 0, 0)
        return book


class Fees(FeeModel):
    """The venue's taker fee."""

    def __init__(self, rates: dict) -> None:
        super().__init__()
        self.rates = rates

    def get_commission(
        self, order: MarketOrder, fill_qty: Quantity, fill_px: Price, instrument: BinaryOption
    ) -> Money:
        rate, exponent = self.rates[instrument.id]
        price = fill_px.as_double()
        fee = fill_qty.as_double() * rate * (price * (1 - price)) ** exponent
        return Money(int(fee * 1e5 + 1e-6) / 1e5, USDC)


def instrument(market: int, outcome: int) -> BinaryOption:
    """Return one outcome of one market."""
    name = Symbol(f"M{market}O{outcome}")
    return BinaryOption(
        instrument_id=InstrumentId(name, VENUE),
        raw_symbol=name,
        asset_class=AssetClass.ALTERNATIVE,
        currency=USDC,
        price_precision=PRICE_DECIMALS,
        size_precision=SIZE_DECIMALS,
        price_increment=Price(10**-PRICE_DECIMALS, PRICE_DECIMALS),
        size_increment=Quantity(10**-SIZE_DECIMALS, SIZE_DECIMALS),
        activation_ns=0,
        expiration_ns=2**62,
        ts_event=0,
        ts_init=0,
        maker_fee=Decimal(0),
        taker_fee=Decimal(0),
    )


def ticks_of(tape: dict, made: dict) -> list:
    """Return the tape as ticks in order of time, made from arrays one instrument at a time."""
    ns = (tape["at"] * 1e9).astype(np.uint64)
    sides = np.where(tape["side"] > 0, AggressorSide.BUYER.value, AggressorSide.SELLER.value).astype(np.uint8)
    place = tape["market"].astype(np.int64) * 2 + tape["outcome"]
    ticks = np.empty(place.size, dtype=object)
    for code in np.unique(place).tolist():
        mine = np.flatnonzero(place == code)
        ticks[mine] = TradeTick.from_raw_arrays_to_list(
            made[divmod(code, 2)].id,
            PRICE_DECIMALS,
            SIZE_DECIMALS,
            tape["price"][mine],
            np.maximum(tape["size"][mine], 0.01),
            sides[mine],
            [str(number) for number in mine.tolist()],
            ns[mine],
            ns[mine],
        )
    return ticks.tolist()


def engine_of(made: dict, prices: dict, facts: list) -> BacktestEngine:
    """Return an engine that knows the venue and every instrument."""
    engine = BacktestEngine(
        BacktestEngineConfig(
            logging=LoggingConfig(bypass_logging=True),
            risk_engine=RiskEngineConfig(bypass=True),
            run_analysis=False,
        )
    )
    engine.add_venue(
        venue=VENUE,
        oms_type=OmsType.NETTING,
        account_type=AccountType.CASH,
        base_currency=USDC,
        support_gtd_orders=False,
        support_contingent_orders=False,
        use_reduce_only=False,
        frozen_account=True,
        starting_balances=[Money(10_000_000, USDC)],
        fill_model=Asked(prices),
        fee_model=Fees({one.id: (facts[m][1], int(facts[m][2])) for (m, _), one in made.items()}),
    )
    for one in made.values():
        engine.add_instrument(one)
    return engine


def once(tape: dict, facts: list, policy: dict, made: dict) -> dict:
    """Replay the tape once."""
    ladder.cache_clear()
    prices: dict = {}
    markets = [Market(code, row, (made[code, 0], made[code, 1])) for code, row in enumerate(facts)]
    engine = engine_of(made, prices, facts)
    gc.collect()
    gc.disable()
    began = time.process_time()
    entries, reactions = latencies(policy)
    signals = delayed(signals_of(tape), policy, entries)
    engine.add_data(ticks_of(tape, made), sort=False)
    strategy = Copier(markets, signals, policy, reactions, prices)
    engine.add_strategy(strategy)
    ready = time.process_time()
    engine.run()
    strategy.finish()
    ended = time.process_time()
    gc.enable()
    found = {"run": ended - ready, "all": ended - began, "equity": strategy.desk.equity, "skips": strategy.skips}
    found |= strategy.tally
    engine.dispose()
    return found


def main() -> None:
    """Run the tape and print what was measured."""
    tape = dict(np.load(sys.argv[1]))
    told = json.loads(Path(sys.argv[2]).read_text())
    facts = [[float(value) for value in row] for row in told["facts"]]
    made = {(m, o): instrument(m, o) for m in range(len(facts)) for o in (0, 1)}
    print(json.dumps([once(tape, facts, told["policy"], made) for _ in range(RUNS)]))


if __name__ == "__main__":
    main()
