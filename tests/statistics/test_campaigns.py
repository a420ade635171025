"""Net exposure of a wallet in a market, at a copier's prices."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.statistics.campaigns import Campaign, campaigns
from remora.statistics.scoring_params import ScoringParams
from remora.statistics.scoring_table import ScoredTrade, trade_table

START = datetime(2026, 1, 1, tzinfo=UTC)
LATER = START + timedelta(days=30)
FREE = ScoringParams(half_spread=0.0, fee_rate=0.0)
PRICED = ScoringParams(half_spread=0.01, fee_rate=0.05, stake_usd=0.0)


def trade(hour: float, side: str, outcome: int, price: float, size: float, market: str = "m") -> ScoredTrade:
    return ScoredTrade(
        at=START + timedelta(hours=hour),
        wallet="0xa",
        condition_id=market,
        outcome_index=outcome,
        event_id="e",
        side=side,
        price=price,
        size=size,
    )


def campaign(*trades: ScoredTrade, params: ScoringParams = FREE, payout: float | None = None) -> Campaign:
    resolved = {} if payout is None else {"m": (payout, 1 - payout, (START + timedelta(days=2)).timestamp())}
    table = trade_table(trades, as_of=LATER, fee_rate=params.fee_rate)
    (found,) = campaigns(table, resolved, params)
    return found


def test_a_purchase_held_to_resolution_is_worth_its_payout() -> None:
    found = campaign(trade(0, "BUY", 0, 0.4, 100), payout=1.0)

    assert (found.cost, found.value, found.stake, found.held) == pytest.approx((40, 100, 40, 100))
    assert found.closed_at == (START + timedelta(days=2)).timestamp()
    assert found.durations == [48 * 3600.0]


def test_a_copier_pays_spread_and_fee_on_both_ways() -> None:
    found = campaign(trade(0, "BUY", 0, 0.49, 100), trade(1, "SELL", 0, 0.61, 100), params=PRICED)

    assert found.cost == pytest.approx(100 * (0.50 + 0.05 * 0.25))
    assert found.value == pytest.approx(100 * (0.60 - 0.05 * 0.24))


def test_without_resolution_a_holding_is_open() -> None:
    assert campaign(trade(0, "BUY", 0, 0.4, 100)).closed_at is None
    assert campaign(trade(0, "BUY", 0, 0.4, 100), trade(1, "SELL", 0, 0.5, 99.995)).closed_at is not None


def test_a_purchase_of_the_opposite_outcome_is_a_sale() -> None:
    bought = campaign(trade(0, "BUY", 0, 0.4, 100), trade(1, "BUY", 1, 0.45, 100), trade(2, "MERGE", 0, 0.5, 100))
    sold = campaign(trade(0, "BUY", 0, 0.4, 100), trade(1, "SELL", 0, 0.55, 100))

    assert (bought.cost, bought.value) == pytest.approx((sold.cost, sold.value))
    assert bought.closed_at is not None
    assert bought.complete


def test_an_excess_of_the_opposite_outcome_turns_the_exposure() -> None:
    found = campaign(trade(0, "BUY", 0, 0.4, 100), trade(1, "BUY", 1, 0.45, 150), payout=0.0)

    assert found.cost == pytest.approx(40 + 50 * 0.45)
    assert found.value == pytest.approx(100 * 0.55 + 50)


def test_the_stake_is_the_most_invested_at_once() -> None:
    found = campaign(
        trade(0, "BUY", 0, 0.5, 100),
        trade(1, "SELL", 0, 0.6, 100),
        trade(2, "BUY", 0, 0.7, 100),
        payout=0.5,
    )

    assert found.stake == pytest.approx(70)
    assert found.value - found.cost == pytest.approx(10 - 20)


@pytest.mark.parametrize(
    ("trades", "complete"),
    [
        ([trade(0, "SELL", 0, 0.5, 100)], False),
        ([trade(0, "BUY", 0, 0.5, 50), trade(1, "SELL", 0, 0.5, 100)], False),
        ([trade(0, "SPLIT", 0, 0.5, 100), trade(1, "SELL", 0, 0.5, 100)], True),
        ([trade(0, "BUY", 0, 0.5, 100), trade(1, "MERGE", 0, 0.5, 100), trade(2, "SELL", 0, 0.5, 100)], False),
        ([trade(0, "BUY", 0, 0.5, 100), trade(1, "SELL", 0, 0.5, 100.5)], True),
    ],
)
def test_selling_what_was_never_seen_bought_makes_the_history_incomplete(
    trades: list[ScoredTrade], complete: bool
) -> None:
    assert campaign(*trades).complete is complete


def test_each_market_is_its_own_campaign() -> None:
    table = trade_table(
        [trade(0, "BUY", 0, 0.5, 1, "b"), trade(1, "BUY", 0, 0.5, 1, "a"), trade(2, "BUY", 0, 0.5, 1, "b")],
        as_of=LATER,
        fee_rate=0.0,
    )

    assert [found.trades for found in campaigns(table, {}, FREE)] == [1, 2]


rows = st.lists(
    st.tuples(
        st.sampled_from(["BUY", "SELL"]),
        st.sampled_from([0, 1]),
        st.floats(0.02, 0.98),
        st.floats(0.1, 1000),
    ),
    min_size=1,
    max_size=15,
)


@given(drawn=rows, payout=st.sampled_from([0.0, 0.5, 1.0]))
def test_without_costs_profit_equals_the_wallets_cash(
    drawn: list[tuple[str, int, float, float]], payout: float
) -> None:
    found = campaign(*(trade(hour, *row) for hour, row in enumerate(drawn)), payout=payout)
    cash, shares = 0.0, [0.0, 0.0]
    for side, outcome, price, size in drawn:
        sign = 1 if side == "BUY" else -1
        cash -= sign * price * size
        shares[outcome] += sign * size
    worth = cash + shares[0] * payout + shares[1] * (1 - payout)

    # below a hundredth of a share a remainder counts as nothing
    assert found.value - found.cost == pytest.approx(worth, abs=0.011)


@given(drawn=rows, payout=st.sampled_from([0.0, 0.5, 1.0]), half_spread=st.floats(0, 0.02), fee=st.floats(0, 0.1))
def test_costs_never_help(
    drawn: list[tuple[str, int, float, float]], payout: float, half_spread: float, fee: float
) -> None:
    trades = [trade(hour, *row) for hour, row in enumerate(drawn)]
    free = campaign(*trades, payout=payout)
    paid = campaign(*trades, payout=payout, params=ScoringParams(half_spread=half_spread, fee_rate=fee))

    assert paid.value - paid.cost <= free.value - free.cost + 1e-6
