from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from remora.research.discovery import Discovery, discover, ranking
from remora.research.explaining import WalletUnknown, explain
from remora.research.out_of_sample import out_of_sample
from remora.research.report import selection_report
from remora.research.store import ResearchStore
from remora.statistics.scoring_params import ScoringParams
from remora.venues.twin.scenario.model import Scenario
from tests.research.files import MARKET, NOW, OTHER, START, WALLET, imported, market_row, parquet, tape_row
from tests.research.seasons import season_store

PARAMS = ScoringParams(resamples=199)


def found_in(store: ResearchStore, at: datetime, *, waived: bool = False, controls: bool = False) -> Discovery:
    return discover(
        store, as_of=at, params=PARAMS, rng=np.random.default_rng(1), assume_complete=waived, controls=controls
    )


@pytest.fixture(scope="module")
def season(tmp_path_factory: pytest.TempPathFactory) -> tuple[ResearchStore, Scenario]:
    return season_store(tmp_path_factory.mktemp("season"), 1)


def test_only_skilled_wallets_are_chosen_and_everybody_is_accounted_for(
    season: tuple[ResearchStore, Scenario],
) -> None:
    store, truth = season
    found = found_in(store, truth.window_start, controls=True)

    chosen = {place.wallet for place in found.result.roster}
    assert len(chosen) >= 2
    assert chosen <= {wallet.wallet for wallet in truth.wallets if wallet.skilled}
    assert sum(found.result.funnel.values()) == found.wallets
    assert found.wallets + found.not_seen_yet == store.count_wallets()
    assert [row["rank"] for row in ranking(found)][: len(chosen)] == list(range(1, len(chosen) + 1))
    assert found.controls == {"reversed_side": 0, "time_shifted": 0, "permuted_outcomes": 0}


def test_what_comes_later_changes_nothing(season: tuple[ResearchStore, Scenario], tmp_path: Path) -> None:
    store, truth = season
    at = truth.window_start - timedelta(days=20)
    early = store.evidence(as_of=at, latency=PARAMS.latency)
    cut = ResearchStore(tmp_path / "cut")
    rows = early.trades.rename(
        columns={"condition_id": "market", "transaction_hash": "tx", "event_id": "event_slug"}
    )
    rows = rows.assign(ts=(rows["at"] - datetime(1970, 1, 1, tzinfo=UTC)).dt.total_seconds(), kind="TRADE")
    rows["kind"] = rows["side"].where(rows["side"].isin(["MERGE", "SPLIT"]), "TRADE")
    rows.drop(columns=["at", "known_at"]).to_parquet(tmp_path / "tape.parquet")
    closed = early.resolutions
    listed = [
        market_row(market=market, closed_time=known.isoformat(), winner_index=int(payouts[1]))
        for known, market, payouts in zip(closed["at"], closed["condition_id"], closed["payouts"], strict=True)
    ]
    imported(cut, tmp_path / "tape.parquet", complete=True)
    imported(cut, parquet(tmp_path / "markets.parquet", listed))

    whole, truncated = found_in(store, at), found_in(cut, at)
    assert whole.result.roster == truncated.result.roster
    assert whole.result.funnel == truncated.result.funnel


def test_a_partial_history_never_qualifies(season: tuple[ResearchStore, Scenario], tmp_path: Path) -> None:
    _, truth = season
    store = ResearchStore(tmp_path / "part")
    source = season[0].root.parent / "tape.parquet"
    imported(store, source, snapshot_at=datetime(2026, 12, 1, tzinfo=UTC))
    imported(store, season[0].root.parent / "markets.parquet")

    found, waived = found_in(store, truth.window_start), found_in(store, truth.window_start, waived=True)
    assert found.result.funnel["history_incomplete"] == found.wallets
    assert found.result.roster == ()
    assert len(waived.result.roster) >= 2
    assert waived.assumed_complete


def test_wallets_of_every_odd_kind_are_counted(tmp_path: Path) -> None:
    store = ResearchStore(tmp_path / "research")
    odd = [f"0x{number:040x}" for number in range(6)]
    rows = [tape_row(wallet=odd[0])]
    rows += [tape_row(wallet=odd[1], market=f"0x{n:064x}", ts=START + n) for n in range(40)]  # only wins
    rows += [tape_row(wallet=odd[2], market=f"0x{n + 900:064x}", ts=START + n) for n in range(40)]  # only open
    rows += [tape_row(wallet=odd[3], ts=START + n, size=1 + n) for n in range(3000)]  # thousands of fills
    rows += [tape_row(wallet=odd[4], side="SELL")]  # sold what it never bought
    rows += [tape_row(wallet=odd[5], price=float("nan"))]  # nothing that can be used
    imported(store, parquet(tmp_path / "tape.parquet", rows), complete=True)
    imported(store, parquet(tmp_path / "markets.parquet", [market_row(market=f"0x{n:064x}") for n in range(40)]))

    found = found_in(store, NOW)
    gates = {wallet: evidence.gate for wallet, evidence in found.result.evidence.items()}
    assert set(gates) == set(odd[:5])
    assert gates[odd[4]] == "history_incomplete"
    assert {gates[wallet] for wallet in odd[:4]} == {"sample_too_small"}
    assert sum(found.result.funnel.values()) == 5
    assert found.result.evidence[odd[1]].record.wins == 40
    assert found.result.evidence[odd[2]].record.open_events == 40


def test_no_wallets_is_an_answer(tmp_path: Path) -> None:
    found = found_in(ResearchStore(tmp_path / "none"), NOW, controls=True)

    assert found.wallets == 0
    assert sum(found.result.funnel.values()) == 0
    assert "0 of 0 wallets qualify" in selection_report(found, {"groups": [], "purchases": {}})


def test_later_edges_are_those_counted_by_hand(tmp_path: Path) -> None:
    store = ResearchStore(tmp_path / "research")
    day = 86_400
    rows = [
        tape_row(event_slug="old"),
        tape_row(ts=START + 2 * day, market="0x" + "5" * 64, event_slug="old"),  # straddles the date
        tape_row(ts=START + 2 * day, market="0x" + "6" * 64, event_slug="new", price=0.5),
        tape_row(ts=START + 2 * day, market="0x" + "7" * 64, event_slug="newer", price=0.3, outcome_index=1),
        tape_row(ts=START + 3 * day, market="0x" + "8" * 64, event_slug="open", price=0.3),
        tape_row(ts=START + 2 * day, wallet=OTHER, market="0x" + "6" * 64, event_slug="new", price=0.5),
    ]
    imported(store, parquet(tmp_path / "tape.parquet", rows), complete=True)
    closed = datetime.fromtimestamp(START + 9 * day, tz=UTC).isoformat()
    listed = [market_row(market="0x" + digit * 64, closed_time=closed) for digit in "567"]
    imported(store, parquet(tmp_path / "markets.parquet", listed))
    at = datetime.fromtimestamp(START + day, tz=UTC)
    free = ScoringParams(half_spread=0.0, fee_rate=0.0)
    found = discover(store, as_of=at, params=free, rng=np.random.default_rng(0), controls=False)

    groups, fates = out_of_sample(store, found, until=NOW, rng=np.random.default_rng(0))
    everybody = next(group for group in groups if group.group == "everybody seen before")
    assert fates == {
        "purchases_after_the_date": 5,
        "left_out_event_straddles_the_date": 1,
        "positions": 4,
        "positions_not_resolved_yet": 1,
    }
    # only WALLET was seen before: +0.5 in one event, -0.3 in another
    assert (everybody.active, everybody.positions, everybody.events) == (1, 2, 2)
    assert everybody.edge == pytest.approx(0.1)
    assert everybody.low is not None
    assert everybody.low < 0.1
    assert groups[0].edge is None


def test_an_explanation_holds_the_whole_evidence(season: tuple[ResearchStore, Scenario]) -> None:
    store, truth = season
    found = found_in(store, truth.window_start)
    best = found.result.roster[0].wallet

    told = explain(store, found, best, rng=np.random.default_rng(0))
    record = found.result.evidence[best].record
    assert sum(event.outcome == "won" for event in told.events) == record.wins
    assert sum(event.outcome == "open" for event in told.events) == record.open_events
    assert sum(event.pnl_usd or 0.0 for event in told.events) == pytest.approx(record.pnl)
    assert {line.by for line in told.edges} == {"category", "price", "time to the end", "side"}
    assert told.sharpe_interval is not None
    assert told.luck is not None
    assert set(told.mark_outs) == {"5 min", "1 h", "1 d"}
    assert told.standing["why"] == "passed every gate"
    with pytest.raises(WalletUnknown, match="expected a wallet seen by"):
        explain(store, found, "0x" + "99" * 20, rng=np.random.default_rng(0))


def test_an_explanation_takes_the_markets_own_fee_where_it_is_known(tmp_path: Path) -> None:
    store = ResearchStore(tmp_path / "research")
    rows = [
        tape_row(event_slug="own", category="own", fee_rate=0.10),
        tape_row(event_slug="usual", category="usual", fee_rate=None, market="0x" + "5" * 64),
    ]
    imported(store, parquet(tmp_path / "tape.parquet", rows), complete=True)
    imported(store, parquet(tmp_path / "markets.parquet", [market_row(market=row["market"]) for row in rows]))
    found = discover(
        store, as_of=NOW, params=ScoringParams(half_spread=0.0), rng=np.random.default_rng(0), controls=False
    )

    told = explain(store, found, WALLET, rng=np.random.default_rng(0))
    edges = {line.kind: line.edge for line in told.edges if line.by == "category"}
    assert edges == pytest.approx({"own": 1 - 0.4 - 0.10 * 0.24, "usual": 1 - 0.4 - 0.04 * 0.24})


def test_a_wallet_of_one_open_bet_can_be_explained(tmp_path: Path) -> None:
    store = ResearchStore(tmp_path / "research")
    imported(store, parquet(tmp_path / "tape.parquet", [tape_row()]), complete=True)
    told = explain(store, found_in(store, NOW), WALLET, rng=np.random.default_rng(0))

    assert [event.outcome for event in told.events] == ["open"]
    assert (told.luck, told.sharpe_interval, told.edges) == (None, None, ())
    assert told.events[0].event == MARKET
