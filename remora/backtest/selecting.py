"""Walk-forward selection: at each date, score everybody on what was resolved by then, and follow who qualifies."""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from remora.backtest.history import BUY, MERGE, TRADE, History, instant
from remora.backtest.rosters import Edition, WalkForwardRoster
from remora.backtest.spec import Spec
from remora.backtest.track import DAY
from remora.domain.chance import Learned
from remora.domain.money import MICRO
from remora.research.learning import learn, purchases_table
from remora.statistics.scoring import ScoringResult, score_wallets
from remora.statistics.scoring_params import ScoringParams
from remora.statistics.scoring_table import known_payouts

NOBODY = Learned("not used because nobody qualifies")


@dataclass(frozen=True, slots=True)
class Training:
    """What a scoring may see: rows of events that were over by then, and how they ended."""

    trades: pd.DataFrame
    resolutions: list[dict[str, object]]


def walk_forward(
    history: History, spec: Spec, params: ScoringParams, *, told: Callable[[int, int], None]
) -> WalkForwardRoster:
    """Return the roster in force at each instant of the period, each edition on earlier data only.

    Evidence ends `embargo_days` before each date and leaves out events that were not over by then (the purge): an
    event is either evidence or traded, never both. Everybody who traded until then counts, also who never traded
    again.
    """
    dates = np.arange(spec.start, spec.end, spec.rescore_days * DAY).tolist()
    table = _table(history)
    editions = []
    for number, at in enumerate(dates):
        told(number, len(dates))
        editions.append(_edition(history, table, spec, params, at, number))
    told(len(dates), len(dates))
    return WalkForwardRoster(editions)


def _edition(
    history: History, table: pd.DataFrame, spec: Spec, params: ScoringParams, at: float, number: int
) -> Edition:
    cutoff = at - spec.embargo_days * DAY
    seen = training(history, table, cutoff)
    if seen.trades.empty:
        return Edition(at=at, edges={}, notice="no event was over yet")
    found = score_wallets(
        seen.trades,
        seen.resolutions,
        as_of=instant(cutoff),
        params=params,
        rng=np.random.default_rng([spec.seed, 7, number]),
        incomplete=frozenset() if history.history_complete else frozenset(history.wallets),
    )
    edges = _edges(found, spec)
    learned = _learned(history, seen, instant(cutoff), edges) if edges else NOBODY
    return Edition(at=at, edges=edges, funnel=found.funnel, notice=found.notice, learned=learned)


def _learned(history: History, seen: Training, cutoff: datetime, whales: Collection[str]) -> Learned:
    """Return what the purchases that were evidence at `cutoff` teach of single purchases."""
    ends = {row.key: instant(row.end_at) for row in history.listings if row.end_at is not None}
    payouts = known_payouts(seen.resolutions, as_of=cutoff)
    return learn(purchases_table(seen.trades, payouts, ends)).learned(whales)


def _edges(found: ScoringResult, spec: Spec) -> dict[str, Decimal]:
    return {place.wallet: Decimal(place.edge).quantize(MICRO) for place in found.roster[: spec.followed_max]}


def training(history: History, table: pd.DataFrame, cutoff: float) -> Training:
    """Return the rows known at `cutoff` of events all of whose markets were resolved by then."""
    over = over_by(history, cutoff)
    rows = int(history.prints.at.searchsorted(cutoff, "right"))
    codes = history.prints.market[:rows]
    known = table.iloc[:rows]
    return Training(
        trades=known[over[codes] & known["side"].notna().to_numpy()],
        resolutions=[
            {"at": instant(listing.resolved_at), "condition_id": listing.key, "payouts": listing.payouts}
            for code, listing in enumerate(history.listings)
            if over[code] and listing.payouts is not None
        ],
    )


def over_by(history: History, cutoff: float) -> NDArray[np.bool_]:
    """Return, for each market, whether every market of its event that was listed by `cutoff` had been resolved."""
    members: dict[str, list[int]] = defaultdict(list)
    for code, listing in enumerate(history.listings):
        if listing.listed_at <= cutoff:
            members[listing.event].append(code)
    over = np.zeros(len(history.listings), dtype=bool)
    for codes in members.values():
        over[codes] = all(history.listings[code].resolved_at <= cutoff for code in codes)
    return over


def _table(history: History) -> pd.DataFrame:
    """Return the rows in the columns of the scoring; quotes have no side."""
    prints, listings = history.prints, history.listings
    side = np.where(prints.kind == MERGE, "MERGE", np.where(prints.side == BUY, "BUY", "SELL")).astype(object)
    side[(prints.kind != TRADE) & (prints.kind != MERGE)] = None
    return pd.DataFrame(
        {
            "at": pd.to_datetime(prints.at, unit="s", utc=True),
            "wallet": _looked_up(history.wallets, prints.wallet),
            "condition_id": _looked_up([listing.key for listing in listings], prints.market),
            "outcome_index": prints.outcome,
            "event_id": _looked_up([listing.event for listing in listings], prints.market),
            "category": _looked_up([listing.category for listing in listings], prints.market),
            "side": side,
            "price": prints.price,
            "size": prints.size,
            "fee_rate": np.array([float(listing.fee_rate) for listing in listings])[prints.market],
        }
    )


def _looked_up(names: Sequence[str], codes: NDArray[np.int32]) -> NDArray[np.object_]:
    found: NDArray[np.object_] = np.array([*names, ""], dtype=object)[codes]
    return found
