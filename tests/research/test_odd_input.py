"""Odd input never crashes and is never dropped in silence: each kind is counted, and named in the report."""

import math
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remora.cli.main import run
from remora.research.checking import check_store
from remora.research.discovery import Discovery, discover
from remora.research.report import selection_report
from remora.research.store import ResearchStore
from remora.statistics.scoring_params import ScoringParams
from tests.research.files import MARKET, NOW, OTHER, SECOND, START, WALLET, imported, market_row, parquet, tape_row
from tests.research.test_pulling import Recorded, pulled, trade

DAY = 86_400
FREE = ScoringParams(half_spread=0.0, fee_rate=0.0)


@pytest.fixture
def store(tmp_path: Path) -> ResearchStore:
    return ResearchStore(tmp_path / "research")


def chosen(store: ResearchStore) -> Discovery:
    found = discover(store, as_of=NOW, params=FREE, rng=np.random.default_rng(0), controls=False)
    # whatever there is: every wallet leaves at one gate
    assert sum(found.result.funnel.values()) == found.wallets
    return found


def reported(store: ResearchStore, found: Discovery) -> str:
    return selection_report(found, {"groups": [], "purchases": {}}, None, check_store(store, now=NOW).oddities)


def iso(second: int) -> str:
    return datetime.fromtimestamp(second, tz=UTC).isoformat()


def test_a_market_that_pays_both_sides_is_scored_and_counted(store: ResearchStore, tmp_path: Path) -> None:
    imported(store, parquet(tmp_path / "tape.parquet", [tape_row(price=0.4)]), complete=True)
    row = market_row(winner_index=None, payout_first=0.5)
    done = imported(store, parquet(tmp_path / "markets.parquet", [row]))
    found = chosen(store)

    assert (done.manifest.notes["payout_split"], done.manifest.notes["not_resolved"]) == (1, 0)
    record = found.result.evidence[WALLET].record
    assert (record.closed_events, record.wins) == (1, 1)
    assert record.pnl == pytest.approx(100 * (0.5 - 0.4))
    assert check_store(store, now=NOW).split_results == 1
    assert "markets that paid both sides, such as 50/50" in reported(store, found)


async def test_a_voided_market_pays_half_for_everything(store: ResearchStore) -> None:
    await pulled(store, Recorded({WALLET: [[trade(0, price=0.7)]]}))  # its results are 50/50
    found = chosen(store)

    record = found.result.evidence[WALLET].record
    assert (record.closed_events, record.wins) == (1, 0)
    assert record.pnl < 0
    assert check_store(store, now=NOW).split_results == 1


@pytest.mark.parametrize(
    "result",
    [
        {"payout_first": math.nan, "winner_index": 7},
        {"payout_first": 1.5, "winner_index": 0},
        {"payout_first": -0.5, "winner_index": None},
        {"payout_first": math.inf, "winner_index": 1},
        {"payout_first": None, "winner_index": -1},
    ],
)
def test_a_result_that_is_none_leaves_the_market_open_and_is_counted(
    store: ResearchStore, tmp_path: Path, result: dict[str, Any]
) -> None:
    imported(store, parquet(tmp_path / "tape.parquet", [tape_row()]), complete=True)
    fine = market_row(market=SECOND, payout_first=1.0)
    done = imported(store, parquet(tmp_path / "markets.parquet", [market_row(**result), fine]))
    found = chosen(store)

    assert done.manifest.notes["result_unusable"] == 1
    assert found.result.evidence[WALLET].record.open_events == 1
    assert "kept, noted: result_unusable" in reported(store, found)


def test_a_market_resolved_again_counts_by_its_newest_result_and_is_named(
    store: ResearchStore, tmp_path: Path
) -> None:
    imported(store, parquet(tmp_path / "tape.parquet", [tape_row()]), complete=True)
    rows = [market_row(winner_index=0), market_row(winner_index=1, closed_time=iso(START + 5 * DAY))]
    imported(store, parquet(tmp_path / "markets.parquet", rows))

    early = discover(
        store,
        as_of=datetime.fromtimestamp(START + 2 * DAY, tz=UTC),
        params=FREE,
        rng=np.random.default_rng(0),
        controls=False,
    )
    found = chosen(store)
    assert (early.result.evidence[WALLET].record.wins, found.result.evidence[WALLET].record.wins) == (1, 0)
    assert "markets resolved more than once and differently" in reported(store, found)


async def test_overlapping_pages_and_files_count_a_trade_once_and_say_how_often(
    store: ResearchStore, tmp_path: Path
) -> None:
    pages = [[trade(0), trade(5), trade(9)], [trade(5), trade(9), trade(12)]]
    await pulled(store, Recorded({WALLET: pages}))
    rows = [tape_row(ts=START + second, size=10.0, tx=f"0x{second}") for second in (9, 12, 20)]
    imported(store, parquet(tmp_path / "again.parquet", rows), complete=True)
    found = chosen(store)

    assert len(found.evidence.trades) == 5
    assert check_store(store, now=NOW).repeated == 2
    page = reported(store, found)
    assert "kept, noted: repeated_by_pages</td><td>2<" in page
    assert "trades that several batches report, counted once</td><td>2<" in page


async def test_trades_outside_of_their_markets_life_are_left_out_and_named(store: ResearchStore) -> None:
    # listed a day before START, settled a day after it
    pages = [[trade(-2 * DAY), trade(0), trade(2 * DAY)]]
    await pulled(store, Recorded({WALLET: pages}))
    found = chosen(store)

    assert found.left_out == {"before_market_opened": 1, "after_resolution": 1, "unusable": 0}
    assert len(found.evidence.trades) == 1
    page = reported(store, found)
    for flaw in ("before_market_opened", "after_resolution"):
        assert f"trades not used here: {flaw}</td><td>1<" in page
        assert f"trades that contradict their market: {flaw}</td><td>1<" in page


def test_prices_of_the_market_maker_era_are_used_and_noted(store: ResearchStore, tmp_path: Path) -> None:
    then = int(datetime(2022, 6, 1, tzinfo=UTC).timestamp())
    # dollars over shares with the fee in it: no tick, and up to 2 % above what the other side adds up to
    rows = [
        tape_row(ts=then, price=0.4081632653, tx=None),
        tape_row(ts=then + 60, price=0.6122448980, outcome_index=1),
    ]
    imported(store, parquet(tmp_path / "tape.parquet", rows), complete=True)
    imported(store, parquet(tmp_path / "markets.parquet", [market_row(closed_time=iso(then + DAY))]))
    found = chosen(store)

    assert len(found.evidence.trades) == 2
    assert found.result.evidence[WALLET].record.closed_events == 1
    page = reported(store, found)
    assert "kept, noted: amm_era</td><td>2<" in page
    assert "kept, noted: without_transaction</td><td>1<" in page


def test_no_wallets_and_nothing_but_rubbish_are_answers(store: ResearchStore, tmp_path: Path) -> None:
    assert "<p>Nothing.</p>" in reported(store, chosen(store))
    rubbish = [tape_row(price=math.nan), tape_row(size=math.inf), tape_row(wallet=None)]
    imported(store, parquet(tmp_path / "tape.parquet", rubbish), complete=True)
    found = chosen(store)

    assert found.wallets == 0
    page = reported(store, found)
    for reason in ("price_not_finite", "size_not_finite", "no_wallet"):
        assert f"left out when read: {reason}</td><td>1<" in page


odd_row = st.fixed_dictionaries(
    {},
    optional={
        "ts": st.sampled_from([START - 3 * DAY, START, START, START + 2 * DAY, 0, -5, 10**13]),
        "wallet": st.sampled_from([WALLET, OTHER, "", None]),
        "market": st.sampled_from([MARKET, SECOND, None]),
        "outcome_index": st.sampled_from([0, 1, 7, None]),
        "side": st.sampled_from(["BUY", "SELL", "buy", "HOLD", None]),
        "price": st.sampled_from([0.4, 0.999, 0.0, 1.0, -1.0, math.nan, math.inf]),
        "size": st.sampled_from([1.0, 1e-9, 0.0, -3.0, math.nan, math.inf, 1e15]),
        "kind": st.sampled_from(["TRADE", "MERGE", "SPLIT", "REDEEM", "REWARD", None]),
        "tx": st.sampled_from(["0xaa", "0xbb", None]),
    },
)


@settings(deadline=None, max_examples=10)
@given(first=st.lists(odd_row, min_size=1, max_size=25), second=st.lists(odd_row, min_size=1, max_size=25))
def test_every_row_is_used_or_counted(first: list[dict[str, Any]], second: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, store = Path(name), ResearchStore(Path(name) / "research")
        for number, rows in enumerate((first, second)):
            path = parquet(
                folder / f"{number}.parquet", [tape_row(ts=START + number), *(tape_row(**row) for row in rows)]
            )
            imported(store, path, complete=True, snapshot_at=NOW - timedelta(days=1))
        imported(store, parquet(folder / "markets.parquet", [market_row(), market_row(market=SECOND)]))
        found, check = chosen(store), check_store(store, now=NOW)

    used = len(found.evidence.trades)
    kept_out = sum(check.rejected.values()) + check.repeated + sum(found.evidence.left_out.values())
    assert used + kept_out == len(first) + len(second) + 2
    assert sum(check.flaws.values()) == sum(found.evidence.left_out.values())
    assert set(found.result.evidence) == set(found.evidence.wallets)


def test_the_command_names_them_too(
    store: ResearchStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [tape_row(), tape_row(ts=START + 2 * DAY), tape_row(price=math.inf)]
    imported(store, parquet(tmp_path / "tape.parquet", rows), complete=True)
    imported(store, parquet(tmp_path / "markets.parquet", [market_row()]))
    page = tmp_path / "report.html"
    assert run(["discover", "--store", str(store.root), "--report", str(page), "--no-controls", "--no-later"]) == 0
    told = " ".join(capsys.readouterr().out.split())

    assert "left out when read: price_not_finite 1" in told
    assert "trades that contradict their market: after_resolution 1" in told
    assert "price_not_finite" in page.read_text()
