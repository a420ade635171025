"""Removing everything that happened after an instant changes no decision before it."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remora.backtest.costs import FillLevel
from remora.backtest.history import History
from remora.backtest.outcome import Decided
from remora.backtest.rosters import NamedRoster, WalkForwardRoster
from remora.backtest.run import prepare, replay
from remora.backtest.scenarios import season_history
from remora.backtest.selecting import _table, training, walk_forward
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
