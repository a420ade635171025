"""The plain numbers of one replay: funnel, exits, positions."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from remora.backtest.history import Floats, instant
from remora.backtest.outcome import Outcome
from remora.backtest.run import Replayed
from remora.backtest.track import DAY


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


def monthly(made: Replayed, start: float) -> list[dict[str, Any]]:
    """Return profit and return of each calendar month, on the equity at its beginning."""
    rows: list[dict[str, Any]] = []
    equity = made.outcome.capital
    first = start // DAY
    for day, pnl in enumerate(made.daily.tolist()):
        name = f"{instant((first + day) * DAY):%Y-%m}"
        if not rows or rows[-1]["month"] != name:
            rows.append({"month": name, "pnl": 0.0, "began": equity})
        rows[-1]["pnl"] += pnl
        equity += pnl
    for row in rows:
        began = row.pop("began")
        row["return"] = row["pnl"] / began if began > 0 else 0.0
    return rows


def curves(made: Replayed, controls: Mapping[str, Sequence[Floats]]) -> dict[str, Any]:
    """Return equity by day, ours and the mean of each control's draws, and our distance from the peak."""
    capital = made.outcome.capital
    equity = capital + np.cumsum(made.daily)
    peak = np.maximum.accumulate(np.concatenate([[capital], equity]))[1:]
    return {
        "start_day": int(made.outcome.start // DAY),
        "equity": np.round(equity, 4).tolist(),
        "underwater": np.round(
            np.divide(equity - peak, peak, out=np.zeros_like(equity), where=peak > 0), 6
        ).tolist(),
        "controls": {
            name: np.round(capital + np.cumsum(np.mean(np.stack(draws), axis=0)), 4).tolist()
            for name, draws in controls.items()
        },
    }
