"""What a recording lacks: gaps, missing results, rows that are there twice or were kept out."""

from collections.abc import Callable
from typing import Any

import numpy as np

from remora.backtest.history import TRADE, Floats, History, instant
from remora.backtest.holding import Holding
from remora.backtest.outcome import Outcome
from remora.backtest.track import DAY

GAP_H = 24.0
"""A recording that is silent for longer may have missed what would have ended a position."""


def quality(history: History, start: float, end: float, outcome: Outcome) -> dict[str, Any]:
    """Return what a reader must know about the data: counts, gaps, and the share of capital that hangs on each."""
    return {**facts(history, start, end), **shares(history, start, end, outcome)}


def facts(history: History, start: float, end: float) -> dict[str, Any]:
    """Return what the recording holds and lacks, whatever was bought."""
    prints, listings = history.prints, history.listings
    inside = _trades(history, start, end)
    days = max(1, int(np.ceil((end - start) / DAY)))
    lively = np.unique(inside // DAY).size
    waits = np.diff(inside)
    longest = int(waits.argmax()) if waits.size else 0
    return {
        "name": history.name,
        "fingerprint": history.fingerprint,
        "trades": int((prints.kind == TRADE).sum()),
        "trades_in_window": int(inside.size),
        "wallets": len(history.wallets),
        "markets": len(history.listings),
        "clusters": len({listing.cluster for listing in history.listings}),
        "first": instant(history.span[0]).isoformat(),
        "last": instant(history.span[1]).isoformat(),
        "rejected": dict(history.rejected),
        "silent_days": days - min(days, lively),
        "days": days,
        "longest_gap_h": float(waits[longest]) / 3600.0 if waits.size else 0.0,
        "longest_gap_from": instant(float(inside[longest])).isoformat() if waits.size else None,
        "gaps": int((waits > GAP_H * 3600.0).sum()),
        "markets_without_result": sum(listing.payouts is None for listing in listings),
        "markets_without_end": sum(listing.end_at is None for listing in listings),
        "markets_with_equal_rows": len(history.doubtful),
    }


def shares(history: History, start: float, end: float, outcome: Outcome) -> dict[str, float]:
    """Return which share of what was spent hangs on each lack of the recording."""
    listings, inside = history.listings, _trades(history, start, end)
    gaps = inside[:-1][np.diff(inside) > GAP_H * 3600.0]
    return {
        "capital_without_result": _share(outcome, lambda held: listings[held.market].payouts is None),
        "capital_on_assumed_end": _share(outcome, lambda held: listings[held.market].end_source == "assumed"),
        "capital_with_equal_rows": _share(outcome, lambda held: held.market in history.doubtful),
        "capital_over_gaps": _share(outcome, lambda held: _held_at(held, gaps)),
    }


def _trades(history: History, start: float, end: float) -> Floats:
    prints = history.prints
    found: Floats = prints.at[(prints.at >= start) & (prints.at < end) & (prints.kind == TRADE)]
    return found


def _held_at(held: Holding, gaps: Floats) -> bool:
    """Whether a position was open when a gap began."""
    ended = np.inf if held.ended_at is None else held.ended_at
    return bool(((gaps >= held.approved_at) & (gaps < ended)).any())


def _share(outcome: Outcome, hangs: Callable[[Holding], bool]) -> float:
    spent = {held.number: float(held.books.bought_notional) for held in outcome.filled}
    total = sum(spent.values())
    return sum(spent[held.number] for held in outcome.filled if hangs(held)) / total if total else 0.0
