"""Generated seasons, whose skill is known, as recorded files and in stores."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from remora.research.store import ResearchStore
from remora.venues.twin.scenario.model import ExternalMerge, ExternalTrade, Resolved, Scenario
from remora.venues.twin.scenario.season import season_scenario
from tests.research.files import imported


def season_rows(season: Scenario) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a season's trades and markets as recorded tables."""
    markets = {market.condition_id: market for market in season.markets}
    trades: list[dict[str, Any]] = [
        {
            "ts": event.at.timestamp(),
            "wallet": event.wallet,
            "market": event.condition_id,
            "outcome_index": event.outcome_index if isinstance(event, ExternalTrade) else None,
            "side": event.side.value if isinstance(event, ExternalTrade) else None,
            "price": float(event.price) if isinstance(event, ExternalTrade) else None,
            "size": float(event.size),
            "kind": "TRADE" if isinstance(event, ExternalTrade) else "MERGE",
            "tx": event.transaction_hash,
            "event_slug": markets[event.condition_id].event_id,
            "category": markets[event.condition_id].category,
            "fee_rate": float(markets[event.condition_id].fee_rate),
        }
        for event in season.events
        if isinstance(event, ExternalTrade | ExternalMerge)
    ]
    resolved = {e.condition_id: e for e in season.events if isinstance(e, Resolved)}
    listed = [
        {
            "market": condition,
            "question": market.question,
            "closed_time": resolved[condition].at.isoformat() if condition in resolved else None,
            "winner_index": int(resolved[condition].payouts[1]) if condition in resolved else None,
        }
        for condition, market in markets.items()
        if condition not in resolved or resolved[condition].payouts[0] in (0, 1)
    ]
    frame = pd.DataFrame(listed)
    return pd.DataFrame(trades), frame.astype({"winner_index": "Int8"})


def season_store(folder: Path, seed: int) -> tuple[ResearchStore, Scenario]:
    """Return a store that holds a whole season, and the season."""
    season = season_scenario(seed)
    store = ResearchStore(folder / "research")
    trades, markets = season_rows(season)
    trades.to_parquet(folder / "tape.parquet")
    markets.to_parquet(folder / "markets.parquet")
    imported(store, folder / "tape.parquet", complete=True, snapshot_at=datetime(2026, 12, 1, tzinfo=UTC))
    imported(store, folder / "markets.parquet")
    return store, season
