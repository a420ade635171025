"""Read the research store as a recording: the fills, markets and results that ``remora data`` gathered."""

from pathlib import Path

import pandas as pd

from remora.research.queries import frame
from remora.research.store import ResearchStore

FAR_MICROS = 32_503_680_000 * 10**6
"""After everything: a backtest reads the whole store and hides itself what came later."""


def is_store(path: Path) -> bool:
    """Tell whether a directory is a research store."""
    return (path / "batches").is_dir()


def read_store(root: Path) -> tuple[pd.DataFrame, pd.DataFrame, bool]:
    """Return fills in the columns of a tape, facts of their markets, and whether every history is whole.

    Results count from the instant at which they were known, not from the one at which they happened. Positions of
    several fills are no fills and are left out. Raises StoreDamaged.
    """
    with ResearchStore(root).connect() as connection:
        fills = frame(connection, _FILLS, {})
        markets = frame(connection, _MARKETS, {"now": FAR_MICROS})
        whole = frame(connection, "SELECT DISTINCT wallet FROM coverage WHERE complete", {})
    return fills, markets, set(fills["wallet"]) <= set(whole["wallet"])


_FILLS = """
    SELECT epoch(t.happened_at) AS ts, t.wallet, t.condition_id AS market, t.outcome_index, t.side, t.price,
        t.size, CASE WHEN t.side IN ('BUY', 'SELL') THEN 'TRADE' ELSE t.side END AS kind, t.transaction_hash AS tx,
        coalesce(t.event_id, m.event_id) AS event_slug, coalesce(t.category, m.category) AS domain
    FROM trades t LEFT JOIN listed m USING (condition_id)
    WHERE t.basis = 'fill' ORDER BY t.happened_at, t.wallet, t.condition_id, t.outcome_index, t.price, t.size"""

_MARKETS = """
    SELECT m.condition_id AS market, m.question, epoch(m.ends_at) AS end_date, epoch(r.known_at) AS closed_time,
        CASE WHEN r.payout_first = 1 THEN 0 WHEN r.payout_second = 1 THEN 1 END AS winner_index, r.payout_first
    FROM listed m LEFT JOIN resolved($now) r USING (condition_id)"""
