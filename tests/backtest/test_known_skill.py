"""Where six wallets are known to have skill, following them pays after costs, and no control does."""

from dataclasses import replace

import numpy as np
import pytest

from remora.backtest.controls import random_wallets, reversed_side, shifted
from remora.backtest.history import Floats
from remora.backtest.overfitting import deflated, neighbours, overfitting
from remora.backtest.performance import returns_of
from remora.backtest.rosters import NamedRoster
from remora.backtest.run import prepare, replay
from remora.backtest.scenarios import season_history
from remora.backtest.spec import changed

from .recordings import LIMITS
from .recordings import spec as asked_for

DRAWS = 6
SHIFTS_DAYS = (0.25, 1.0, 3.0)


@pytest.mark.timeout(180)
def test_the_skilled_pay_after_costs_their_controls_do_not_and_neither_luck_nor_the_policy_made_it() -> None:
    history, gifted = season_history(1)
    start, end = history.span
    asked = asked_for(start=start, end=end + 1, whales=tuple(sorted(gifted)), latency="measured")
    case = prepare(asked, history, NamedRoster(gifted), asked.whales, LIMITS, asked.costs())
    found = replay(case, record=False).performance
    controls: dict[str, list[Floats]] = {
        "random wallets": [random_wallets(case, history, gifted, draw).daily for draw in range(DRAWS)],
        "reversed side": [reversed_side(case, history, gifted).daily],
        "time shifted": [shifted(case, days).daily for days in SHIFTS_DAYS],
    }
    policies = [replace(case, limits=changed(LIMITS, policy)) for policy in neighbours()]
    returns = np.array([returns_of(replay(one, record=False).daily, asked.capital) for one in policies]).T
    luck = overfitting(returns, np.random.default_rng(0))
    assert found.sharpe is not None

    assert found.total_return > 0.2
    assert {name: float(np.mean([one.sum() for one in many])) < 0 for name, many in controls.items()} == (
        dict.fromkeys(controls, True)
    )
    assert deflated(found, [found.sharpe])["dsr"] > 0.95
    assert luck["pbo"] < luck["null"]["p5"]
    assert luck["loss_outside"] == 0
