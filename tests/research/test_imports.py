import math
from pathlib import Path
from typing import Any

import pytest

from remora.research.batches import Batch, Manifest, committed
from remora.research.formats import UnknownFormat
from remora.research.imports import ImportOptions, import_file
from remora.research.store import ResearchStore
from tests.research.files import NOW, START, imported, market_row, parquet, tape_row


@pytest.fixture
def store(tmp_path: Path) -> ResearchStore:
    return ResearchStore(tmp_path / "research")


BAD: list[tuple[str, dict[str, Any]]] = [
    ("price_outside_0_1", {"price": 1.0}),
    ("price_outside_0_1", {"price": -0.2}),
    ("price_not_finite", {"price": math.nan}),
    ("price_not_finite", {"price": math.inf}),
    ("size_not_positive", {"size": 0.0}),
    ("size_not_finite", {"size": math.inf}),
    ("size_not_finite", {"size": math.nan}),
    ("unknown_outcome", {"outcome_index": 7}),
    ("unknown_outcome", {"outcome_index": None}),
    ("unknown_side", {"side": "HOLD"}),
    ("unknown_side", {"side": None}),
    ("no_wallet", {"wallet": ""}),
    ("no_wallet", {"wallet": None}),
    ("no_market", {"market": None}),
    ("bad_time", {"ts": 0}),
    ("bad_time", {"ts": 10**13}),
    ("redeem", {"kind": "REDEEM", "price": 0.0, "side": None}),
    ("not_a_trade", {"kind": "MAKER_REBATE"}),
]


@pytest.mark.parametrize(("reason", "changed"), BAD)
def test_a_row_that_cannot_be_used_is_counted_under_its_reason(
    store: ResearchStore, tmp_path: Path, reason: str, changed: dict[str, Any]
) -> None:
    found = imported(store, parquet(tmp_path / "tape.parquet", [tape_row(), tape_row(**changed)]))

    assert dict(found.manifest.rejected) == {reason: 1}
    assert found.manifest.rows("trades") == 1


def test_merges_and_splits_need_no_price(store: ResearchStore, tmp_path: Path) -> None:
    rows = [tape_row(kind=kind, side=None, price=0.0, outcome_index=None) for kind in ("MERGE", "SPLIT")]
    imported(store, parquet(tmp_path / "tape.parquet", rows))

    assert sorted(store.evidence(as_of=NOW).trades["side"]) == ["MERGE", "SPLIT"]


def test_the_same_file_is_imported_once(store: ResearchStore, tmp_path: Path) -> None:
    path = parquet(tmp_path / "tape.parquet", [tape_row()])
    first, second = imported(store, path), imported(store, path)

    assert (first.repeated, second.repeated) == (False, True)
    assert len(list(committed(store.root))) == 1


def test_an_interrupted_import_is_invisible_and_goes_on(store: ResearchStore, tmp_path: Path) -> None:
    rows = [tape_row(ts=START + second) for second in range(250_000)]
    path = parquet(tmp_path / "tape.parquet", rows)
    read: list[int] = []

    def interrupted(done: int, _total: int) -> None:
        read.append(done)
        if done >= 200_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_file(store, path, ImportOptions(), now=NOW, progress=interrupted)

    assert len(store.evidence(as_of=NOW).trades) == 0
    assert list(committed(store.root)) == []
    first = {p.name: p.stat().st_mtime_ns for p in (store.root / "trades").glob("*.parquet")}
    imported(store, path)
    assert len(store.evidence(as_of=NOW).trades) == 250_000
    # what was done before the interruption was not done again
    assert {
        p.name: p.stat().st_mtime_ns for p in (store.root / "trades").glob("*.parquet")
    }.items() >= first.items()
    assert len(first) == 2


def test_results_without_a_time_are_known_when_the_file_was_taken(store: ResearchStore, tmp_path: Path) -> None:
    rows = [market_row(closed_time=None), market_row(market="0x" + "3" * 64)]
    found = imported(store, parquet(tmp_path / "markets.parquet", rows))

    assert found.manifest.notes["resolved_at_unknown_time"] == 1
    at = store.evidence(as_of=NOW).resolutions["at"]
    assert at.nunique() == 1  # the newest time that the file mentions


def test_an_event_can_cluster_all_markets_of_a_file(store: ResearchStore, tmp_path: Path) -> None:
    rows = [tape_row(market=f"0x{number:064x}") for number in (1, 2, 3)]
    imported(store, parquet(tmp_path / "tape.parquet", rows), event="midterms")

    assert store.evidence(as_of=NOW).trades["event_id"].unique().tolist() == ["midterms"]


def test_a_file_of_another_kind_is_refused(store: ResearchStore, tmp_path: Path) -> None:
    text = tmp_path / "not.parquet"
    text.write_text("hello")
    with pytest.raises(UnknownFormat, match="expected a Parquet file"):
        imported(store, text)
    with pytest.raises(UnknownFormat, match="expected the columns of one kind"):
        imported(store, parquet(tmp_path / "other.parquet", [{"a": 1}]))


def test_an_empty_file_is_imported(store: ResearchStore, tmp_path: Path) -> None:
    import pandas as pd

    path = tmp_path / "none.parquet"
    pd.DataFrame([tape_row()]).iloc[:0].to_parquet(path)
    found = imported(store, path)

    assert found.manifest.parts == {}
    assert len(store.evidence(as_of=NOW).trades) == 0


def test_a_manifest_survives_a_round_trip(tmp_path: Path) -> None:
    batch = Batch.begin(tmp_path, "one", source="here", started_at="then")
    batch.manifest.rejected.update({"bad_time": 2})
    batch.manifest.marks["chunks"] = 3
    batch.save()

    assert Batch.begin(tmp_path, "one", source="elsewhere", started_at="now").manifest == batch.manifest
    assert Manifest.read(tmp_path / "batches" / "one.open.json").rejected["bad_time"] == 2
