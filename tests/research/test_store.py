from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.research.batches import StoreDamaged
from remora.research.store import ResearchStore, Shard
from remora.research.tables import BUCKETS
from tests.research.files import (
    MARKET,
    NOW,
    OTHER,
    SECOND,
    START,
    WALLET,
    imported,
    market_row,
    parquet,
    tape_row,
)

AT = datetime.fromtimestamp(START, tz=UTC)


@pytest.fixture
def store(tmp_path: Path) -> ResearchStore:
    return ResearchStore(tmp_path / "research")


def test_an_empty_store_answers_with_no_rows(store: ResearchStore) -> None:
    found = store.evidence(as_of=NOW)

    assert (len(found.trades), len(found.resolutions), found.wallets) == (0, 0, ())
    assert store.count_wallets() == 0


def test_nothing_is_seen_before_it_was_known(store: ResearchStore, tmp_path: Path) -> None:
    rows = [tape_row(ts=START + day * 86_400, wallet=WALLET if day < 2 else OTHER) for day in range(4)]
    imported(store, parquet(tmp_path / "tape.parquet", rows))
    imported(store, parquet(tmp_path / "markets.parquet", [market_row()]))

    early = store.evidence(as_of=AT + timedelta(hours=1))
    later = store.evidence(as_of=AT + timedelta(days=1, seconds=1))

    assert (len(early.trades), len(early.resolutions), early.wallets) == (1, 0, (WALLET,))
    assert (len(later.trades), len(later.resolutions)) == (2, 1)
    assert later.resolutions["payouts"].tolist() == [(1.0, 0.0)]


def test_a_position_of_several_fills_is_known_when_the_last_was(store: ResearchStore, tmp_path: Path) -> None:
    row = {
        "wallet": WALLET,
        "market": MARKET,
        "outcome_index": 1,
        "avg_price": 0.3,
        "buy_size": 50.0,
        "sell_size": 0.0,
        "trade_count": 3,
        "first_ts": START,
        "last_ts": START + 3600,
        "winner_index": 1,
    }
    imported(store, parquet(tmp_path / "positions.parquet", [row]))

    assert len(store.evidence(as_of=AT + timedelta(minutes=30)).trades) == 0
    found = store.evidence(as_of=AT + timedelta(minutes=61)).trades
    assert found[["side", "price", "size", "basis"]].values.tolist() == [["BUY", 0.3, 50.0, "mean"]]


def test_a_trade_that_several_files_report_counts_once(store: ResearchStore, tmp_path: Path) -> None:
    twice = [tape_row(), tape_row(), tape_row(ts=START + 5)]
    imported(store, parquet(tmp_path / "one.parquet", twice))
    imported(store, parquet(tmp_path / "two.parquet", [tape_row(), tape_row(ts=START + 9)]))

    found = store.evidence(as_of=NOW).trades

    # two equal fills of one transaction are two trades; the overlap with the second file is not a third
    assert sorted((found["at"] - AT).dt.total_seconds()) == [0, 0, 5, 9]


def test_trades_that_contradict_their_market_are_left_out_and_counted(
    store: ResearchStore, tmp_path: Path
) -> None:
    imported(store, parquet(tmp_path / "tape.parquet", [tape_row(), tape_row(ts=START + 2 * 86_400)]))
    imported(store, parquet(tmp_path / "markets.parquet", [market_row()]))

    found = store.evidence(as_of=NOW)

    assert len(found.trades) == 1
    assert found.left_out == {"after_resolution": 1}


def test_the_newest_result_counts_and_a_dated_one_before_a_snapshot(store: ResearchStore, tmp_path: Path) -> None:
    later = datetime.fromtimestamp(START + 3 * 86_400, tz=UTC).isoformat()
    rows = [market_row(winner_index=1), market_row(winner_index=0, closed_time=later)]
    imported(store, parquet(tmp_path / "markets.parquet", rows))
    imported(store, parquet(tmp_path / "snapshot.parquet", [tape_row(winner_index=1), tape_row(market=SECOND)]))

    first = store.evidence(as_of=AT + timedelta(days=2)).resolutions
    second = store.evidence(as_of=NOW).resolutions

    assert first["payouts"].tolist() == [(0.0, 1.0)]
    assert second.set_index("condition_id")["payouts"].to_dict() == {MARKET: (1.0, 0.0)}


def test_only_a_whole_history_is_complete(store: ResearchStore, tmp_path: Path) -> None:
    imported(store, parquet(tmp_path / "part.parquet", [tape_row(), tape_row(wallet=OTHER)]))
    imported(store, parquet(tmp_path / "whole.parquet", [tape_row(wallet=OTHER)]), complete=True)

    assert store.evidence(as_of=NOW).incomplete == frozenset({WALLET})


@given(count=st.integers(1, 60))
def test_shards_take_every_bucket_once(count: int) -> None:
    ranges = [Shard(number, count).buckets() for number in range(count)]

    assert [bucket for first, last in ranges for bucket in range(first, last + 1)] == list(range(BUCKETS))


def test_the_shards_hold_every_wallet_once(store: ResearchStore, tmp_path: Path) -> None:
    wallets = [f"0x{number * 7919:040x}" for number in range(200)]
    imported(store, parquet(tmp_path / "tape.parquet", [tape_row(wallet=wallet) for wallet in wallets]))

    shards = [store.evidence(as_of=NOW, shard=Shard(number, 7)) for number in range(7)]

    assert sorted(wallet for shard in shards for wallet in shard.wallets) == sorted(wallets)
    assert sum(len(shard.trades) for shard in shards) == 200


def test_a_missing_part_is_damage(store: ResearchStore, tmp_path: Path) -> None:
    imported(store, parquet(tmp_path / "tape.parquet", [tape_row()]))
    next((store.root / "trades").glob("*.parquet")).unlink()

    with pytest.raises(StoreDamaged, match="expected a part of the store"):
        store.evidence(as_of=NOW)


def test_an_instant_without_a_time_zone_is_refused(store: ResearchStore) -> None:
    with pytest.raises(ValueError, match="timezone-aware"):
        store.evidence(as_of=datetime(2026, 1, 1))  # noqa: DTZ001


def test_a_copier_finds_the_price_that_was_traded_after_the_latency(store: ResearchStore, tmp_path: Path) -> None:
    rows = [
        tape_row(price=0.40),
        tape_row(wallet=OTHER, ts=START + 2, price=0.41),
        tape_row(wallet=OTHER, ts=START + 8, price=0.56, outcome_index=1),
        tape_row(wallet=OTHER, ts=START + 3600, price=0.9),
    ]
    imported(store, parquet(tmp_path / "tape.parquet", rows))

    def copied(seconds: float) -> list[float]:
        found = store.evidence(as_of=NOW, wallets=[WALLET], latency=timedelta(seconds=seconds)).trades
        return [float(price) for price in found["copy_price"]]

    assert copied(1) == pytest.approx([0.41])
    assert copied(5) == pytest.approx([0.44])  # the other outcome at 0.56
    assert copied(60) == pytest.approx([float("nan")], nan_ok=True)  # an hour later says nothing
    early = store.evidence(as_of=AT + timedelta(seconds=3), wallets=[WALLET], latency=timedelta(seconds=5))
    assert early.trades["copy_price"].isna().all()


def test_later_prices_are_the_last_within_the_time(store: ResearchStore, tmp_path: Path) -> None:
    rows = [
        tape_row(),
        *(tape_row(wallet=OTHER, ts=START + second, price=0.4 + second / 1e4) for second in (60, 250)),
    ]
    imported(store, parquet(tmp_path / "tape.parquet", rows))

    def mark(as_of: datetime) -> float:
        return float(store.later_prices(as_of=as_of, wallet=WALLET, after=timedelta(minutes=5))["later"].iloc[0])

    assert mark(NOW) == pytest.approx(0.425)
    assert mark(AT + timedelta(seconds=200)) != mark(AT + timedelta(seconds=200))  # not known yet
