"""The roster's rules on generated seasons, whose skill is known."""

import numpy as np
import pandas as pd
import pytest

from remora.statistics.scoring import score_wallets
from remora.statistics.scoring_params import ScoringParams
from remora.venues.twin.scenario.model import ExternalTrade, Resolved
from remora.venues.twin.scenario.season import season_scenario


@pytest.mark.parametrize("seed", [1, 7])
def test_only_skilled_wallets_of_a_season_are_followed(seed: int) -> None:
    season = season_scenario(seed)
    markets = {market.condition_id: market for market in season.markets}
    trades = pd.DataFrame(
        {
            "at": event.at,
            "wallet": event.wallet,
            "condition_id": event.condition_id,
            "outcome_index": event.outcome_index,
            "event_id": markets[event.condition_id].event_id,
            "side": event.side.value,
            "price": float(event.price),
            "size": float(event.size),
            "fee_rate": float(markets[event.condition_id].fee_rate),
        }
        for event in season.events
        if isinstance(event, ExternalTrade)
    )
    resolutions = [
        {"at": event.at, "condition_id": event.condition_id, "payouts": event.payouts}
        for event in season.events
        if isinstance(event, Resolved)
    ]

    result = score_wallets(
        trades, resolutions, as_of=season.window_start, params=ScoringParams(), rng=np.random.default_rng(1)
    )

    skilled = {truth.wallet for truth in season.wallets if truth.skilled}
    followed = {place.wallet for place in result.roster}
    assert len(followed) >= 2
    assert followed <= skilled
