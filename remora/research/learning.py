"""An optional model of single purchases: will copying this one pay? Used only where it has proved better.

Wallet, price, category, size and time to the end go into a logistic regression, walk-forward: every block of
time is predicted by a model that saw only purchases whose results were known before the block began. Its
probabilities are calibrated by isotonic regression on the newest part of what it saw. The baseline is the price
itself, moved by the wallet's shrunk edge. What is judged is what is used: both are plain numbers
(:class:`remora.domain.chance.LearnedModel`), fitted the same way.
"""

import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import t as student

from remora.domain.chance import PRICE_CLIP, Learned, LearnedModel
from remora.domain.ids import WalletAddress
from remora.research.store import ResearchStore
from remora.statistics.arrays import Floats
from remora.statistics.shrinkage import empirical_bayes

MARGIN: Final = 0.005
"""Nats of log-loss by which the model must beat the baseline, at the lower end of the interval."""

BLOCKS: Final = 6
LEARN_MIN: Final = 500
"""Purchases below which nothing is learned."""

LEARN_MAX: Final = 200_000
"""The newest purchases, from which a model is learned and on which it is judged: bounded time and memory."""

CALIBRATION_SHARE: Final = 0.25
CLIP: Final = PRICE_CLIP
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

    @property
    def told(self) -> str:
        """Whether the model is used and why, as every report and decision says it."""
        return f"used because it {self.why}" if self.use else f"not used because {self.why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A verdict, and the model that sizes stakes if it is used."""

    verdict: Verdict
    model: LearnedModel | None = None

    def learned(self, whales: Collection[str] | None = None) -> Learned:
        """Return what a roster of these whales holds of it; of all wallets without names."""
        model = self.model
        if model is not None and whales is not None:
            model = replace(model, skills=tuple(pair for pair in model.skills if pair[0] in whales))
        return Learned(self.verdict.told, model)

    def recorded(self) -> dict[str, Any]:
        """Return the lesson as plain JSON values; what :meth:`from_recorded` reads."""
        return {"verdict": asdict(self.verdict), "model": None if self.model is None else self.model.recorded()}

    @classmethod
    def from_recorded(cls, recorded: Mapping[str, Any]) -> "Lesson":
        """Return the lesson that :meth:`recorded` gave."""
        model = recorded["model"]
        return cls(
            verdict=Verdict(**recorded["verdict"]),
            model=None if model is None else LearnedModel.from_recorded(model),
        )


def lesson_of(store: ResearchStore, *, as_of: datetime) -> Lesson:
    """Return what the newest purchases whose results were known at `as_of` teach."""
    found = store.purchases(as_of=as_of, most=LEARN_MAX)
    return learn(_table(found, found["paid"], found["result_known_at"], found["ends_at"]))


def learn(table: pd.DataFrame) -> Lesson:
    """Return whether the model may be used, and if so the one that all of the table teaches."""
    verdict = judge(table)
    if not verdict.use:
        return Lesson(verdict=verdict)
    model = fitted(table)
    assert model is not None
    return Lesson(verdict=verdict, model=model)


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
    return _table(bought, paid, pd.to_datetime([r[2] for r in result], unit="s", utc=True), end)


def _table(bought: pd.DataFrame, paid: Any, known_at: Any, ends_at: Any) -> pd.DataFrame:
    left = (pd.to_datetime(ends_at, utc=True) - bought["at"]).dt.total_seconds()
    table = pd.DataFrame(
        {
            "wallet": bought["wallet"],
            "event_id": bought["event_id"],
            "category": bought["category"].fillna("").str.lower().replace("", "unknown"),
            "price": bought["price"],
            "cost": bought["price"],
            "usd": bought["price"] * bought["size"],
            "to_end_s": left.fillna(left.median() if left.notna().any() else 0.0),
            "at": bought["at"],
            "known_at": known_at,
            "won": paid,
        }
    )
    whole = table[table["won"].isin([0.0, 1.0])]
    # every column orders: what was bought in one second must not be cut in another place from another source
    order = ["at", "wallet", "event_id", "price", "usd", "known_at", "won"]
    return whole.sort_values(order, kind="stable").tail(LEARN_MAX).reset_index(drop=True)


def judge(table: pd.DataFrame) -> Verdict:
    """Return whether the model beat the baseline out of sample by the margin; it says so when it did not."""
    missing = set(COLUMNS) - set(table.columns)
    if missing:
        raise ValueError(f"expected the columns {', '.join(COLUMNS)}; missing: {', '.join(sorted(missing))}")
    if len(table) < 2 * LEARN_MIN:
        return Verdict(use=False, why=f"there are {len(table)} resolved purchases of {2 * LEARN_MIN}")
    predicted = walk_forward(table)
    if predicted.empty:
        return Verdict(use=False, why=f"never were {LEARN_MIN} results of both kinds known before a block of time")
    won = predicted["won"].to_numpy(np.float64)
    losses = {name: log_loss(predicted[name].to_numpy(np.float64), won) for name in ("model", "baseline", "price")}
    gain, low, high = _interval(losses["baseline"] - losses["model"], predicted["event_id"].to_numpy())
    use = low is not None and low > MARGIN
    return Verdict(
        use=use,
        why=(
            f"beats the baseline by {gain:+.4f} nats, above {MARGIN}"
            if use
            else f"it does not beat the baseline by {MARGIN} nats: gain {gain:+.4f}, "
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


def fitted(seen: pd.DataFrame) -> LearnedModel | None:
    """Return the model that purchases with known results teach; None if the older of them all ended alike."""
    from sklearn.isotonic import IsotonicRegression
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    cut = int(len(seen) * (1 - CALIBRATION_SHARE))
    older, newer = seen.iloc[:cut], seen.iloc[cut:]
    if older["won"].nunique() < 2:
        return None
    categories = sorted(older["category"].unique())[1:]
    edges = _baseline(older, older) - older["cost"].to_numpy(np.float64)
    skill = dict(zip(older["wallet"], edges, strict=True))
    learned = make_pipeline(StandardScaler(), LogisticRegression(C=0.5, max_iter=1000))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=RuntimeWarning)
        learned.fit(_features(older, categories, skill), older["won"].to_numpy(int))
        calibrated = IsotonicRegression(y_min=EXTREME, y_max=1 - EXTREME, out_of_bounds="clip")
        raw = learned.predict_proba(_features(newer, categories, skill))[:, 1]
        calibrated.fit(raw, newer["won"].to_numpy(np.float64))
    scaler, regression = learned[0], learned[1]
    weights = regression.coef_[0] / scaler.scale_
    knots = zip(calibrated.X_thresholds_.tolist(), calibrated.y_thresholds_.tolist(), strict=True)
    price, of_skill, usd, to_end, *rest = weights.tolist()
    return LearnedModel(
        intercept=float(regression.intercept_[0] - weights @ scaler.mean_),
        price=price,
        skill=of_skill,
        usd=usd,
        to_end=to_end,
        categories=tuple(zip(categories, rest, strict=True)),
        skills=tuple(
            (WalletAddress(wallet), float(edge)) for wallet, edge in sorted(skill.items()) if edge != 0.0
        ),
        knots=tuple(knots),
    )


def chances(model: LearnedModel, table: pd.DataFrame) -> Floats:
    """Return what :meth:`LearnedModel.chance` gives each row of a table, all at once."""
    categories = [name for name, _ in model.categories]
    weights = [model.price, model.skill, model.usd, model.to_end, *(weight for _, weight in model.categories)]
    odds = model.intercept + _features(table, categories, dict(model.skills)) @ np.array(weights)
    raw, turned_out = np.array(model.knots).T
    found: Floats = np.interp(expit(odds), raw, turned_out)
    return found


def _model(seen: pd.DataFrame, block: pd.DataFrame) -> Floats:
    model = fitted(seen)
    return _baseline(seen, block) if model is None else chances(model, block)


def _features(table: pd.DataFrame, categories: Sequence[str], skill: Mapping[str, float]) -> Floats:
    price = np.clip(table["cost"].to_numpy(np.float64), CLIP, 1 - CLIP)
    columns = [
        np.log(price / (1 - price)),
        table["wallet"].map(skill).fillna(0.0).to_numpy(np.float64),
        np.log1p(np.maximum(table["usd"].to_numpy(np.float64), 0.0)),
        np.log1p(np.maximum(table["to_end_s"].to_numpy(np.float64), 0.0)),
        *(np.asarray(table["category"] == name, dtype=np.float64) for name in categories),
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
