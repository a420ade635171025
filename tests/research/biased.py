"""A venue on which a learned model truly wins: one category costs too little, another too much, for everybody."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from remora.research.store import ResearchStore
from tests.research.files import START, imported

DAY = 86_400
WALLETS, EACH = 30, 130
DAYS = 200
CHEAP, DEAR = 0.25, -0.25
"""What a share pays in the mean beyond its price: of sports, and of politics."""


def wallet(number: int) -> str:
    """Return one of the wallets; the higher its number, the more of its purchases are sports."""
    return f"0x{number + 1:040x}"


def biased_rows(seed: int = 0) -> pd.DataFrame:
    """Return purchases in time, each in a market of its own that resolves a day later: a tape with its results."""
    rng = np.random.default_rng(seed)
    count = WALLETS * EACH
    who = np.tile(np.arange(WALLETS), EACH)
    sports = rng.uniform(size=count) < 0.25 + 0.65 * who / WALLETS
    price = np.round(rng.uniform(0.40, 0.60, count), 2)
    won = rng.uniform(size=count) < price + np.where(sports, CHEAP, DEAR)
    at = START + np.sort(rng.uniform(0, DAYS * DAY, count)).round()
    names = [f"0x{number:064x}" for number in range(count)]
    return pd.DataFrame(
        {
            "ts": at,
            "wallet": [wallet(number) for number in who],
            "market": names,
            "event_slug": names,
            "category": np.where(sports, "Sports", "Politics"),
            "outcome_index": 0,
            "side": "BUY",
            "price": price,
            "size": rng.lognormal(5, 0.5, count).round(2),
            "kind": "TRADE",
            "tx": names,
            "closed": at + DAY,
            "winner_index": np.where(won, 0, 1).astype(np.int8),
        }
    )


def biased_store(folder: Path, seed: int = 0) -> ResearchStore:
    """Return a store that holds all of it."""
    rows = biased_rows(seed)
    closed = [pd.Timestamp(second, unit="s", tz="UTC").isoformat() for second in rows["closed"]]
    markets: dict[str, Any] = {
        "market": rows["market"],
        "question": "Will it?",
        "closed_time": closed,
        "winner_index": rows["winner_index"],
    }
    rows.drop(columns=["closed", "winner_index"]).to_parquet(folder / "biased.parquet")
    pd.DataFrame(markets).to_parquet(folder / "biased_markets.parquet")
    store = ResearchStore(folder / "biased")
    imported(store, folder / "biased.parquet", complete=True)
    imported(store, folder / "biased_markets.parquet")
    return store
