"""Where the profit comes from, and how much of it hangs on one wallet or one event."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from remora.backtest.history import Listing
from remora.backtest.holding import Holding
from remora.backtest.outcome import Outcome

BANDS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
CALIBRATION_BINS = 5


def attribution(outcome: Outcome, listings: Sequence[Listing]) -> dict[str, Any]:
    """Return dollars by whale, category, price band and event cluster, and what made them."""
    filled = outcome.filled
    return {
        "by_whale": _grouped(filled, lambda holding: holding.whale),
        "by_category": _grouped(filled, lambda holding: listings[holding.market].category),
        "by_price": _grouped(filled, _band),
        "by_cluster": _grouped(filled, lambda holding: listings[holding.market].cluster)[:20],
        "made_of": _made_of(filled),
        "concentration": _concentration(filled, listings),
    }


def _grouped(filled: Sequence[Holding], name: Callable[[Holding], str]) -> list[dict[str, Any]]:
    """Return count, dollars in and out, and share of winners by name, the largest profit first."""
    groups: dict[str, list[Holding]] = defaultdict(list)
    for holding in filled:
        groups[name(holding)].append(holding)
    rows = [
        {
            "name": key,
            "positions": len(members),
            "bought": sum(float(member.books.bought_notional) for member in members),
            "fees": sum(float(member.books.fees) for member in members),
            "pnl": sum(float(member.pnl) for member in members),
            "wins": sum(member.pnl > 0 for member in members) / len(members),
        }
        for key, members in groups.items()
    ]
    return sorted(rows, key=lambda row: (-row["pnl"], row["name"]))


def _band(holding: Holding) -> str:
    price = float(holding.books.average_price or 0)
    place = min(int(np.searchsorted(BANDS, price, "right")) - 1, len(BANDS) - 2)
    return f"{BANDS[place]:.1f} to {BANDS[place + 1]:.1f}"


def _made_of(filled: Sequence[Holding]) -> dict[str, float]:
    """Split the profit exactly: the whales' choices at equal stakes, our sizes, our prices, our fees.

    With shares n, whale's price w, value out V (sales, payouts, marks) and mean stake s of n * w:
    selection = sum of s * (V / nw - 1), sizing = sum of (nw - s) * (V / nw - 1), price = sum of nw less what we
    paid, fees = less the fees.
    """
    if not filled:
        return {"selection": 0.0, "sizing": 0.0, "price": 0.0, "fees": 0.0}
    shares = np.array([float(holding.books.bought_shares) for holding in filled])
    stakes = shares * np.array([float(holding.whale_price) for holding in filled])
    paid = np.array([float(holding.books.bought_notional) for holding in filled])
    fees = np.array([float(holding.books.fees) for holding in filled])
    value = np.array([float(holding.pnl) for holding in filled]) + paid + fees
    gain = value / stakes - 1.0
    mean = stakes.mean()
    return {
        "selection": float((mean * gain).sum()),
        "sizing": float(((stakes - mean) * gain).sum()),
        "price": float((stakes - paid).sum()),
        "fees": -float(fees.sum()),
    }


def _concentration(filled: Sequence[Holding], listings: Sequence[Listing]) -> dict[str, Any]:
    """Return the profit without the best whale, event cluster and position, and their shares of the gains."""
    total = sum(float(holding.pnl) for holding in filled)
    found: dict[str, Any] = {"pnl": total}
    units: tuple[tuple[str, Callable[[Holding], str]], ...] = (
        ("whale", lambda holding: holding.whale),
        ("cluster", lambda holding: listings[holding.market].cluster),
        ("event", lambda holding: listings[holding.market].event),
        ("position", lambda holding: str(holding.number)),
    )
    for what, name in units:
        rows = _grouped(filled, name)
        gains = sum(row["pnl"] for row in rows if row["pnl"] > 0)
        best: dict[str, Any] = rows[0] if rows else {"name": "", "pnl": 0.0}
        found[f"best_{what}"] = best["name"]
        found[f"without_best_{what}"] = total - max(0.0, best["pnl"])
        found[f"best_{what}_share_of_gains"] = best["pnl"] / gains if gains > 0 else 0.0
    return found


def calibration(outcome: Outcome, listings: Sequence[Listing]) -> dict[str, Any]:
    """Return how good the forecasts behind the entries were, beside the prices paid.

    Brier score ``mean((p - y) ** 2)`` over positions whose market was resolved; skill is one less its ratio to the
    score of the prices.
    """
    told = [
        (float(holding.forecast), float(holding.books.average_price or 0), float(payouts[holding.outcome]))
        for holding in outcome.filled
        if (payouts := listings[holding.market].payouts) is not None
    ]
    if not told:
        return {"positions": 0, "brier": None, "brier_of_price": None, "skill": None, "bins": []}
    forecast, price, happened = (np.array(column) for column in zip(*told, strict=True))
    brier, of_price = float(np.mean((forecast - happened) ** 2)), float(np.mean((price - happened) ** 2))
    place = np.minimum((forecast * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    return {
        "positions": len(told),
        "brier": brier,
        "brier_of_price": of_price,
        "skill": None if of_price == 0 else 1.0 - brier / of_price,
        "bins": [
            {
                "positions": int((place == number).sum()),
                "forecast": float(forecast[place == number].mean()),
                "happened": float(happened[place == number].mean()),
            }
            for number in range(CALIBRATION_BINS)
            if (place == number).any()
        ],
    }
