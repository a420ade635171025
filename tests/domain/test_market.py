"""Outcomes and payouts of a market."""

import pytest

from remora.domain.ids import TokenId
from tests.domain.values import OTHER_TOKEN, TOKEN, d, market


def test_the_outcomes_are_each_others_opposites() -> None:
    assert market().opposite(TOKEN) == OTHER_TOKEN
    assert market().opposite(OTHER_TOKEN) == TOKEN


def test_a_foreign_token_is_an_error() -> None:
    with pytest.raises(ValueError, match="does not belong"):
        market().outcome_index(TokenId("9"))


def test_a_tie_pays_half_on_both_sides() -> None:
    tie = market(payouts=(d("0.5"), d("0.5")))

    assert tie.payout(TOKEN) == tie.payout(OTHER_TOKEN) == d("0.5")
    assert market().payout(TOKEN) is None
