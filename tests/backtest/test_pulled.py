"""The store that `remora data` writes is replayed like any recording."""

from decimal import Decimal
from pathlib import Path

import pytest

from remora.backtest.history import NEVER
from remora.backtest.sources import DataUnusable, read_history
from remora.research.queries import scalar
from remora.research.store import ResearchStore
from tests.research.files import START, WALLET, imported, market_row, parquet, tape_row


@pytest.fixture
def store(tmp_path: Path) -> ResearchStore:
    return ResearchStore(tmp_path / "research")


def test_fills_and_results_of_the_store_are_a_recording(store: ResearchStore, tmp_path: Path) -> None:
    rows = [tape_row(price=0.4), tape_row(price=0.6, side="SELL", ts=START + 60)]
    imported(store, parquet(tmp_path / "tape.parquet", rows), complete=True)
    imported(store, parquet(tmp_path / "markets.parquet", [market_row(winner_index=None, payout_first=0.5)]))
    history = read_history([store.root])

    assert list(history.wallets) == [WALLET]
    assert history.prints.price.tolist() == [0.4, 0.6]
    assert history.prints.side.tolist() == [1, -1]
    assert history.history_complete
    assert any("is the store of `remora data`" in notice for notice in history.notices)
    assert history.listings[0].payouts == (Decimal("0.5"), Decimal("0.5"))
    assert history.listings[0].resolved_at < NEVER


def test_a_result_counts_from_when_it_was_known(store: ResearchStore, tmp_path: Path) -> None:
    imported(store, parquet(tmp_path / "tape.parquet", [tape_row(price=0.4)]))
    imported(store, parquet(tmp_path / "markets.parquet", [market_row(winner_index=1)]))
    with store.connect() as connection:
        known = float(scalar(connection, "SELECT epoch(max(known_at)) FROM resolutions"))
    history = read_history([store.root])
    (listing,) = history.listings

    assert not history.history_complete
    assert listing.resolved_at == known
    assert listing.until(known - 1).payouts is None


def test_a_store_without_fills_is_refused(store: ResearchStore, tmp_path: Path) -> None:
    imported(store, parquet(tmp_path / "markets.parquet", [market_row()]))

    with pytest.raises(DataUnusable, match="no trade that could be replayed"):
        read_history([store.root])
