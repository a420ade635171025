"""Read recordings from Parquet: keep what the venue could have printed, count what it could not."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from remora.backtest.history import BUY, MERGE, SELL, TRADE, History, Prints
from remora.backtest.listings import MarketFacts, listings
from remora.backtest.pulled import is_store, read_store
from remora.backtest.recorded_books import COLUMNS, Snapshots, beside, read_snapshots
from remora.research.batches import StoreDamaged

SIZE_MAX = 10_000_000.0
"""Shares in one fill beyond which a row is a mistake."""

TAPE = ("ts", "wallet", "market", "outcome_index", "side", "price", "size")
POSITIONS = ("wallet", "market", "outcome_index", "avg_price", "buy_size", "trade_count", "first_ts")
MARKETS = ("market", "question", "winner_index", "end_date")
OPTIONAL = ("tx", "title", "slug", "event_slug", "domain", "kind", "winner_index", "end_at", "outcome")
ADDRESS = re.compile(r"0x[0-9a-f]{40}")
EARLIEST = datetime(2018, 1, 1, tzinfo=UTC).timestamp()
LATEST = datetime(2100, 1, 1, tzinfo=UTC).timestamp()


class DataUnusable(Exception):
    """A recording cannot be replayed; the message says what was expected, what was found and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Rows of one file in our columns, and how many were kept out by reason."""

    frame: pd.DataFrame
    rejected: Counter[str]
    notices: tuple[str, ...] = ()
    complete: bool = True


@dataclass(slots=True)
class Reading:
    """What was gathered from all files."""

    trades: list[Found] = field(default_factory=list)
    markets: list[pd.DataFrame] = field(default_factory=list)
    books: dict[tuple[str, str], Snapshots] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)


def read_history(paths: Sequence[Path], *, assumed_life: timedelta | None = None) -> History:
    """Return the recording in files and directories of Parquet; raise DataUnusable if there is none.

    Tapes of fills, tables of positions (their single fills only), snapshots of resting orders and tables of
    markets are told apart by their columns. `assumed_life` stands in for the scheduled end of markets whose own is
    not recorded, from their first row on; without it the decision core refuses them.
    """
    reading = Reading()
    for path in _files([path for path in paths if not is_store(path)]):
        _read(path, reading)
    for path in filter(is_store, paths):
        _read_store(path, reading)
    if not reading.trades:
        looked = ", ".join(str(path) for path in paths)
        raise DataUnusable(
            f"no recording in {looked}: expected Parquet with the columns {', '.join(TAPE)}"
            + (f"; not used: {'; '.join(reading.ignored)}" if reading.ignored else "")
        )
    frame = pd.concat([found.frame for found in reading.trades], ignore_index=True)
    rejected = sum((found.rejected for found in reading.trades), Counter[str]())
    frame, repeated = _without_repeats(frame)
    if repeated:
        rejected["duplicate"] += repeated
    if frame.empty:
        counts = ", ".join(f"{reason} {count}" for reason, count in sorted(rejected.items())) or "no rows"
        raise DataUnusable(f"the recording holds no trade that could be replayed ({counts})")
    notices = [notice for found in reading.trades for notice in found.notices]
    notices += [f"Not used: {text}." for text in reading.ignored]
    return _history(
        frame,
        reading,
        rejected,
        notices,
        assumed_life,
        name=_name(paths),
        complete=all(f.complete for f in reading.trades),
    )


def _name(paths: Sequence[Path]) -> str:
    return ", ".join(path.stem if path.is_file() else path.name for path in paths)


def _files(paths: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(path.glob("**/*.parquet"))
            if not inside:
                raise DataUnusable(f"directory {path} holds no Parquet file: name one with recorded trades")
            found += inside
        elif path.exists():
            found.append(path)
        else:
            raise DataUnusable(f"{path} does not exist: expected a Parquet file or a directory of them")
    return found


def _read(path: Path, reading: Reading) -> None:
    try:
        names = pq.read_schema(path).names
        if set(TAPE) <= set(names):
            reading.trades.append(_tape(path, names))
        elif set(POSITIONS) <= set(names):
            reading.trades.append(_positions(path, names))
        elif set(COLUMNS) <= set(names):
            reading.books.update(read_snapshots(path))
        elif set(MARKETS) <= set(names):
            reading.markets.append(pd.read_parquet(path))
        else:
            missing = [name for name in TAPE if name not in names]
            reading.ignored.append(f"{path.name} lacks the columns {', '.join(missing)}")
    except (pa.ArrowInvalid, pa.ArrowException, OSError) as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise DataUnusable(f"{path} cannot be read as Parquet: {first}") from error


def _read_store(path: Path, reading: Reading) -> None:
    try:
        fills, markets, complete = read_store(path)
    except StoreDamaged as error:
        raise DataUnusable(str(error)) from error
    found = _kept_of_tape(fills)
    notice = (
        f"{path.name} is the store of `remora data`: it holds what its wallets traded, not all that was traded."
    )
    reading.trades.append(replace(found, notices=(notice, *found.notices), complete=complete))
    reading.markets.append(markets)


def _columns(path: Path, names: Sequence[str], wanted: Sequence[str]) -> pd.DataFrame:
    table = pq.read_table(path, columns=[name for name in (*wanted, *OPTIONAL) if name in names])
    frame: pd.DataFrame = table.to_pandas()
    return frame.loc[:, ~frame.columns.duplicated()]


def _tape(path: Path, names: Sequence[str]) -> Found:
    return _kept_of_tape(_columns(path, names, TAPE))


def _kept_of_tape(frame: pd.DataFrame) -> Found:
    kind = frame["kind"].astype(str).str.upper() if "kind" in frame.columns else pd.Series("TRADE", frame.index)
    side = frame["side"].astype(str).str.upper()
    rows = pd.DataFrame(
        {
            "at": _seconds(frame["ts"]),
            "wallet": frame["wallet"].astype(str).str.lower(),
            "market": frame["market"].astype(object).where(frame["market"].notna(), None),
            "outcome": pd.to_numeric(frame["outcome_index"], errors="coerce"),
            "side": side.map({"BUY": BUY, "SELL": SELL}),
            "price": pd.to_numeric(frame["price"], errors="coerce").astype(float),
            "size": pd.to_numeric(frame["size"], errors="coerce").astype(float),
            "kind": kind.map({"TRADE": TRADE, "MERGE": MERGE}),
        }
    )
    merges = rows["kind"] == MERGE
    rows.loc[merges, ["outcome", "side", "price"]] = (0, SELL, 0.5)
    return _kept(rows, frame, _event_of_tape(frame))


def _event_of_tape(frame: pd.DataFrame) -> pd.DataFrame:
    blank = pd.Series(None, frame.index, dtype=object)
    slug = frame["slug"].astype(object) if "slug" in frame.columns else blank
    event = frame["event_slug"].astype(object) if "event_slug" in frame.columns else blank
    domain = frame["domain"].astype(object) if "domain" in frame.columns else blank
    return pd.DataFrame({"slug": slug, "event": event, "category": domain})


def _positions(path: Path, names: Sequence[str]) -> Found:
    every = _columns(path, names, (*POSITIONS, "sell_size"))
    frame = every[every["trade_count"] == 1].reset_index(drop=True)
    rows = pd.DataFrame(
        {
            "at": _seconds(frame["first_ts"]),
            "wallet": frame["wallet"].astype(str).str.lower(),
            "market": frame["market"].astype(object),
            "outcome": pd.to_numeric(frame["outcome_index"], errors="coerce"),
            "side": BUY,
            "price": pd.to_numeric(frame["avg_price"], errors="coerce").astype(float),
            "size": pd.to_numeric(frame["buy_size"], errors="coerce").astype(float),
            "kind": TRADE,
        }
    )
    blank = pd.Series(None, frame.index, dtype=object)
    event, domain = (frame[name] if name in frame.columns else blank for name in ("event_slug", "domain"))
    facts = pd.DataFrame({"slug": event, "event": event, "category": domain})
    found = _kept(rows, frame, facts)
    left = len(every) - len(frame)
    notice = (
        f"{path.name} is a table of positions: {len(frame)} that are one fill are replayed as trades, "
        f"{left} with several fills are left out, and sales are not in it."
    )
    return Found(frame=found.frame, rejected=found.rejected, notices=(notice, *found.notices), complete=False)


def _seconds(column: "pd.Series[Any]") -> "pd.Series[Any]":
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        utc = pd.to_datetime(column, utc=True)
        seconds: pd.Series[Any] = utc.astype("datetime64[us, UTC]").astype("int64") / 1e6
        return seconds
    return pd.to_numeric(column, errors="coerce").astype(float)


def _kept(rows: pd.DataFrame, frame: pd.DataFrame, facts: pd.DataFrame) -> Found:
    """Return the rows that the venue could have printed; the first thing wrong with a row is its reason."""
    price, size = rows["price"], rows["size"]
    checks = [
        ("not_a_trade", rows["kind"].isna()),
        ("malformed", ~rows["at"].between(EARLIEST, LATEST) | ~rows["wallet"].str.fullmatch(ADDRESS)),
        ("malformed", rows["side"].isna()),
        ("not_binary", ~rows["outcome"].isin([0, 1]) | rows["market"].isna() | (rows["market"] == "")),
        ("price_out_of_range", ~((price > 0) & (price < 1))),
        ("size_out_of_range", ~((size > 0) & (size <= SIZE_MAX))),
    ]
    reason = pd.Series("", rows.index, dtype=object)
    for name, wrong in checks:
        reason = reason.where(~(wrong & (reason == "")), name)
    good = (reason == "").to_numpy()
    rejected = Counter({str(name): int(count) for name, count in reason[~good].value_counts().items()})
    kept = rows[good].copy()
    for name in ("title", "tx", "winner_index", "end_at", "outcome"):
        column = frame[name][good] if name in frame.columns else None
        kept[f"label_{name}" if name == "outcome" else name] = None if column is None else column.astype(object)
    kept[["slug", "event", "category"]] = facts[good].astype(object)
    unsorted = int((kept["at"].diff() < 0).sum())
    notices = (f"{unsorted} rows were out of order and have been sorted.",) if unsorted else ()
    return Found(frame=kept, rejected=rejected, notices=notices)


def _without_repeats(frame: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Drop rows that a transaction hash proves to be the same fill; without a hash nobody can tell."""
    same = ["tx", "wallet", "market", "outcome", "side", "price", "size"]
    repeated = frame["tx"].notna() & frame.duplicated(same)
    return frame[~repeated], int(repeated.sum())


def _history(
    frame: pd.DataFrame,
    reading: Reading,
    rejected: Mapping[str, int],
    notices: Sequence[str],
    assumed_life: timedelta | None,
    *,
    name: str,
    complete: bool,
) -> History:
    rows = frame.sort_values("at", kind="stable").reset_index(drop=True)
    wallet_codes, wallets = pd.factorize(rows["wallet"])
    market_codes, keys = pd.factorize(rows["market"].astype(str))
    side_facts = pd.concat(reading.markets, ignore_index=True) if reading.markets else None
    found, more = listings(MarketFacts(rows=rows, codes=market_codes, keys=list(keys)), side_facts, assumed_life)
    twice = rows.duplicated(["at", "wallet", "market", "outcome", "side", "price", "size"]).to_numpy()
    if twice.any():
        more.append(
            f"{int(twice.sum())} rows equal another one in everything that is recorded; without a hash they count."
        )
    prints = Prints(
        at=rows["at"].to_numpy(np.float64),
        wallet=wallet_codes.astype(np.int32),
        market=market_codes.astype(np.int32),
        outcome=rows["outcome"].to_numpy(np.int8),
        side=rows["side"].to_numpy(np.int8),
        price=rows["price"].to_numpy(np.float64),
        size=rows["size"].to_numpy(np.float64),
        kind=rows["kind"].to_numpy(np.int8),
    )
    books: dict[int, Snapshots] = {}
    if reading.books:
        prints, books, told = beside(prints, list(keys), reading.books)
        more.append(told)
    return History(
        name=name,
        wallets=[str(wallet) for wallet in wallets],
        listings=found,
        prints=prints,
        books=books,
        rejected=dict(rejected),
        notices=(*notices, *more),
        history_complete=complete,
        doubtful=frozenset(np.unique(market_codes[twice]).tolist()),
    )
