"""Removing everything that happened after an instant changes no decision before it."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from remora.backtest.costs import FillLevel
from remora.backtest.history import History
from remora.backtest.outcome import Decided
from remora.backtest.rosters import NamedRoster, WalkForwardRoster
from remora.backtest.run import prepare, replay
from remora.backtest.scenarios import season_history
from remora.backtest.selecting import _table, training, walk_forward
from remora.backtest.sources import read_history
from remora.backtest.spec import Spec
from remora.domain.limits import Limits
from remora.statistics.scoring_params import ScoringParams

from .recordings import DAY, LIMITS, START, recordings, spec


def decisions(
    history: History, asked: Spec, roster: NamedRoster | WalkForwardRoster, limits: Limits
) -> list[Decided]:
    made = replay(prepare(asked, history, roster, frozenset(roster.wallets), limits, asked.costs()))
    return made.outcome.decisions


@settings(max_examples=60, deadline=None)
@given(
    history=recordings(),
    after=st.floats(0.0, 12 * DAY),
    level=st.sampled_from(list(FillLevel)),
    latency=st.sampled_from(["0", "2", "measured"]),
    seed=st.integers(0, 2),
)
def test_what_comes_later_changes_no_decision(
    history: History, after: float, level: FillLevel, latency: str, seed: int
) -> None:
    asked = spec(fills=level.value, latency=latency, seed=seed, capital=200.0)
    cut = START + after
    roster = NamedRoster(frozenset(history.wallets[:3]))
    limits = replace(LIMITS, unproven_share=Decimal("0.05"), position_share=Decimal("0.10"))

    known = history.until(cut)
    whole = [made for made in decisions(history, asked, roster, limits) if made.at <= cut]
    truncated = [made for made in decisions(known, asked, roster, limits) if made.at <= cut]

    assert truncated == whole


@pytest.fixture(scope="module")
def season() -> History:
    return season_history(1)[0]


def test_selection_and_its_decisions_do_not_know_the_rest_of_a_season(season: History) -> None:
    start, end = season.span
    cut = datetime(2026, 2, 25, tzinfo=UTC).timestamp()
    asked = Spec(start=cut - 10 * DAY, end=end, select=True, rescore_days=5.0)
    limits = Limits(volume_24h_min_usd=Decimal(0))
    found: list[list[Decided]] = []
    editions = []
    for history in (season, season.until(cut)):
        roster = walk_forward(history, asked, ScoringParams(), told=lambda _done, _total: None)
        editions.append([edition for edition in roster.editions if edition.at <= cut])
        found.append([made for made in decisions(history, asked, roster, limits) if made.at <= cut])

    assert editions[0] == editions[1]
    assert editions[0][-1].edges, "nobody is followed: the test would show nothing"
    assert found[0] == found[1]
    assert found[0]
    assert start < asked.start


def test_an_event_is_evidence_or_traded_never_both(season: History) -> None:
    cut = datetime(2026, 2, 1, tzinfo=UTC).timestamp()
    seen = training(season, _table(season), cut)
    later = season.prints.take(season.prints.at > cut)
    traded_later = {season.listings[code].event for code in np.unique(later.market)}

    assert len(seen.trades) > 5_000
    assert not set(seen.trades["event_id"]) & traded_later


def test_wallets_that_never_trade_again_stay_in_the_universe(season: History) -> None:
    cut = datetime(2026, 2, 1, tzinfo=UTC).timestamp()
    prints = season.prints
    gone = prints.wallet[0]
    dormant = replace(season, prints=prints.take(~((prints.at > cut - 30 * DAY) & (prints.wallet == gone))))
    seen = training(dormant, _table(dormant), cut)

    assert season.wallets[gone] in set(seen.trades["wallet"])


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), market=st.integers(0, 2), earlier=st.sampled_from([1.0, 1800.0, DAY]))
@example(seed=9424, market=2, earlier=DAY)  # a purchase that turned out to be the last trade of its market
def test_a_file_that_stops_earlier_gives_the_same_decisions_until_then(
    tmp_path_factory: pytest.TempPathFactory, seed: int, market: int, earlier: float
) -> None:
    rows = _tape(seed)
    cut = max(row["ts"] for row in rows if row["market"] == f"m{market}") - earlier
    directory = tmp_path_factory.mktemp("tapes")
    whole = read_history([_written(directory / "whole.parquet", rows)])
    results = {listing.key: listing.resolved_at for listing in whole.listings}
    known = [
        row if results[row["market"]] <= cut else {**row, "winner_index": None} for row in rows if row["ts"] <= cut
    ]
    cut_off = read_history([_written(directory / "part.parquet", known)])
    limits = replace(LIMITS, unproven_share=Decimal("0.05"), volume_24h_min_usd=Decimal(0))
    roster = NamedRoster(frozenset(whole.wallets[:2]))
    asked = spec(fills=FillLevel.OPTIMISTIC.value, latency="2", capital=500.0)

    expected = [made for made in decisions(whole, asked, roster, limits) if made.at <= cut]
    assert [made for made in decisions(cut_off, asked, roster, limits) if made.at <= cut] == expected


def test_silence_and_a_known_winner_do_not_end_a_market_before_its_end(tmp_path: Path) -> None:
    rows = [row | {"end_at": START + 30 * DAY} for row in _tape(1)]
    history = read_history([_written(tmp_path / "tape.parquet", rows)])
    last = {code: float(history.prints.at[history.prints.market == code].max()) for code in range(3)}

    for code, listing in enumerate(history.listings):
        assert listing.resolved_at >= START + 30 * DAY
        assert listing.proposed_at > last[code]


def _tape(seed: int) -> list[dict[str, Any]]:
    """Return ten days of three markets by four wallets, each market scheduled to end on another day."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = [
        {
            "ts": START + 60.0 + float(rng.integers(0, int(10 * DAY - 120))),
            "wallet": f"0x{int(rng.integers(1, 5)):040x}",
            "market": f"m{rng.integers(0, 3)}",
            "outcome_index": int(rng.integers(0, 2)),
            "side": "BUY" if rng.random() < 0.8 else "SELL",
            "price": float(rng.integers(30, 70)) / 100,
            "size": 500.0,
        }
        for _ in range(120)
    ]
    ends = {f"m{n}": START + float(rng.uniform(2, 10)) * DAY for n in range(3)}
    winners = {f"m{n}": int(rng.integers(0, 2)) for n in range(3)}
    # the venue prints nothing once a market is over
    rows = [row for row in rows if row["ts"] < ends[row["market"]]]
    rows = [{**row, "end_at": ends[row["market"]], "winner_index": winners[row["market"]]} for row in rows]
    return sorted(rows, key=lambda row: row["ts"])


def _written(path: Path, rows: list[dict[str, Any]]) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path
