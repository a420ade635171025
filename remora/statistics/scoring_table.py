"""The trades and resolutions that a score may see: those known at `as_of`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from remora.statistics.arrays import Floats

REQUIRED = ("at", "wallet", "condition_id", "outcome_index", "event_id", "side", "price", "size")
SIDES = ("BUY", "SELL", "MERGE", "SPLIT")
PAIRS = ("MERGE", "SPLIT")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredTrade:
    """One fill of a wallet, or a merge or split of `size` pairs (then outcome, event and price do not matter).

    `copy_price` is what the outcome traded at once a copier could have been there, if anybody traded.
    """

    at: datetime
    wallet: str
    condition_id: str
    outcome_index: int
    event_id: str
    side: str
    price: float
    size: float
    fee_rate: float | None = None
    known_at: datetime | None = None
    copy_price: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketResolution:
    """Dollars per share of each outcome, and when they were known."""

    at: datetime
    condition_id: str
    payouts: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeTable:
    """Columns of equal length, ordered by wallet, market and time; `at` is seconds since 1970.

    `later` is the price that a copier found, the wallet's own where nobody traded.
    """

    wallet: Sequence[str]
    market: Sequence[str]
    event: Sequence[str]
    outcome: NDArray[np.int64]
    side: NDArray[np.int64]
    price: Floats
    later: Floats
    size: Floats
    fee_rate: Floats
    at: Floats
    rejected: int


def trade_table(
    trades: pd.DataFrame | Sequence[ScoredTrade] | Sequence[Mapping[str, object]],
    *,
    as_of: datetime,
    fee_rate: float,
) -> TradeTable:
    """Return what was known of the trades at `as_of`.

    Rows with a price outside (0, 1), a size that is not above 0 or an unknown side are left out and counted.
    `fee_rate` stands in where a row has none. Raises ValueError for missing columns, or an `as_of` without a
    time zone.
    """
    if as_of.tzinfo is None:
        raise ValueError(f"as_of must be timezone-aware, was {as_of}")
    frame = _frame(trades)
    missing = [name for name in REQUIRED if name not in frame.columns]
    if missing and len(frame):
        raise ValueError(f"expected trades with the columns {', '.join(REQUIRED)}; missing: {', '.join(missing)}")
    if not len(frame):
        frame = pd.DataFrame({name: [] for name in REQUIRED})
    at = _instants(frame["at"])
    known = at
    if "known_at" in frame.columns:
        known = _instants(frame["known_at"].where(frame["known_at"].notna(), frame["at"])).clip(lower=at)
    frame = frame.assign(at=at)[(known <= as_of).to_numpy()]
    return _columns(frame, fee_rate)


def _instants(column: "pd.Series[Any]") -> "pd.Series[Any]":
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        utc: pd.Series[Any] = column.dt.tz_convert("UTC")
        return utc
    text = column.astype(str)
    if not text.str.contains(r"(?:Z|[+-]\d\d:?\d\d)$", regex=True).all():
        raise ValueError("expected timezone-aware times, such as 2026-05-04T12:00:00+00:00; at least one was not")
    return pd.to_datetime(text, utc=True, format="ISO8601")


def _frame(rows: pd.DataFrame | Sequence[ScoredTrade] | Sequence[Mapping[str, object]]) -> pd.DataFrame:
    if isinstance(rows, pd.DataFrame):
        return rows
    return pd.DataFrame([asdict(row) if isinstance(row, ScoredTrade) else dict(row) for row in rows])


def _columns(frame: pd.DataFrame, fee_rate: float) -> TradeTable:
    side = frame["side"].astype(str).str.upper().map({name: i for i, name in enumerate(SIDES)})
    price = pd.to_numeric(frame["price"], errors="coerce").astype(float)
    size = pd.to_numeric(frame["size"], errors="coerce").astype(float)
    outcome = pd.to_numeric(frame["outcome_index"], errors="coerce")
    pairs = side.isin([SIDES.index(name) for name in PAIRS])
    usable = (
        (size > 0) & (size < np.inf) & side.notna() & (pairs | ((price > 0) & (price < 1) & outcome.isin([0, 1])))
    )
    later = (
        pd.to_numeric(frame["copy_price"], errors="coerce").astype(float)
        if "copy_price" in frame.columns
        else price * np.nan
    )
    rate = pd.to_numeric(frame["fee_rate"], errors="coerce") if "fee_rate" in frame.columns else price * np.nan
    kept = pd.DataFrame(
        {
            "wallet": frame["wallet"].astype(str).str.lower(),
            "market": frame["condition_id"].astype(str),
            "event": frame["event_id"].astype(str),
            "outcome": outcome.where(~pairs, 0),
            "side": side,
            "price": price.where(~pairs, 0.5),
            "later": later.where((later > 0) & (later < 1), price).where(~pairs, 0.5),
            "size": size,
            "fee_rate": rate.fillna(fee_rate).astype(float),
            "at": frame["at"].astype("datetime64[us, UTC]").astype("int64") / 1e6,
        }
    )[usable.to_numpy()].sort_values(["wallet", "market", "at"], kind="stable")
    return TradeTable(
        wallet=kept["wallet"].tolist(),
        market=kept["market"].tolist(),
        event=kept["event"].tolist(),
        outcome=kept["outcome"].to_numpy(np.int64),
        side=kept["side"].to_numpy(np.int64),
        price=kept["price"].to_numpy(np.float64),
        later=kept["later"].to_numpy(np.float64),
        size=kept["size"].to_numpy(np.float64),
        fee_rate=kept["fee_rate"].to_numpy(np.float64),
        at=kept["at"].to_numpy(np.float64),
        rejected=int((~usable).sum()),
    )


def known_payouts(
    resolutions: pd.DataFrame | Sequence[MarketResolution] | Sequence[Mapping[str, object]], *, as_of: datetime
) -> dict[str, tuple[float, float, float]]:
    """Return per market the payout of each outcome and the second since 1970, as far as known at `as_of`.

    Raises ValueError for missing columns or payouts that do not sum to 1.
    """
    rows: Iterable[Any] = resolutions.to_dict("records") if isinstance(resolutions, pd.DataFrame) else resolutions
    known: dict[str, tuple[float, float, float]] = {}
    for row in rows:
        values: dict[str, Any] = asdict(row) if isinstance(row, MarketResolution) else dict(row)
        missing = {"at", "condition_id", "payouts"} - set(values)
        if missing:
            raise ValueError(f"expected resolutions with at, condition_id, payouts; missing: {sorted(missing)}")
        at = pd.Timestamp(values["at"])
        if at.tzinfo is None:
            raise ValueError(f"a resolution's time must be timezone-aware, was {at}")
        first, second = (float(value) for value in values["payouts"])
        if not (first >= 0 and second >= 0 and abs(first + second - 1) < 1e-6):
            raise ValueError(f"payouts must not be negative and sum to 1, were {first} and {second}")
        if at <= as_of:
            known[str(values["condition_id"])] = (first, second, at.timestamp())
    return known
