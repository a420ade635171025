"""Bursts of trades and the signals made of them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from remora.detection.aggregator import Aggregator
from remora.domain.ids import ConditionId, TokenId, WalletAddress
from remora.domain.money import Side
from remora.domain.trades import Signal, TradeSource, WhaleTrade

START = datetime(2026, 1, 1, tzinfo=UTC)


def make(number: int, *, side: Side, token: int, price: int, size: int) -> WhaleTrade:
    """Return a trade."""
    return WhaleTrade(
        key=f"k{number}",
        whale=WalletAddress("0x" + "1" * 40),
        token_id=TokenId(str(token)),
        condition_id=ConditionId("0x" + "2" * 64),
        side=side,
        price=Decimal(price) / 100,
        size=Decimal(size),
        happened_at=START + timedelta(seconds=number),
        seen_at=START + timedelta(seconds=number),
        source=TradeSource.RTDS,
        transaction_hash=f"0x{number:064x}",
    )


TRADES = st.lists(
    st.tuples(
        st.sampled_from(Side),
        st.integers(1, 3),
        st.integers(1, 99),
        st.integers(1, 1000),
        st.floats(0, 0.01),
    ),
    max_size=30,
)


@given(TRADES)
def test_nothing_is_lost_added_or_reordered(rows: list[tuple[Side, int, int, int, float]]) -> None:
    aggregator = Aggregator(window=0.005, burst_max=5)
    trades = [
        make(i, side=side, token=token, price=price, size=size)
        for i, (side, token, price, size, _) in enumerate(rows)
    ]
    signals: list[Signal] = []
    now = 0.0
    for trade, row in zip(trades, rows, strict=True):
        now += row[-1]
        signals += aggregator.due(now)
        ended = aggregator.add(trade, now)
        signals += [] if ended is None else [ended]
    signals += aggregator.flush()

    assert sorted(key for s in signals for key in s.trade_keys) == sorted(t.key for t in trades)
    assert sum(s.size for s in signals) == sum(t.size for t in trades)
    value = sum((t.price * t.size for t in trades), Decimal(0))
    kept = sum((s.price * s.size for s in signals), Decimal(0))
    assert abs(value - kept) <= Decimal("0.000001") * sum(s.size for s in signals)
    for token in {t.token_id for t in trades}:
        sent = [t.side for s in signals if s.token_id == token for t in trades if t.key in s.trade_keys]
        assert sent == [t.side for t in trades if t.token_id == token]
    assert aggregator.next_due() is None


def test_a_burst_is_one_signal_once_its_window_is_over() -> None:
    aggregator = Aggregator(window=0.003, burst_max=100)
    for number in range(3):
        aggregator.add(make(number, side=Side.BUY, token=1, price=50, size=10), 1.0 + number * 0.001)

    assert aggregator.due(1.0029) == []
    (signal,) = aggregator.due(1.0031)
    assert signal.size == 30
