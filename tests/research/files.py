"""Recorded files as tests write them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from remora.research.imports import Imported, ImportOptions, import_file
from remora.research.store import ResearchStore

START = 1_770_000_000
NOW = datetime(2026, 11, 1, tzinfo=UTC)
WALLET, OTHER = "0x" + "a1" * 20, "0x" + "b2" * 20
MARKET, SECOND = "0x" + "1" * 64, "0x" + "2" * 64


def tape_row(**changed: Any) -> dict[str, Any]:
    """Return one row of a tape: a purchase that can be used, with what a test changes."""
    return {
        "ts": START,
        "wallet": WALLET,
        "market": MARKET,
        "outcome_index": 0,
        "side": "BUY",
        "price": 0.4,
        "size": 100.0,
        "kind": "TRADE",
        "tx": "0xaa",
        **changed,
    }


def market_row(**changed: Any) -> dict[str, Any]:
    """Return one row of a table of markets, resolved for its first outcome a day after `START`."""
    closed = datetime.fromtimestamp(START + 86_400, tz=UTC).isoformat()
    return {"market": MARKET, "question": "Will it?", "closed_time": closed, "winner_index": 0, **changed}


def parquet(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write rows to a file."""
    pd.DataFrame(rows).to_parquet(path)
    return path


def imported(store: ResearchStore, path: Path, **options: Any) -> Imported:
    """Import a file quietly."""
    return import_file(store, path, ImportOptions(**options), now=NOW, progress=lambda _done, _total: None)
