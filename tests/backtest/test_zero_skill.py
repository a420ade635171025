"""Where nobody has skill, the deflated Sharpe ratio says so: it is seldom above 0.95."""

import pytest

from remora.backtest.overfitting import deflated
from remora.backtest.rosters import NamedRoster
from remora.backtest.run import prepare, replay
from remora.backtest.scenarios import season_history

from .recordings import LIMITS
from .recordings import spec as asked_for

FIRST = 1000
SEASONS, REDUCED = 200, 2
SHARE_MAX = 0.05


def dsr(seed: int) -> float:
    """Return the deflated Sharpe ratio of following by name those who would have had skill; 0 without a value."""
    history, gifted = season_history(seed, skilled=False)
    start, end = history.span
    asked = asked_for(start=start, end=end + 1, whales=tuple(sorted(gifted)), latency="measured")
    roster = NamedRoster(frozenset(asked.whales))
    found = replay(prepare(asked, history, roster, asked.whales, LIMITS, asked.costs()), record=False).performance
    assert found.sharpe is not None, f"season {seed} traded nothing: it would show nothing"
    value = deflated(found, [found.sharpe])["dsr"]
    return 0.0 if value is None else float(value)


@pytest.mark.parametrize(
    "seasons", [REDUCED, pytest.param(SEASONS, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])]
)
def test_at_most_one_season_in_twenty_passes_by_luck(seasons: int) -> None:
    passed = [seed for seed in range(FIRST, FIRST + seasons) if dsr(seed) > 0.95]

    assert len(passed) <= SHARE_MAX * seasons
