"""The learned model in a replay: judged point-in-time with each edition, used only where it truly wins."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from remora.backtest.history import BUY, TRADE, History, Listing, Prints, winner_payouts
from remora.backtest.outcome import Decided
from remora.backtest.rosters import WalkForwardRoster
from remora.backtest.run import prepare, replay
from remora.backtest.selecting import walk_forward
from remora.backtest.spec import Spec
from remora.domain.chance import UNJUDGED, ChanceSource
from remora.domain.decide import Copy, Skip
from remora.domain.reasons import SkipReason
from remora.statistics.scoring_params import ScoringParams
from tests.research.biased import biased_rows, wallet
from tests.research.files import START as FROM

from .recordings import DAY, HOUR, LIMITS, START, listing, recording

FOLLOWED_FROM = FROM + 180 * DAY


@pytest.fixture(scope="module")
def biased() -> History:
    rows = biased_rows()
    count = len(rows)
    listings: list[Listing] = [
        listing(
            number,
            category=row["category"].lower(),
            listed_at=row["ts"] - DAY,
            end_at=row["closed"] + DAY,
            proposed_at=row["closed"] - 3600,
            closed_at=row["closed"],
            resolved_at=row["closed"],
            payouts=winner_payouts(int(row["winner_index"])),
        )
        for number, row in enumerate(rows.to_dict("records"))
    ]
    names = sorted(rows["wallet"].unique())
    return History(
        name="biased",
        wallets=names,
        listings=listings,
        prints=Prints(
            at=rows["ts"].to_numpy(float),
            wallet=np.searchsorted(names, rows["wallet"]).astype(np.int32),
            market=np.arange(count, dtype=np.int32),
            outcome=np.zeros(count, np.int8),
            side=np.full(count, BUY, np.int8),
            price=rows["price"].to_numpy(float),
            size=rows["size"].to_numpy(float),
            kind=np.full(count, TRADE, np.int8),
        ),
    )


def decided(history: History, asked: Spec, roster: WalkForwardRoster) -> list[Decided]:
    return replay(prepare(asked, history, roster, roster.wallets, LIMITS, asked.costs())).outcome.decisions


def test_where_the_model_truly_wins_it_sizes_the_stakes(biased: History) -> None:
    asked = Spec(start=FOLLOWED_FROM, end=FROM + 201 * DAY, select=True, rescore_days=60.0)
    roster = walk_forward(biased, asked, ScoringParams(resamples=199), told=lambda _done, _total: None)
    (edition,) = roster.editions
    assert set(edition.edges) <= {wallet(number) for number in range(20, 30)}
    assert edition.learned.model is not None
    assert edition.learned.why.startswith("used because it beats the baseline")
    assert {name for name, _ in edition.learned.model.skills} <= set(edition.edges)

    without = WalkForwardRoster([replace(edition, learned=UNJUDGED)])
    ours, plain = decided(biased, asked, roster), decided(biased, asked, without)
    copies = {made.key: made.terms for made in ours if isinstance(made.terms, Copy)}
    before = {made.key: made.terms for made in plain if isinstance(made.terms, Copy)}
    assert copies
    assert {copy.probability_source for copy in copies.values()} == {ChanceSource.LEARNED_MODEL}
    assert {copy.probability_source for copy in before.values()} == {ChanceSource.SHRUNK_EDGE}
    assert any(copies[key].notional != before[key].notional for key in copies if key in before)
    # the dear category is bought no more: by the wallet's mean edge alone it was
    refused = [
        made.terms for made in ours if isinstance(made.terms, Skip) and made.terms.reason is SkipReason.NO_EDGE
    ]
    assert refused
    assert all("learned_model" in skip.detail for skip in refused)
    dear = {made.key for made in ours if biased.listings[made.market].category == "politics"}
    assert not dear & set(copies)
    assert dear & set(before)


def test_a_later_result_does_not_change_what_an_edition_learned(biased: History) -> None:
    asked = Spec(start=FOLLOWED_FROM, end=FOLLOWED_FROM + DAY, select=True, rescore_days=60.0)
    params = ScoringParams(resamples=199)
    whole = walk_forward(biased, asked, params, told=lambda _done, _total: None)
    cut = walk_forward(biased.until(FOLLOWED_FROM), asked, params, told=lambda _done, _total: None)

    assert whole.editions == cut.editions


def test_where_nobody_qualifies_nothing_is_learned() -> None:
    history = recording([(HOUR, 0, 0, 0, BUY, 0.5, 10.0), (2 * HOUR, 1, 0, 1, BUY, 0.5, 10.0)])
    asked = Spec(start=START, end=START + 10 * DAY, select=True)
    roster = walk_forward(history, asked, ScoringParams(), told=lambda _done, _total: None)

    assert Counter(edition.learned.why for edition in roster.editions).keys() <= {
        "not used because nobody qualifies",
        UNJUDGED.why,
    }
