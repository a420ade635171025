"""The plain numbers of one replay: funnel, exits, positions."""

from collections import Counter, defaultdict
from typing import Any

from remora.backtest.outcome import Outcome


def funnel(outcome: Outcome) -> dict[str, Any]:
    """Return how far signals came, and where each fell."""
    filled = outcome.filled
    return {
        "signals": outcome.signals,
        "exit_signals": outcome.exits,
        "refused": dict(outcome.skips.most_common()),
        "orders": outcome.copies,
        "positions": len(outcome.holdings),
        "unfilled": len(outcome.holdings) - len(filled),
        "filled": len(filled),
        "closed": sum(holding.ended_at is not None for holding in filled),
        "open": sum(holding.ended_at is None for holding in filled),
    }


def exits(outcome: Outcome) -> list[dict[str, Any]]:
    """Return count and dollars by the reason positions were left for; ``open`` for those still held."""
    counts: Counter[str] = Counter()
    dollars: dict[str, float] = defaultdict(float)
    for holding in outcome.filled:
        reason = "open" if holding.ended_at is None else (holding.exit_reason or "closed")
        counts[str(reason)] += 1
        dollars[str(reason)] += float(holding.pnl)
    return [{"reason": name, "positions": count, "pnl": dollars[name]} for name, count in counts.most_common()]


def money(outcome: Outcome) -> dict[str, float]:
    """Return what was spent, paid in fees, and won, in dollars."""
    filled = outcome.filled
    bought = sum(float(holding.books.bought_notional) for holding in filled)
    pnl = sum(float(holding.pnl) for holding in filled)
    return {
        "capital": outcome.capital,
        "bought": bought,
        "fees": sum(float(holding.books.fees) for holding in filled),
        "pnl": pnl,
        "pnl_per_dollar": pnl / bought if bought else 0.0,
        "equity": outcome.equity,
    }
