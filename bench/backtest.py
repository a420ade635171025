"""The backtest: trades replayed per second, a thousand simulations, and how both grow with the recording."""

import asyncio
import gc
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from bench.memory import high_water_mib, watched_children
from bench.nautilus_run import replays
from bench.numbers import Row
from remora.backtest.batch import Batches
from remora.backtest.costs import Costs, Latency
from remora.backtest.engine import Engine
from remora.backtest.history import BUY, SELL, TRADE, History, Listing, Prints
from remora.backtest.pool import cores
from remora.backtest.rosters import NamedRoster, standing_of
from remora.backtest.run import prepare, replay
from remora.backtest.shelf import shelf_of
from remora.backtest.sources import read_history
from remora.backtest.spec import Spec
from remora.backtest.study import Plan, Tried, study
from remora.backtest.track import price_of
from remora.domain.limits import Limits
from remora.domain.market import MarketClass
from remora.statistics.scoring_params import ScoringParams

MIDTERMS = Path(__file__).parents[2] / "shared" / "data" / "tape_midterms_2022.parquet"
WHALES = 20
LIMITS = Limits(volume_24h_min_usd=Decimal(1000), spread_max=Decimal("0.1"))
SIZES = (10_000, 100_000, 1_000_000)
LONG_SIZE = 10_000_000
"""Streamed too where LONG=1 is set: it takes a minute or more."""

BATCH = 50_000
BEGAN = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
WIDE = 200_000
"""Trades of the generated tape on which both engines run."""

FEW = 2
"""Wallets followed where one in a thousand is; otherwise one in a hundred of the generated ones."""
RUNS = 5
PARTS = {"run": "replay alone", "all": "from arrays to the result"}


class Nowhere:
    """A bench is no trial: nothing is remembered."""

    def remember(self, recording: str, tried: Sequence[Tried]) -> list[float]:
        """Return this run alone."""
        return [one.sharpe or 0.0 for one in tried]


async def measure() -> list[Row]:
    """Return rows of trades per second, seconds and MiB; without the recorded tape a generated one is used."""
    return await asyncio.to_thread(_measure)


def _measure() -> list[Row]:
    history = _recorded()
    spec = _spec(history)
    wide = generated(WIDE)
    rows = [
        *_against_nautilus(history, spec),
        *_against_nautilus(wide, _named(wide, WHALES)),
        *_against_nautilus(wide, _named(wide, FEW)),
        *_simulations(),
    ]
    return rows + _growth()


def _recorded() -> History:
    return read_history([MIDTERMS]) if MIDTERMS.exists() else generated(27_000)


def _named(history: History, count: int = WHALES) -> Spec:
    """Follow some wallets of a generated tape: each makes as many of its trades as any other."""
    first, last = history.span
    return Spec(start=first, end=last + 1, whales=tuple(history.wallets[:count]))


def _share(history: History, spec: Spec) -> str:
    """Return a recording's name with the share of its trades that the followed wallets make."""
    codes = [history.codes[wallet] for wallet in spec.whales]
    share = float(np.isin(history.prints.wallet, codes).mean())
    return f"{history.name}, {share:.2%} whales' trades"


def _spec(history: History) -> Spec:
    prints = history.prints
    turnover = np.bincount(prints.wallet, weights=prints.price * prints.size, minlength=len(history.wallets))
    whales = [history.wallets[code] for code in np.argsort(-turnover, kind="stable")[:WHALES]]
    first, last = history.span
    return Spec(start=first, end=last + 1, whales=tuple(whales))


def _row(where: str, what: str, values: list[float], unit: str) -> Row:
    return Row(where, what, len(values), float(np.median(values)), max(values), unit)


def _against_nautilus(history: History, spec: Spec) -> list[Row]:
    """Replay the same tape here and in nautilus_trader: alone, and from arrays in memory to the result."""
    ours = [_replayed(history, spec) for _ in range(RUNS)]
    theirs = replays(history, spec, LIMITS)
    name, count = _share(history, spec), len(history.prints)
    rows = _rates(f"remora, {name}", count, ours)
    if theirs is None:
        return rows
    rows += _rates(f"nautilus_trader, {name}", count, theirs)
    for what, part in PARTS.items():
        ratio = float(np.median([one[what] for one in theirs]) / np.median([one[what] for one in ours]))
        rows.append(_row(name, f"remora to nautilus_trader, {part}", [ratio], "x"))
    return rows


def _rates(where: str, count: int, runs: Sequence[Mapping[str, Any]]) -> list[Row]:
    first, rows = runs[0], []
    traded = ", ".join(f"{first[name]:,} {name}" for name in ("entries", "exits", "positions", "fills"))
    print(f"{where}: {traded}, {first['equity']:,.2f} dollars at the end", flush=True)
    for what, name in PARTS.items():
        rates = [count / one[what] for one in runs]
        rows.append(_row(where, f"trades per CPU second, {name}", rates, "1/s"))
    return rows


def _replayed(history: History, spec: Spec) -> dict[str, Any]:
    """Return CPU seconds of a replay and what was traded; nothing is left over from an earlier one."""
    for kept in (shelf_of, standing_of, price_of):
        kept.cache_clear()
    gc.collect()
    began = time.process_time()
    case = prepare(spec, history, NamedRoster(frozenset(spec.whales)), spec.whales, LIMITS, spec.costs())
    ready = time.process_time()
    made = replay(case, record=False).outcome
    ended = time.process_time()
    return {
        "run": ended - ready,
        "all": ended - began,
        "entries": made.copies,
        "exits": made.exits,
        "positions": len(made.filled),
        "fills": sum(len(one.flows) - (one.books.redeemed_shares > 0) for one in made.holdings),
        "equity": made.equity,
    }


def _simulations() -> list[Row]:
    """Simulate in a process of its own, so that what the other parts read does not count."""
    seconds, mebibytes = _alone("simulations()")
    name = f"{MIDTERMS.stem if MIDTERMS.exists() else 'generated'}, {WHALES} whales, {cores()} processes"
    return [
        _row(name, "1,000 simulations, controls, variants and report", [seconds], "s"),
        _row(name, "peak memory of all processes, at most", [mebibytes], "MiB"),
    ]


def simulations() -> tuple[float, float]:
    """Return the seconds of a thousand simulations with their report, and the peaks of every process together."""
    history = _recorded()
    with watched_children() as children:
        began = time.perf_counter()
        study(
            _spec(history),
            history,
            LIMITS,
            ScoringParams(),
            plan=Plan(simulations=1000, workers=cores()),
            memory=Nowhere(),
            progress=lambda _stage, _done, _total: None,
        )
        seconds = time.perf_counter() - began
    return seconds, high_water_mib() + sum(children.values())


def _alone(call: str) -> list[float]:
    """Return the numbers that a function of this module gives in a process of its own."""
    code = f"import bench.backtest\nif __name__ == '__main__': print(*bench.backtest.{call})"
    with tempfile.TemporaryDirectory(prefix="remora-bench-") as directory:
        script = Path(directory) / "part.py"
        script.write_text(code)
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        done = subprocess.run(
            [sys.executable, str(script)], capture_output=True, text=True, check=True, env=environment
        )
    return [float(number) for number in done.stdout.split()]


def _growth() -> list[Row]:
    """Stream generated tapes of growing length; return seconds, memory and the exponent between the ends."""
    rows, seconds = [], []
    sizes = (*SIZES, LONG_SIZE) if os.environ.get("LONG") else SIZES
    for size in sizes:
        took, mebibytes = _alone(f"stream({size})")
        seconds.append(took)
        rows.append(_row("streamed, generated", f"{size:,} trades", [took], "CPU s"))
        rows.append(_row("streamed, generated", f"{size:,} trades, peak memory", [mebibytes], "MiB"))
    slope = np.polyfit(np.log(sizes), np.log(seconds), 1)[0]
    rows.append(_row("streamed, generated", "exponent of time in trades", [float(slope)], ""))
    return rows


def stream(size: int) -> tuple[float, float]:
    """Return processor seconds and peak MiB of replaying a generated tape of `size` trades batch by batch.

    The tape is made on the way, which is part of the seconds.
    """
    listings, wallets = _listings(), [f"0x{code:040x}" for code in range(2_000)]
    roster = NamedRoster(frozenset(wallets[:WHALES]))
    engine = Engine(
        roster=roster,
        limits=replace(LIMITS, volume_24h_min_usd=Decimal(0)),
        costs=Costs(latency=Latency.measured()),
        capital=Decimal(10_000),
        start=BEGAN,
        end=BEGAN + size * 4.0 + 1,
        rng=np.random.default_rng(0),
        record=False,
    )
    began = time.process_time()
    engine.run(Batches(wallets, listings, frozenset(range(WHALES))).of(_parts(size)))
    return time.process_time() - began, high_water_mib()


def _listings() -> list[Listing]:
    return [
        Listing(
            key=f"m{number}",
            question=f"m{number}",
            slug=f"m{number}",
            event=f"m{number}",
            cluster=f"m{number}",
            category="other",
            market_class=MarketClass.STANDARD,
            listed_at=BEGAN,
            end_at=BEGAN + 400 * 86_400 * 10,
            end_source="the bench",
        )
        for number in range(200)
    ]


def _parts(size: int) -> Iterator[Prints]:
    """Yield trades in order of time, four seconds apart, at prices that wander by market."""
    rng, price = np.random.default_rng(1), np.full(200, 0.5)
    for first in range(0, size, BATCH):
        count = min(BATCH, size - first)
        market = rng.integers(0, 200, count)
        paid = np.empty(count)
        for place, (code, step) in enumerate(
            zip(market.tolist(), rng.normal(0, 0.004, count).tolist(), strict=True)
        ):
            price[code] = min(max(price[code] + step, 0.05), 0.95)
            paid[place] = price[code]
        yield Prints(
            at=(BEGAN + 4.0 * (first + np.arange(count))).astype(np.float64),
            wallet=rng.integers(0, 2_000, count).astype(np.int32),
            market=market.astype(np.int32),
            outcome=np.zeros(count, np.int8),
            side=rng.choice([BUY, SELL], count).astype(np.int8),
            price=np.round(paid, 4),
            size=np.round(rng.lognormal(5, 1, count), 2) + 1,
            kind=np.full(count, TRADE, np.int8),
        )


def generated(size: int) -> History:
    """Return a generated recording in memory."""
    wallets = [f"0x{code:040x}" for code in range(2_000)]
    return History(name="generated", wallets=wallets, listings=_listings(), prints=Prints.join(list(_parts(size))))
