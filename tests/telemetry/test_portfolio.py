"""What Prometheus sees of an account."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from remora.domain.limits import Limits
from remora.domain.measures import Largest, Measures, WhaleMeasure
from remora.domain.reasons import DeskMode, ExitReason, PositionState
from remora.telemetry.metrics import Metrics
from remora.telemetry.portfolio import WHALES_MAX

NOW = datetime(2026, 11, 1, tzinfo=UTC)
MEASURES = Measures(
    account="0xee",
    mode=DeskMode.PAUSED,
    scale=Decimal("0.5"),
    cash=Decimal(900),
    reserved=Decimal(100),
    held=Decimal(50),
    realised=Decimal(-60),
    unrealised=Decimal(10),
    fees=Decimal(1),
    day_start_equity=Decimal(1000),
    high_water_mark=Decimal(1000),
    largest=Largest(),
    entries_last_minute=0,
    states={PositionState.OPEN: 2, PositionState.NEEDS_ATTENTION: 1},
    exits={ExitReason.STOP_LOSS: 4},
    orders={("entry", "filled"): 7},
    decisions={("skip", "spread"): 3},
    last_decision_at=NOW,
)


def exposed(measures: Measures) -> list[str]:
    """Return the lines that a scrape gets."""
    metrics = Metrics(CollectorRegistry())
    metrics.portfolio.show(measures, Limits(), now=NOW)
    return generate_latest(metrics.registry).decode().splitlines()


def test_the_products_names_carry_the_accounts_numbers() -> None:
    lines = exposed(MEASURES)

    assert 'trading_pnl_total{account="0xee",kind="total"} -50.0' in lines
    assert 'trading_positions_open{account="0xee"} 3.0' in lines
    assert 'trading_orders_submitted{account="0xee",outcome="filled",purpose="entry"} 7.0' in lines
    assert 'trading_drawdown_ratio{account="0xee"} 0.05' in lines
    assert 'trading_desk_mode{account="0xee",mode="paused"} 1.0' in lines
    assert 'trading_cash_dollars{account="0xee",kind="free"} 800.0' in lines
    assert 'trading_limit_use_ratio{account="0xee",limit="daily_loss"} 1.0' in lines


def test_nothing_is_claimed_before_the_first_reading() -> None:
    text = generate_latest(Metrics(CollectorRegistry()).registry).decode()

    assert "trading_equity_dollars" not in text


def test_series_stay_bounded_however_many_whales_were_copied() -> None:
    many = [
        WhaleMeasure(
            whale=f"0x{n:040x}",
            realised=Decimal(n),
            unrealised=Decimal(0),
            committed=Decimal(0),
            open_positions=0,
        )
        for n in range(2000)
    ]
    lines = exposed(replace(MEASURES, whales=many))
    whales = [
        line for line in lines if line.startswith("trading_whale_pnl_dollars{") and 'kind="realised"' in line
    ]

    assert len(whales) == WHALES_MAX + 1
    assert sum(float(line.rsplit(" ", 1)[1]) for line in whales) == sum(range(2000))
