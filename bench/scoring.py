"""How fast wallets are scored: an interval beside `arch`, many at once, an import, shards over workers."""

import asyncio
import dataclasses
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.numbers import Row, percentiles
from remora.research.imports import ImportOptions, import_file
from remora.research.store import ResearchStore
from remora.statistics.bootstrap import block_size, sharpe_block_t
from remora.statistics.sharpe import sharpe_interval

OBSERVATIONS, RESAMPLES = 500, 10_000
ROWS = 1_000_000
WALLETS = int(os.environ.get("REMORA_BENCH_WALLETS", "100000"))
WORKERS = tuple(map(int, os.environ.get("REMORA_BENCH_WORKERS", "1,2").split(",")))
TRADES_EACH, MARKETS = 20, 2_000
AS_OF = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
START = AS_OF - timedelta(days=200)
REPEATS = 5


async def measure() -> list[Row]:
    """Return ratio, seconds, rows and wallets per second, and peak memory."""
    rows = _interval()
    for part in ("wallets", "import"):
        rows += await _apart(part)
    return [*rows, *(await _sharded())]


def _interval() -> list[Row]:
    from arch.bootstrap import StationaryBootstrap

    returns = np.random.default_rng(0).normal(0.05, 1.0, OBSERVATIONS)
    block = block_size(OBSERVATIONS)
    ours, theirs = [], []
    for number in range(REPEATS):
        began = time.perf_counter()
        rng = np.random.default_rng(number)
        sharpe_interval(returns, level=0.95, resamples=RESAMPLES, block=block, rng=rng)
        ours.append((time.perf_counter() - began) * 1e3)
        began = time.perf_counter()
        bootstrap = StationaryBootstrap(block, returns, seed=number)
        bootstrap.apply(lambda x: x.mean() / x.std(), RESAMPLES)
        theirs.append((time.perf_counter() - began) * 1e3)
    ratio = [slow / fast for slow, fast in zip(theirs, ours, strict=True)]
    what = f"{OBSERVATIONS} observations, {RESAMPLES} resamples"
    return [
        Row("Ledoit-Wolf interval", what, REPEATS, *percentiles(ours), "ms"),
        Row("arch, stationary bootstrap", what, REPEATS, *percentiles(theirs), "ms"),
        Row("arch beside ours", what, REPEATS, *percentiles(ratio), "times as long"),
    ]


async def _apart(part: str) -> list[Row]:
    """Run a part in a process of its own, so that its peak memory is its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.scoring", part, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, f"{part} ended with {process.returncode}"
    return [Row(*row) for row in json.loads(out)]


def _many_wallets() -> list[Row]:
    rng = np.random.default_rng(0)
    wallets = rng.normal(0.05, 1.0, (1_000, 500))
    began = time.perf_counter()
    for returns in wallets:
        sharpe_block_t(returns, resamples=2_000, block=8, rng=rng)
    seconds = time.perf_counter() - began
    what = "1,000 wallets, 500 observations, 2,000 resamples"
    return [Row("one process", what, 1, seconds, seconds, "s"), _peak("one process", what)]


def _import() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="remora-bench-") as folder:
        path = Path(folder) / "tape.parquet"
        _write_tape(path, wallets=20_000, trades=ROWS // 20_000)
        store = ResearchStore(Path(folder) / "research")
        began = time.perf_counter()
        import_file(store, path, ImportOptions(complete=True), now=AS_OF, progress=lambda _done, _total: None)
        seconds = time.perf_counter() - began
    what = f"{ROWS:,} trades"
    return [Row("import", what, 1, ROWS / seconds, ROWS / seconds, "rows/s"), _peak("import", what)]


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _peak(where: str, what: str) -> Row:
    mebibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Row(where, what, 1, mebibytes, mebibytes, "MiB at most")


def _write_tape(path: Path, *, wallets: int, trades: int) -> None:
    """Write a tape of fair bets on markets that resolve; wallets are spread over all buckets."""
    rng = np.random.default_rng(1)
    chance = rng.uniform(0.1, 0.9, MARKETS)
    won = rng.uniform(size=MARKETS) < chance
    names = [f"0x{number * 2654435761 % 2**160:040x}" for number in range(1, wallets + 1)]
    markets = [f"0x{number:064x}" for number in range(MARKETS)]
    schema = None
    writer = None
    for first in range(0, wallets, 5_000):
        some = names[first : first + 5_000]
        count = len(some) * trades
        market = rng.integers(0, MARKETS, count)
        outcome = rng.integers(0, 2, count)
        price = np.clip(np.where(outcome == 0, chance[market], 1 - chance[market]), 0.01, 0.99)
        table = pa.table(
            {
                "ts": START.timestamp() + rng.integers(0, 150 * 86_400, count).astype(float),
                "wallet": pa.array(some).take(pa.array(np.repeat(np.arange(len(some)), trades))),
                "market": pa.array(markets).take(pa.array(market)),
                "outcome_index": pa.array(outcome, pa.int16()),
                "side": pa.array(["BUY"] * count),
                "price": price,
                "size": rng.lognormal(3, 1, count),
                "tx": pa.array([f"0x{number:x}" for number in range(first * trades, first * trades + count)]),
                "winner_index": pa.array((~won[market]).astype(np.int8)),
            }
        )
        schema = schema or table.schema
        writer = writer or pq.ParquetWriter(path, schema, compression="zstd")
        writer.write_table(table)
    assert writer is not None
    writer.close()


async def _sharded() -> list[Row]:
    """Score all wallets through the research queue with one worker and with two, or as many as were asked for."""
    from remora.embedded.config import StackConfig
    from remora.embedded.stack import Stack
    from starters.client import connect
    from starters.rescore import start_rescoring

    rows, rates = [], {}
    with tempfile.TemporaryDirectory(prefix="remora-bench-") as folder:
        root = Path(folder) / "research"
        _write_tape(Path(folder) / "tape.parquet", wallets=WALLETS, trades=TRADES_EACH)
        path, options = Path(folder) / "tape.parquet", ImportOptions(complete=True)
        import_file(ResearchStore(root), path, options, now=AS_OF, progress=lambda _done, _total: None)
        async with Stack(StackConfig(), services=[]) as stack:
            environment = {**os.environ, **stack.site.environment(), "REMORA_RESEARCH_DIR": str(root)}
            environment["REMORA_MODE"] = "paper"
            environment["REMORA_ROSTER_AGE_MAX_H"] = "8760"  # the warm-up judges by what was known at the start
            client = await connect(str(stack.temporal_address))
            for count in WORKERS:
                workers = [
                    await asyncio.create_subprocess_exec(
                        sys.executable, "-m", "workers.research", "--processes", "1", env=environment
                    )
                    for _ in range(count)
                ]
                try:
                    await (await start_rescoring(client, as_of=START, pull=False, by="warm-up")).result()
                    began = time.perf_counter()
                    run = await start_rescoring(client, as_of=AS_OF, pull=False, by="bench")
                    result = await run.result()
                    seconds = time.perf_counter() - began
                finally:
                    before = _cpu_of_children()
                    for worker in workers:
                        worker.terminate()
                        await worker.wait()
                assert result.wallets == WALLETS
                cpu = _cpu_of_children() - before
                rates[count] = WALLETS / seconds
                what = f"{WALLETS:,} wallets, {WALLETS * TRADES_EACH:,} trades, all steps"
                rows.append(Row(f"{count} workers", what, 1, rates[count], rates[count], "wallets/s"))
                # the warm-up is in it: the same for both
                rows.append(Row(f"{count} workers", "CPU of the workers", 1, cpu, cpu, "s"))
    for count in WORKERS[1:]:
        ratio = rates[count] / rates[WORKERS[0]]
        rows.append(Row(f"{count} workers beside {WORKERS[0]}", "scaling", 1, ratio, ratio, "times as fast"))
    return rows


if __name__ == "__main__":
    # one part alone: python -m bench.scoring interval, wallets, import or sharded
    parts: dict[str, Callable[[], list[Row]]] = {
        "interval": _interval,
        "wallets": _many_wallets,
        "import": _import,
        "sharded": lambda: asyncio.run(_sharded()),
    }
    print(json.dumps([dataclasses.astuple(row) for row in parts[sys.argv[1]]()]))
