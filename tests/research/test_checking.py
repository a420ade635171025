from pathlib import Path

import pytest

from remora.research.batches import Batch
from remora.research.checking import check_store
from remora.research.store import ResearchStore
from tests.research.files import MARKET, NOW, OTHER, START, imported, market_row, parquet, tape_row


@pytest.fixture
def store(tmp_path: Path) -> ResearchStore:
    made = ResearchStore(tmp_path / "research")
    rows = [
        tape_row(),
        tape_row(ts=START + 2 * 86_400),
        tape_row(wallet=OTHER, market="0x" + "9" * 64),
        tape_row(size=0),
    ]
    imported(made, parquet(tmp_path / "tape.parquet", rows))
    imported(made, parquet(tmp_path / "again.parquet", rows[:1]), complete=True)
    imported(made, parquet(tmp_path / "markets.parquet", [market_row()]))
    return made


def test_a_whole_store_is_counted(store: ResearchStore) -> None:
    found = check_store(store, now=NOW)

    assert found.whole
    assert found.rows["trades"] == 3
    assert found.repeated == 1
    assert found.rejected == {"size_not_positive": 1}
    assert found.flaws == {"after_resolution": 1}
    assert found.wallets == {"complete": 1, "recorded_part": 1}
    assert found.trades_in_unlisted_markets == 1
    assert found.first_at is not None
    assert found.first_at.timestamp() == START


def test_conflicting_results_are_counted(store: ResearchStore, tmp_path: Path) -> None:
    imported(store, parquet(tmp_path / "other.parquet", [market_row(winner_index=1)]))

    assert check_store(store, now=NOW).resolution_conflicts == 1


def test_an_unfinished_batch_is_a_problem(store: ResearchStore) -> None:
    Batch.begin(store.root, "later", source="later.parquet", started_at="today")

    found = check_store(store, now=NOW)
    assert not found.whole
    assert "later.parquet: begun today and not finished" in found.problems[0]


def test_a_file_that_is_not_what_the_manifest_says_is_a_problem(store: ResearchStore) -> None:
    part = next((store.root / "trades").glob("*.parquet"))
    part.write_bytes(b"PAR1 no longer")

    found = check_store(store, now=NOW)
    assert not found.whole
    assert f"trades/{part.name}: expected" in found.problems[0]
    assert MARKET not in str(found.as_json())
