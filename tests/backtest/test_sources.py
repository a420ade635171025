from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from remora.backtest.sources import DataUnusable, read_history

WALLET = "0x" + "a1" * 20
GOOD: dict[str, Any] = {
    "ts": 1_700_000_000,
    "wallet": WALLET,
    "market": "m",
    "outcome_index": 0,
    "side": "BUY",
    "price": 0.43,
    "size": 10.0,
    "winner_index": 1,
    "tx": None,
}
SHARED = Path(__file__).parents[3] / "shared" / "data"


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def test_rows_that_could_not_be_printed_are_kept_out_and_counted(tmp_path: Path) -> None:
    bad: list[dict[str, Any]] = [{"price": 1.0}, {"size": 0.0}, {"wallet": "nobody"}, {"outcome_index": 7}]
    bad.append({"side": "HOLD"})
    history = read_history([write(tmp_path / "t.parquet", [GOOD, *({**GOOD, **change} for change in bad)])])

    assert len(history.prints) == 1
    assert history.rejected == {
        "price_out_of_range": 1,
        "size_out_of_range": 1,
        "malformed": 2,
        "not_binary": 1,
    }


def test_a_fill_told_twice_by_its_hash_counts_once(tmp_path: Path) -> None:
    rows = [{**GOOD, "tx": "0x1"}, {**GOOD, "tx": "0x1"}, {**GOOD, "tx": "0x2"}]
    history = read_history([write(tmp_path / "t.parquet", rows)])

    assert len(history.prints) == 2
    assert history.rejected == {"duplicate": 1}


def test_a_market_whose_end_nobody_recorded_has_none(tmp_path: Path) -> None:
    history = read_history([write(tmp_path / "t.parquet", [GOOD])])

    assert history.listings[0].end_at is None
    assert any("have no recorded end" in notice for notice in history.notices)


def test_a_corrupt_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and then nothing")

    with pytest.raises(DataUnusable, match="cannot be read as Parquet"):
        read_history([tmp_path / "t.parquet"])


def test_a_file_without_trades_says_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(DataUnusable, match="lacks the columns wallet, market"):
        read_history([write(tmp_path / "t.parquet", [{"ts": 1}])])


def test_an_empty_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataUnusable, match="holds no Parquet"):
        read_history([tmp_path])


@pytest.mark.skipif(not SHARED.exists(), reason="no recorded data beside this checkout")
def test_the_recorded_midterms_are_one_cluster_that_ends_when_the_venue_said() -> None:
    history = read_history([SHARED / "tape_midterms_2022.parquet"])

    assert len(history.listings) == 39
    assert {listing.cluster for listing in history.listings} == {"politics 2022-11-15"}
    assert all(listing.payouts is not None for listing in history.listings)


@pytest.mark.skipif(not SHARED.exists(), reason="no recorded data beside this checkout")
def test_positions_of_one_fill_are_replayed_as_trades() -> None:
    history = read_history([SHARED / "positions_2023_2026.parquet", SHARED / "markets.parquet"])

    assert len(history.prints) + sum(history.rejected.values()) == 3928
    assert len(history.prints) > 3000
    assert not history.history_complete
    assert sum(listing.payouts is not None for listing in history.listings) > 1500


def test_positions_need_no_more_columns_than_the_message_asks_for(tmp_path: Path) -> None:
    row = {"wallet": WALLET, "market": "m", "outcome_index": 0, "avg_price": 0.4, "buy_size": 10.0}
    rows = [row | {"trade_count": 1, "first_ts": 1_700_000_000}]
    history = read_history([write(tmp_path / "positions.parquet", rows)])

    assert len(history.prints) == 1
    assert history.listings[0].event == "m"
