"""An optional model of single purchases: will copying this one pay? Used only where it has proved better.

Wallet, price, category, size and time to the end go into a logistic regression, walk-forward: every block of
time is predicted by a model that saw only purchases whose results were known before the block began. Its
probabilities are calibrated by isotonic regression on the newest part of what it saw. The baseline is the price
itself, moved by the wallet's shrunk edge.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.stats import t as student

from remora.statistics.arrays import Floats
from remora.statistics.shrinkage import empirical_bayes

MARGIN: Final = 0.005
"""Nats of log-loss by which the model must beat the baseline, at the lower end of the interval."""

BLOCKS: Final = 6
LEARN_MIN: Final = 500
"""Purchases below which nothing is learned."""

CALIBRATION_SHARE: Final = 0.25
CLIP: Final = 1e-3
EXTREME: Final = 0.02
"""A calibration from few purchases must not promise more: one surprise would cost too much."""

COLUMNS: Final = ("wallet", "event_id", "category", "price", "cost", "usd", "to_end_s", "at", "known_at", "won")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether the model may be used.

    Losses are mean log-losses in nats over `predicted` purchases in `events` events out of sample; `gain` is
    baseline less model, positive when the model is better, with a 95 % interval by events.
    """

    use: bool
    why: str
    predicted: int = 0
    events: int = 0
    model_loss: float | None = None
    baseline_loss: float | None = None
    price_loss: float | None = None
    gain: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None
    margin: float = MARGIN


def purchases_table(
    trades: pd.DataFrame, payouts: Mapping[str, tuple[float, float, float]], ends: Mapping[str, datetime]
) -> pd.DataFrame:
    """Return one row for each purchase whose market paid out whole: features, when its result was known, and it.

    `trades` are those of the store, `payouts` results with their times, `ends` when markets end, if known.
    """
    bought = trades[(trades["side"] == "BUY") & trades["condition_id"].isin(payouts)]
    result = [payouts[market] for market in bought["condition_id"]]
    paid = np.array([r[int(o)] for r, o in zip(result, bought["outcome_index"], strict=True)], dtype=float)
    end = pd.Series([ends.get(market) for market in bought["condition_id"]], index=bought.index)
    left = (pd.to_datetime(end, utc=True) - bought["at"]).dt.total_seconds()
    table = pd.DataFrame(
        {
            "wallet": bought["wallet"],
            "event_id": bought["event_id"],
            "category": bought["category"].replace("", "unknown"),
            "price": bought["price"],
            "cost": bought["price"],
            "usd": bought["price"] * bought["size"],
            "to_end_s": left.fillna(left.median() if left.notna().any() else 0.0),
            "at": bought["at"],
            "known_at": pd.to_datetime([r[2] for r in result], unit="s", utc=True),
            "won": paid,
        }
    )
    return table[table["won"].isin([0.0, 1.0])].sort_values("at", kind="stable", ignore_index=True)


def judge(table: pd.DataFrame) -> Verdict:
    """Return whether the model beat the baseline out of sample by the margin; it says so when it did not."""
    missing = set(COLUMNS) - set(table.columns)
    if missing:
        raise ValueError(f"expected the columns {', '.join(COLUMNS)}; missing: {', '.join(sorted(missing))}")
    if len(table) < 2 * LEARN_MIN:
        return Verdict(use=False, why=f"{len(table)} resolved purchases, needs {2 * LEARN_MIN}")
    predicted = walk_forward(table)
    if predicted.empty:
        return Verdict(use=False, why=f"never {LEARN_MIN} purchases of both kinds known before a block of time")
    won = predicted["won"].to_numpy(np.float64)
    losses = {name: log_loss(predicted[name].to_numpy(np.float64), won) for name in ("model", "baseline", "price")}
    gain, low, high = _interval(losses["baseline"] - losses["model"], predicted["event_id"].to_numpy())
    use = low is not None and low > MARGIN
    return Verdict(
        use=use,
        why=(
            f"beats the baseline by {gain:+.4f} nats, above {MARGIN}"
            if use
            else f"does not beat the baseline by {MARGIN} nats: gain {gain:+.4f}, "
            + ("one event only" if low is None else f"interval {low:+.4f} .. {high:+.4f}")
        ),
        predicted=len(predicted),
        events=int(predicted["event_id"].nunique()),
        model_loss=float(losses["model"].mean()),
        baseline_loss=float(losses["baseline"].mean()),
        price_loss=float(losses["price"].mean()),
        gain=gain,
        gain_low=low,
        gain_high=high,
    )


def walk_forward(table: pd.DataFrame) -> pd.DataFrame:
    """Return the purchases that could be predicted, with the probabilities of model, baseline and price.

    Purchases in events that the model saw are left out of the block: their results depend on each other.
    """
    edges = np.quantile(table["at"].astype("int64"), np.linspace(0, 1, BLOCKS + 1))
    blocks = np.clip(np.searchsorted(edges, table["at"].astype("int64"), side="right") - 1, 0, BLOCKS - 1)
    found = []
    for number in range(1, BLOCKS):
        block = table[blocks == number]
        if block.empty:
            continue
        seen = table[(table["known_at"] < block["at"].min()) & (table["at"] < block["at"].min())]
        block = block[~block["event_id"].isin(set(seen["event_id"]))]
        if len(seen) < LEARN_MIN or seen["won"].nunique() < 2 or block.empty:
            continue
        found.append(
            block.assign(
                model=_model(seen, block),
                baseline=_baseline(seen, block),
                price=np.clip(block["cost"], CLIP, 1 - CLIP),
            )
        )
    return pd.concat(found) if found else table.iloc[:0]


def log_loss(chance: Floats, won: Floats) -> Floats:
    """Return the loss of each prediction in nats."""
    p = np.clip(chance, CLIP, 1 - CLIP)
    losses: Floats = -(won * np.log(p) + (1 - won) * np.log(1 - p))
    return losses


def _baseline(seen: pd.DataFrame, block: pd.DataFrame) -> Floats:
    """Return the price moved by the wallet's edge, shrunk among all wallets with enough bets."""
    edge = (seen["won"] - seen["cost"]).groupby(seen["wallet"]).agg(["mean", "count"])
    implied = (seen["cost"] * (1 - seen["cost"])).groupby(seen["wallet"]).mean()
    enough = edge["count"] >= 5
    shrunk: Mapping[str, float] = {}
    if int(enough.sum()) >= 4:
        variance = np.maximum(implied[enough].to_numpy(np.float64), 1e-3) / edge["count"][enough].to_numpy(
            np.float64
        )
        mean, _ = empirical_bayes(edge["mean"][enough].to_numpy(np.float64), variance)
        shrunk = dict(zip(edge.index[enough], mean.tolist(), strict=True))
    moved = block["cost"].to_numpy(np.float64) + np.array([shrunk.get(wallet, 0.0) for wallet in block["wallet"]])
    chance: Floats = np.clip(moved, CLIP, 1 - CLIP)
    return chance


def _model(seen: pd.DataFrame, block: pd.DataFrame) -> Floats:
    from sklearn.isotonic import IsotonicRegression
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    cut = int(len(seen) * (1 - CALIBRATION_SHARE))
    older, newer = seen.iloc[:cut], seen.iloc[cut:]
    categories = sorted(older["category"].unique())
    skill = dict(zip(older["wallet"], _baseline(older, older) - older["cost"].to_numpy(np.float64), strict=True))
    fit, held = _features(older, categories, skill), _features(newer, categories, skill)
    if older["won"].nunique() < 2:
        return _baseline(seen, block)
    learned = make_pipeline(StandardScaler(), LogisticRegression(C=0.5, max_iter=1000))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=RuntimeWarning)
        learned.fit(fit, older["won"].to_numpy(int))
        calibrated = IsotonicRegression(y_min=EXTREME, y_max=1 - EXTREME, out_of_bounds="clip")
        calibrated.fit(learned.predict_proba(held)[:, 1], newer["won"].to_numpy(np.float64))
        raw = learned.predict_proba(_features(block, categories, skill))[:, 1]
    chance: Floats = np.asarray(calibrated.predict(raw), dtype=np.float64)
    return chance


def _features(table: pd.DataFrame, categories: list[str], skill: Mapping[str, float]) -> Floats:
    price = np.clip(table["cost"].to_numpy(np.float64), CLIP, 1 - CLIP)
    columns = [
        np.log(price / (1 - price)),
        np.array([skill.get(wallet, 0.0) for wallet in table["wallet"]]),
        np.log1p(np.maximum(table["usd"].to_numpy(np.float64), 0.0)),
        np.log1p(np.maximum(table["to_end_s"].to_numpy(np.float64), 0.0)),
        *(np.asarray(table["category"] == name, dtype=np.float64) for name in categories[1:]),
    ]
    return np.stack(columns, axis=1)


def _interval(values: Floats, events: Any) -> tuple[float, float | None, float | None]:
    mean = float(values.mean())
    _, index = np.unique(events, return_inverse=True)
    sums = np.bincount(index, weights=values - mean)
    count = sums.size
    if count < 2:
        return mean, None, None
    half = float(student.ppf(0.975, count - 1)) * float(np.sqrt(sums @ sums * count / (count - 1))) / values.size
    return mean, mean - half, mean + half
