"""What a report's numbers are taken to say."""

from typing import Any

import pytest

from remora.backtest.verdict import SPLITS_MIN, overfit


@pytest.mark.parametrize(
    ("found", "passed"),
    [
        ({"pbo": 0.1, "loss_outside": 0.9, "splits": 2}, True),
        ({"pbo": 0.7, "loss_outside": 0.0, "splits": SPLITS_MIN}, True),
        ({"pbo": 0.7, "loss_outside": 0.06, "splits": SPLITS_MIN}, False),
        ({"pbo": 0.7, "loss_outside": 0.0, "splits": SPLITS_MIN - 1}, False),
        ({"pbo": None, "why_not": "too little moved"}, None),
    ],
)
def test_a_policy_that_was_chosen_by_luck_is_minded_unless_it_pays_outside(
    found: dict[str, Any], *, passed: bool | None
) -> None:
    question = overfit({"policies": 18, "null": {}} | found)

    assert question.passed is passed
