"""What a recording lacks: silent days, missing results, rows that were kept out."""

from typing import Any

import numpy as np

from remora.backtest.history import TRADE, History, instant
from remora.backtest.outcome import Outcome
from remora.backtest.track import DAY


def quality(history: History, start: float, end: float, outcome: Outcome) -> dict[str, Any]:
    """Return what a reader must know about the data: counts, gaps, and the share of capital that hangs on each."""
    prints = history.prints
    inside = prints.at[(prints.at >= start) & (prints.at < end) & (prints.kind == TRADE)]
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
        **_unresolved(history, outcome),
    }


def _unresolved(history: History, outcome: Outcome) -> dict[str, Any]:
    """Return how many markets have no result, and which share of what was spent went into them."""
    spent = missing = assumed = 0.0
    for holding in outcome.filled:
        listing, cost = history.listings[holding.market], float(holding.books.bought_notional)
        spent += cost
        missing += cost if listing.payouts is None else 0.0
        assumed += cost if listing.end_source == "assumed" else 0.0
    without = sum(listing.payouts is None for listing in history.listings)
    return {
        "markets_without_result": without,
        "capital_without_result": missing / spent if spent else 0.0,
        "markets_without_end": sum(listing.end_at is None for listing in history.listings),
        "capital_on_assumed_end": assumed / spent if spent else 0.0,
    }
